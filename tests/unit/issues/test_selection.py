"""Selection is a function of rows, rules and time: what it promises holds for whatever comes in."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.core.i18n import use_locale
from newsletter.issues.selection.candidate import Candidate, Verdict
from newsletter.issues.selection.choose import choose
from newsletter.issues.selection.pick import Pool
from newsletter.issues.selection.reasons import in_words
from newsletter.issues.selection.rules import Rules, RulesError, read_rules, rules_document

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def article(number: int, **values: Any) -> Candidate:
    """An article that came in so many minutes before noon."""
    given = {
        "story_id": number,
        "title": f"Nouvelle {number}",
        "placed_at": NOON - timedelta(minutes=number),
        "language": "fr",
    }
    return Candidate(article_id=number, **(given | values))


def chosen(candidates: list[Candidate], **rules: Any) -> list[int]:
    """What a reader of everything gets."""
    selection = choose(candidates, read_rules(rules), cut_off=NOON)
    return [ruling.article_id for ruling in selection.rulings if ruling.verdict is Verdict.IN]


def reason(candidates: list[Candidate], number: int, **rules: Any) -> str:
    selection = choose(candidates, read_rules(rules), cut_off=NOON)
    (ruling,) = [item for item in selection.rulings if item.article_id == number]
    with use_locale("en"):
        return in_words(ruling.verdict, ruling.reason)


ARTICLES = st.lists(
    st.builds(
        article,
        st.integers(1, 40),
        story_id=st.integers(1, 25),
        topic_id=st.sampled_from([None, 1, 2, 3]),
        topic=st.sampled_from(["", "Sport", "Culture"]),
        author=st.sampled_from(["", "Ama", "Kofi"]),
        source=st.sampled_from(["", "AFP"]),
        language=st.sampled_from(["fr", "en"]),
        pin=st.sampled_from([None, None, None, 1, 2]),
        reserve=st.booleans(),
        embargo_until=st.sampled_from([None, NOON + timedelta(hours=1)]),
        expires_at=st.sampled_from([None, NOON]),
    ),
    max_size=30,
    unique_by=lambda item: item.article_id,
)
RULES = st.builds(
    dict,
    max_items=st.integers(1, 10),
    minimum=st.integers(1, 4),
    too_little=st.sampled_from(["skip", "hold", "merge", "top_up"]),
    per_author=st.sampled_from([None, 1, 2]),
    per_source=st.sampled_from([None, 1]),
    order=st.sampled_from(["newest", "score", "hand"]),
    languages=st.sampled_from(["any", "own"]),
    sections=st.sampled_from(
        [
            [],
            [
                {"key": "sport", "filter": {"any": [{"field": "topic", "value": "sport"}]}, "count": 2, "minimum": 1},
                {"key": "rest", "offset": 1},
            ],
        ]
    ),
)


@given(ARTICLES, RULES, st.randoms())
def test_every_article_has_one_ruling_whatever_the_order_of_the_rows(articles: Any, rules: Any, rng: Any) -> None:
    first = choose(articles, read_rules(rules), cut_off=NOON)
    assert Counter(item.article_id for item in first.rulings) == Counter(item.article_id for item in articles)
    rng.shuffle(articles)
    assert choose(articles, read_rules(rules), cut_off=NOON) == first


@given(ARTICLES, RULES)
def test_no_cap_is_exceeded_and_no_story_comes_twice(articles: Any, rules: Any) -> None:
    known = {item.article_id: item for item in articles}
    inside = [known[number] for number in chosen(articles, **rules)]
    loose = [item for item in inside if item.pin is None]
    assert len(inside) <= rules["max_items"]
    assert len({item.story_id for item in inside}) == len(inside)
    for cap, words in (("per_author", [i.author for i in loose]), ("per_source", [i.source for i in loose])):
        if rules[cap]:
            assert all(count <= rules[cap] for word, count in Counter(words).items() if word)
    assert not any(item.embargo_until or item.expires_at for item in inside)


@given(ARTICLES, RULES, st.frozensets(st.integers(1, 3), min_size=1), st.frozensets(st.integers(1, 25)))
def test_a_reader_gets_their_topics_and_nothing_they_had(articles: Any, rules: Any, topics: Any, seen: Any) -> None:
    read = read_rules(rules)
    selection = choose(articles, read, cut_off=NOON)
    pool = Pool(selection.pool, read)
    known = {item.article_id: item for item in articles}
    picked = pool.pick(topics=topics, language="fr", seen=seen)
    assert len(set(picked)) == len(picked) <= read.max_items
    for number in picked:
        item = known[number]
        assert item.story_id not in seen
        assert item.topic_id is None or item.topic_id in topics or item.pin is not None
        assert rules["languages"] == "any" or item.language == "fr"
    told = pool.explain(topics=topics, language="fr", seen=seen)
    assert tuple(item.article_id for item in told if item.verdict is Verdict.IN) == picked
    if not rules["sections"] and not rules["per_author"] and not rules["per_source"]:
        fitting = [ruling for ruling in told if ruling.verdict is not Verdict.OUT]
        assert len(picked) == min(read.max_items, len(fitting))


def test_the_latest_leads_and_a_date_that_cannot_be_is_not_believed() -> None:
    late = article(1, published_at=NOON + timedelta(days=365 * 70))
    old = article(2, published_at=datetime(1970, 1, 1, tzinfo=UTC))
    said = article(3, published_at=NOON - timedelta(hours=5))
    assert chosen([said, old, late]) == [1, 2, 3]


def test_a_pin_leads_and_says_who_put_it_there() -> None:
    articles = [article(1), article(2), article(9, pin=1, pinned_by="ama@gazette.example")]
    assert chosen(articles) == [9, 1, 2]
    assert reason(articles, 9) == "In: pinned by ama@gazette.example"


def test_the_third_of_an_author_waits() -> None:
    articles = [article(number, author="Ama") for number in (1, 2, 3)]
    assert chosen(articles, per_author=2) == [1, 2]
    assert reason(articles, 3, per_author=2) == "Not this time: Ama has 2 already"


def test_a_boost_outweighs_age() -> None:
    assert chosen([article(1), article(600, boost=3)], order="score") == [600, 1]
    assert chosen([article(1), article(600)], order="score") == [1, 600]


def test_keywords_are_whole_words_without_accents_and_case() -> None:
    rules = {"exclude": {"any": [{"field": "keyword", "value": "économie"}]}}
    articles = [article(1, title="L'ECONOMIE va"), article(2, title="Économies"), article(3, text="l’économie, dit-il")]
    assert chosen(articles, **rules) == [2]
    assert reason(articles, 1, **rules) == "Out: the rules exclude it"


def test_rules_that_exclude_everything_find_nothing_and_say_why() -> None:
    rules = {"exclude": {"any": [{"field": "language", "value": "fr"}]}}
    selection = choose([article(1), article(2)], read_rules(rules), cut_off=NOON)
    assert (selection.pool, selection.found, selection.enough) == ((), 0, False)
    assert len(selection.rulings) == 2


def test_the_reserve_fills_up_a_thin_day_and_no_other() -> None:
    articles = [article(1), article(50, reserve=True), article(60, reserve=True)]
    assert chosen(articles, minimum=2, too_little="top_up") == [1, 60]
    assert chosen(articles, minimum=1, too_little="top_up") == [1]
    assert reason(articles, 60, minimum=2, too_little="top_up").startswith("In: from the reserve")


@pytest.mark.parametrize(
    ("document", "word"),
    [
        ({"max_items": 0}, "max_items"),
        ({"max_items": 10_000}, "max_items"),
        ({"colour": "red"}, "colour"),
        ({"order": "random"}, "order"),
        ({"sections": [{"title": "Sport"}]}, "sections.0.key"),
        ({"sections": [{"key": "a"}, {"key": "a"}]}, "sections"),
        ({"sections": [{"key": "Sport !"}]}, "sections.0.key"),
        ({"exclude": {"any": [{"field": "colour", "value": "x"}]}}, "exclude.any.0.field"),
        ({"sections": [{"key": f"s{number}"} for number in range(21)]}, "sections"),
        ({"minimum": "many"}, "minimum"),
    ],
)
def test_rules_that_make_no_sense_are_refused_by_name(document: dict[str, Any], word: str) -> None:
    with use_locale("en"), pytest.raises(RulesError, match=word.replace(".", r"\.")):
        read_rules(document)


@given(RULES)
def test_stored_rules_are_the_rules(rules: Any) -> None:
    assert read_rules(rules_document(read_rules(rules))) == read_rules(rules)
    assert rules_document(Rules()) == {}
