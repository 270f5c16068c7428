"""Texts that tell one story are found, and those that only follow one formula are kept apart."""

import random
import unicodedata

import pytest

from newsletter.articles.fingerprint import NEAR, Wording, distance
from tests.support import reports

SAME = {
    "more dead": (reports.FLOOD, reports.FLOOD_UPDATED),
    "more dead, and a paragraph more": (reports.FLOOD, reports.FLOOD_LATER),
    "more dead, in figures": (reports.FLOOD_IN_FIGURES, reports.FLOOD_IN_OTHER_FIGURES),
    "stronger than thought": (reports.QUAKE, reports.QUAKE_UPDATED),
    "agency text, slightly edited": (reports.LAW, reports.LAW_AGAIN),
    "agency text, framed and shortened": (reports.LAW, reports.LAW_FRAMED),
    "its beginning": (reports.FLOOD, reports.FLOOD_BEGINNING),
}
OTHER = {
    "weather": (reports.WEATHER, reports.OTHER_WEATHER),
    "weather, nearly the same": (reports.WEATHER, reports.WEATHER_ALIKE),
    "air": (reports.AIR, reports.AIR_NEXT_DAY),
    "markets": (reports.MARKETS, reports.OTHER_MARKETS),
    "lottery": (reports.LOTTERY, reports.OTHER_LOTTERY),
    "a series": (reports.SERIES, reports.OTHER_SERIES),
    "obituaries": (reports.OBITUARY, reports.OTHER_OBITUARY),
    "matches": (reports.MATCH, reports.OTHER_MATCH),
    "police reports": (reports.POLICE, reports.OTHER_POLICE),
    "laws": (reports.LAW, reports.OTHER_LAW),
    "the same news in somebody's own words": (reports.FLOOD, reports.OWN_WORDS),
}


def apart(one: str, other: str) -> int:
    first, second = Wording.of(one).fingerprint, Wording.of(other).fingerprint
    assert first is not None
    assert second is not None
    return distance(first, second)


@pytest.mark.parametrize("pair", SAME.values(), ids=SAME)
def test_states_of_one_story_are_found_under_any_title(pair: tuple[str, str]) -> None:
    one, other = map(Wording.of, pair)
    assert apart(*pair) <= NEAR
    assert one.same_story(other, same_title=False)
    assert other.same_story(one, same_title=False)


@pytest.mark.parametrize("pair", OTHER.values(), ids=OTHER)
def test_stories_of_one_formula_are_kept_apart_even_under_one_title(pair: tuple[str, str]) -> None:
    one, other = map(Wording.of, pair)
    assert not one.same_story(other, same_title=True)
    assert not other.same_story(one, same_title=False)


def test_case_accents_and_punctuation_mean_nothing() -> None:
    bare = "".join(
        letter for letter in unicodedata.normalize("NFD", reports.FLOOD.upper()) if not unicodedata.combining(letter)
    )
    assert bare != reports.FLOOD
    assert apart(reports.FLOOD, bare.replace(",", " –")) == 0


def test_texts_without_a_common_word_are_far_apart() -> None:
    rng = random.Random(7)
    texts = [" ".join(f"w{rng.randrange(10**6)}" for _ in range(150)) for _ in range(60)]
    distances = [apart(one, other) for at, one in enumerate(texts) for other in texts[:at]]
    assert min(distances) > NEAR - 2
    assert 31 < sum(distances) / len(distances) < 33


def test_a_script_without_latin_letters_is_told_apart_as_well() -> None:
    text = " ".join(f"слово{number} дело{number * 7 % 41}" for number in range(60))
    assert apart(text, text.replace("слово30", "другое")) <= NEAR


def test_a_short_text_has_no_fingerprint_and_is_the_same_only_under_its_title() -> None:
    text = "Le bac de Kpémé ne circule pas ce dimanche, faute de carburant."
    assert Wording.of(text).fingerprint is None
    assert Wording.of(text).same_story(Wording.of(text + " "), same_title=True)
    assert not Wording.of(text).same_story(Wording.of(text), same_title=False)
    assert not Wording.of(text).same_story(Wording.of("Le bac circule de nouveau dès lundi matin."), same_title=True)


def test_a_fingerprint_fits_a_signed_column_and_is_the_same_on_every_day_and_machine() -> None:
    found = [Wording.of(text).fingerprint for text in (reports.FLOOD, reports.LAW, reports.QUAKE, reports.SERIES)]
    assert all(value is not None and -(2**63) <= value < 2**63 for value in found)
    assert Wording.of(reports.FLOOD).fingerprint == FLOOD_FINGERPRINT


def test_an_endless_text_is_read_up_to_a_bound() -> None:
    wording = Wording.of("un mot de plus " * 100_000)
    assert wording.words == 800


# What is in the database must stay comparable with what later versions compute.
FLOOD_FINGERPRINT = 391910696098562513
