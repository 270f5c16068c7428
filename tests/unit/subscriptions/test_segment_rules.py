"""A rule is read whole or refused in words, and can be said in both languages."""

import json

import pytest

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import NARROW_NO_BREAK, use_locale
from newsletter.subscriptions.segments import sql, wording
from newsletter.subscriptions.segments.conditions import CONDITIONS, Names
from newsletter.subscriptions.segments.names import check
from newsletter.subscriptions.segments.reading import RuleError, document_of, read_condition, read_rule
from newsletter.subscriptions.segments.rule import (
    MOST_CONDITIONS,
    MOST_GROUPS,
    Condition,
    Field,
    Group,
    Match,
    Op,
    Rule,
)

LANGUAGE = {"field": "language", "op": "is", "value": "fr"}
KNOWN = Names({3: "Sport"}, {1: "Chaque soir"}, {7: "le numéro 4"})


def rule(*of: object, match: str = "all", **more: object) -> dict[str, object]:
    return {"version": 1, "match": match, "of": list(of)} | more


def test_a_rule_survives_being_written_and_read() -> None:
    inner = {"match": "none", "of": [{"field": "attribute", "op": "there", "name": "ville"}]}
    document = rule(LANGUAGE, inner, {"field": "joined", "op": "within", "value": 30})
    read = read_rule(json.loads(json.dumps(document)))
    assert document_of(read) == document
    assert read.of[1] == Group(Match.NONE, (Condition(Field.ATTRIBUTE, Op.THERE, name="ville"),))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "JSON object"),
        (rule(LANGUAGE, version=2), "version"),
        (rule(LANGUAGE, version=True), "version"),
        (rule(LANGUAGE, more=1), "“more” is not known"),
        (rule(LANGUAGE, match="some"), "“some” is no “match”"),
        (rule(LANGUAGE, match=["all"]), "no “match”"),
        (rule(), "everybody"),
        (rule({"match": "all", "of": []}), "everybody"),
        (rule() | {"of": "x"}, "list"),
        (rule({"match": "all", "of": [{"match": "any", "of": [LANGUAGE]}]}), "no other group"),
        (rule(*[LANGUAGE] * (MOST_CONDITIONS + 1)), "conditions at most"),
        (rule(*[LANGUAGE] * 500), "conditions at most"),
        (rule(*[{"match": "all", "of": [LANGUAGE]}] * (MOST_GROUPS + 1)), "groups at most"),
        (rule("x"), "JSON object"),
        (rule({"field": "password", "op": "is", "value": "x"}), "“password” is no “field”"),
        (rule({"field": "language", "op": "like", "value": "x"}), "“like” is no “op”"),
        (rule({"field": "language", "op": "ends", "value": "r"}), "cannot be asked by"),
        (rule(LANGUAGE | {"value": "xx"}), "not one of these"),
        (rule(LANGUAGE | {"value": 3}), "not one of these"),
        (rule(LANGUAGE | {"name": "x"}), "Only an attribute"),
        (rule(LANGUAGE | {"sql": "1=1"}), "“sql” is not known"),
        (rule({"field": "joined", "op": "within", "value": 0}), "number of days"),
        (rule({"field": "joined", "op": "within", "value": True}), "number of days"),
        (rule({"field": "joined", "op": "within", "value": "9" * 30}), "number of days"),
        (rule({"field": "clicked", "op": "not_within", "value": 366}), "known for 365 days"),
        (rule({"field": "bounced", "op": "not_within", "value": 3}), "cannot be asked by"),
        (rule({"field": "joined", "op": "before", "value": "30.2.2026"}), "no date"),
        (rule({"field": "joined", "op": "before", "value": 20260101}), "no date"),
        (rule({"field": "topic", "op": "is", "value": -1}), "Choose one"),
        (rule({"field": "topic", "op": "is", "value": 2**63}), "Choose one"),
        (rule({"field": "domain", "op": "is", "value": "%"}), "domain"),
        (rule({"field": "domain", "op": "is", "value": "..."}), "domain"),
        (rule({"field": "attribute", "op": "is", "value": "x"}), "Name the attribute"),
        (rule({"field": "attribute", "op": "is", "value": "x", "name": "a\0b"}), "invisible"),
        (rule({"field": "attribute", "op": "is", "value": "x" * 256, "name": "a"}), "too long"),
        (rule({"field": "attribute", "op": "there", "value": "x", "name": "a"}), "compares with nothing"),
    ],
)
def test_what_is_no_rule_is_refused_in_words(document: object, words: str) -> None:
    with use_locale("en"), pytest.raises(RuleError, match=words):
        read_rule(document)


