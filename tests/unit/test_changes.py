"""A corrected comma is no news; a corrected figure is."""

import pytest

from newsletter.articles.changes import says_something_else

TEXT = "Le pont de Lomé rouvre lundi. Douze personnes ont été blessées, dont 3 enfants, a dit la mairie."


@pytest.mark.parametrize(
    "after",
    [
        TEXT,
        TEXT.replace(". ", ".\n\n  "),
        TEXT.replace("dont 3 enfants, a", "dont 3 enfants – a"),
        TEXT.upper(),
        TEXT.replace("blessées", "blesées").replace("enfants", "enfant"),
        TEXT.replace("la mairie", "la mairie de Lomé"),
        "Douze personnes ont été blessées, dont 3 enfants, a dit la mairie. Le pont de Lomé rouvre lundi.",
    ],
    ids=["nothing", "white space", "punctuation", "case", "typing errors", "two words", "order"],
)
def test_what_says_the_same_is_no_revision(after: str) -> None:
    assert not says_something_else(TEXT, after)


@pytest.mark.parametrize(
    "after",
    [
        TEXT.replace("3 enfants", "4 enfants"),
        TEXT.replace("blessées", "tuées").replace("lundi", "jamais"),
        TEXT + " Le maire présente ses excuses.",
        TEXT.split(".", maxsplit=1)[0],
        "",
    ],
    ids=["a figure", "two other words", "a sentence more", "a sentence less", "nothing left"],
)
def test_what_says_something_else_is_one(after: str) -> None:
    assert says_something_else(TEXT, after)


def test_every_word_of_a_title_counts_but_no_typing_error() -> None:
    assert says_something_else("Le pont rouvre", "Le pont rouvre lundi", stray=0)
    assert not says_something_else("Le pont rouvre", "Le pont rouvvre", stray=0)


def test_a_long_rewritten_text_is_compared_at_once() -> None:
    before = " ".join(f"mot{number % 997}a" for number in range(60_000))
    assert says_something_else(before, before.replace("mot", "nom"))