def test_a_domain_is_read_as_addresses_keep_it() -> None:
    def read(text: str) -> object:
        return read_condition({"field": "domain", "op": "ends", "value": text}).value

    assert read(" Poste.Example ") == "poste.example"
    assert read("ama@Poste.Example") == "poste.example"
    assert read(".tg") == ".tg"
    assert read("café.example") == "xn--caf-dma.example"


def test_every_condition_is_in_each_of_the_tables() -> None:
    assert set(CONDITIONS) == set(Field) == set(sql._BY_FIELD)
    for field, asked in CONDITIONS.items():
        assert asked.field is field
        assert asked.label()
        assert all(asked.op(op) for op in asked.takes)
        assert {op for op, words in asked.offered() if words} <= set(asked.takes)


SAID = [
    ({"field": "joined", "op": "within", "value": 30}, "joined the newsletter less than 30 days ago"),
    ({"field": "joined", "op": "within", "value": 1}, "joined the newsletter less than 1 day ago"),
    ({"field": "joined", "op": "before", "value": "2026-01-05"}, "joined the newsletter before 5 January 2026"),
    ({"field": "joined", "op": "since", "value": "2026-01-05"}, "joined the newsletter on 5 January 2026 or later"),
    ({"field": "domain", "op": "is", "value": "poste.tg"}, "has an address at poste.tg"),
    ({"field": "domain", "op": "ends", "value": ".tg"}, "has an address whose domain ends with “.tg”"),
    (LANGUAGE, "reads in français"),
    ({"field": "edition", "op": "is", "value": "light"}, "has chosen the edition “light”"),
    ({"field": "topic", "op": "is", "value": 3}, "gets the topic “Sport”"),
    ({"field": "topic", "op": "is", "value": 9}, "gets the topic “(gone: 9)”"),
    ({"field": "cadence", "op": "is", "value": 1}, "is on the rhythm “Chaque soir”"),
    ({"field": "came_by", "op": "is", "value": "import"}, "came in by a file"),
    ({"field": "attribute", "op": "is", "value": "Lomé", "name": "ville"}, "has the attribute “ville” equal to “Lomé”"),
    ({"field": "attribute", "op": "contains", "value": "é", "name": "ville"}, "has “é” in the attribute “ville”"),
    ({"field": "attribute", "op": "there", "name": "100%"}, "has an attribute “100%”"),
    ({"field": "issue", "op": "sent", "value": 7}, "was sent le numéro 4"),
    ({"field": "nothing_sent", "op": "within", "value": 90}, "was sent nothing in the last 90 days"),
    ({"field": "bounced", "op": "within", "value": 1}, "has had mail come back in the last 1 day"),
    ({"field": "clicked", "op": "within", "value": 30}, "clicked a link in the last 30 days"),
    ({"field": "clicked", "op": "not_within", "value": 90}, "clicked no link in the last 90 days"),
]


@pytest.mark.parametrize(("condition", "words"), SAID)
def test_a_condition_is_said_in_english(condition: object, words: str) -> None:
    with use_locale("en"):
        assert wording.condition_in_words(read_condition(condition), KNOWN) == words


@pytest.mark.parametrize(("condition", "english"), SAID)
def test_a_condition_is_said_in_french_too(condition: object, english: str) -> None:
    with use_locale("fr"):
        assert wording.condition_in_words(read_condition(condition), KNOWN) != english


def test_french_speaks_of_days_as_a_journalist_does() -> None:
    recent = read_condition({"field": "joined", "op": "within", "value": 3000})
    with use_locale("fr"):
        said = wording.condition_in_words(recent, KNOWN)
    assert said == f"a rejoint la lettre il y a moins de 3{NARROW_NO_BREAK}000 jours"


def test_a_rule_is_said_as_lines() -> None:
    none = {"match": "none", "of": [SAID[4][0], LANGUAGE]}
    with use_locale("en"):
        lines = wording.in_words(read_rule(rule(SAID[0][0], none, match="any")), KNOWN)
    assert lines == [
        "Readers of whom at least one of these is true:",
        "joined the newsletter less than 30 days ago",
        "none of: has an address at poste.tg; reads in français",
    ]


def test_the_ids_a_rule_names_are_found_in_groups_too() -> None:
    topic = Condition(Field.TOPIC, Op.IS, 3)
    assert Rule(Match.ALL, (Group(Match.ANY, (topic,)),)).ids(Field.TOPIC) == {3}


def test_clicks_are_asked_about_where_they_are_measured_only() -> None:
    asked = read_rule(rule({"match": "none", "of": [{"field": "clicked", "op": "not_within", "value": 90}]}))
    with use_locale("en"), pytest.raises(RefusedError, match="does not measure who clicks"):
        check(asked, Names())
    check(asked, Names(clicks=True))
