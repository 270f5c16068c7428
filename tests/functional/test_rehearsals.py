"""Rules are tried on the past before they are saved, and every past hour says what came of it."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.accounts.models import Role
from newsletter.articles.editing import add_article
from newsletter.core.clock import utc_now
from newsletter.issues import digest
from newsletter.issues.models import Trigger
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import schedules
from tests.functional.conftest import House
from tests.functional.test_cli import DONE, WRONG_USAGE, Call, evening, newsletter, prepared, refuses
from tests.support.newsroom import draft
from tests.support.staff import Staff

__all__ = ["evening", "newsletter", "prepared"]

RULES = "/admin/newsletters/depeche/rules"
RUNS = "/admin/newsletters/depeche/runs"
SPORT = {"sections": [{"key": "sport", "filter": {"any": [{"field": "keyword", "value": "match"}]}}]}
SPORT_FIELDS = {"s0-title": "Sport", "s0-c0-value": "match"} | {"s0-c0-attribute": "keyword"}


def live_through(house: House, *days: tuple[str, ...]) -> None:
    """Days that are over, the last of them yesterday: each brought these articles and a digest of them."""
    with house.installation.database.unit() as session:
        found = newsletters.by_slug(session, "depeche")
        main = schedules.main_of(session, found.id)
        begin = utc_now() - timedelta(days=len(days) + 1)
        found.created_at = main.created_at = begin
        for number, titles in enumerate(days):
            at = begin + timedelta(days=number, hours=12)
            for title in titles:
                add_article(session, draft(title), newsletter_id=found.id, topic_id=None, now=at)
            digest.compose(
                session, found, trigger=Trigger.COMMAND, actor="test", now=at, cut_off=at + timedelta(hours=1)
            )


@pytest.fixture
def owner(house: House) -> Staff:
    live_through(house, ("Le match de dimanche", "Le budget voté"), ("La pluie revient",), ("Un match nul",))
    person = Staff(house.reader()).come_in(house.staff_link())
    person.get(RULES)
    return person


def mark(owner: Staff) -> str:
    return re.findall(r'name="mark" value="(\w+)"', owner.page)[0]


def fields(owner: Staff) -> set[tuple[str, str]]:
    """What the fields of the page hold, by name."""
    typed = re.findall(r'name="([\w-]+)"[^>]* value="([^"]*)"', owner.page)
    chosen = re.findall(
        r'<select[^>]* name="([\w-]+)"(?:(?!</select>).)*?value="([^"]*)" selected', owner.page, re.DOTALL
    )
    return {*typed, *chosen}


def test_sections_are_built_by_buttons_alone(owner: Staff) -> None:
    """Every button brings along what was typed, and nothing is saved before somebody says so."""
    owner.post(RULES, mark=mark(owner), max_items="12", do="section-add")
    given = {"mark": mark(owner), "max_items": "12", "s0-title": "La une", "s0-c0-value": "pont"}
    owner.post(RULES, **given, do="section-add")
    owner.post(RULES, **given, **{"s1-title": "Sport", "s1-c0-value": "match"}, do="section-up:1")
    assert fields(owner) >= {("s0-title", "Sport"), ("s1-title", "La une"), ("max_items", "12")}
    owner.post(RULES, **{"mark": mark(owner), "s0-title": "Sport", "s0-c0-value": "match"}, do="condition-add:0")
    assert ("s0-c1-value", "") in fields(owner)
    owner.post(RULES, **{"mark": mark(owner), "s0-title": "Sport", "s0-c0-value": "match"}, do="condition-drop:0:0")
    assert "match" not in owner.page
    owner.post(RULES, **{"mark": mark(owner), "s0-title": "Sport"}, do="section-drop:0")
    assert "Sport" not in owner.page
    owner.get(RULES)
    assert "s0-title" not in owner.page


@pytest.mark.parametrize(
    "verb", ["section-up:0", "section-drop:9", "condition-drop:0:99", "section-down:99999999", "x"]
)
def test_a_button_that_is_none_does_no_harm(owner: Staff, verb: str) -> None:
    answer = owner.post(RULES, mark=mark(owner), **{"s0-title": "Sport"}, do=verb)
    assert answer.status_code == 200


def test_two_sections_of_one_title_have_keys_of_their_own(owner: Staff) -> None:
    owner.post(RULES, mark=mark(owner), **{"s0-title": "Sport", "s1-title": "Sport"}, do="save")
    assert fields(owner) >= {("s0-key", "sport"), ("s1-key", "sport-2")}


def test_rules_are_tried_on_the_past_weeks_and_only_then_saved(owner: Staff) -> None:
    given = {"mark": mark(owner), "max_items": "30", "minimum": "1"} | SPORT_FIELDS
    owner.post(RULES, **given, do="try")
    shown = owner.page.split('<form class="form-page')[0]
    assert "<del>Le budget voté</del>" in shown
    assert "<del>La pluie revient</del>" in shown
    assert "<del>Un match nul" not in shown
    assert "2 articles" in shown
    owner.get(RULES)
    assert "Sport" not in owner.page
    assert owner.post(RULES, **given, do="save").request.path == RULES
    assert fields(owner) >= set(SPORT_FIELDS.items()) | {("s0-key", "sport")}


def test_rules_that_would_have_sent_nothing_say_so(owner: Staff) -> None:
    nothing = {"x-c0-how": "any", "x-c0-attribute": "language", "x-c0-value": "fr"}
    owner.post(RULES, mark=mark(owner), **nothing, do="try")
    assert 'role="alert"' in owner.page
    assert "Pas un article" in owner.page


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"max_items": "0"}, "max_items"),
        ({"max_items": "many"}, "max_items"),
        ({"minimum": "301"}, "minimum"),
        ({"per_author": "-1"}, "per_author"),
        ({"s0-title": "Sport", "s0-count": "many"}, "s0-count"),
        ({"s0-title": "Sport", "s0-minimum": "301"}, "s0-minimum"),
        ({"s0-title": "Sport", "s0-key": "Été"}, "parts"),
        ({"s0-title": "x" * 200}, "parts"),
        ({"s0-title": "Sport", "s0-order": "random"}, "parts"),
        ({"x-c0-value": "x", "x-c0-attribute": "shoe"}, "parts"),
        ({"order": "random"}, "parts"),
    ],
)
@pytest.mark.parametrize("action", ["try", "save"])
def test_what_is_no_rule_is_named_and_kept(owner: Staff, given: dict[str, str], field: str, action: str) -> None:
    answer = owner.post(RULES, mark=mark(owner), **({"per_source": "7"} | given), do=action)
    assert answer.status_code == 422
    assert f'<a href="#{field}">' in owner.page
    assert 'value="7"' in owner.page


def test_the_second_of_two_sees_what_the_first_has_saved(owner: Staff) -> None:
    before = mark(owner)
    owner.post(RULES, mark=before, max_items="5", do="save")
    assert owner.post(RULES, mark=before, max_items="9", do="save").status_code == 409
    assert '"max_items": 5' in owner.page
    assert 'value="9"' in owner.page
    owner.post(RULES, mark=mark(owner), max_items="9", do="save")
    assert 'id="max_items" name="max_items" type="number" value="9"' in owner.page


def test_past_hours_tell_what_came_of_them_and_why(owner: Staff) -> None:
    owner.get(RUNS)
    assert owner.page.count("<time ") == 3
    first = re.findall(rf'href="({RUNS}/\d+)"', owner.page)[-1]
    owner.get(first)
    assert "Le match de dimanche" in owner.page
    assert owner.get(f"{RUNS}/999").status_code == 404
    assert owner.get("/admin/newsletters/nope/runs/1").status_code == 404


def test_only_who_manages_newsletters_changes_rules(house: House) -> None:
    editor = Staff(house.reader()).come_in(house.staff_link(Role.EDITOR))
    assert editor.get(RULES).status_code == 403
    assert editor.get(RUNS).status_code == 200


def test_commands_rehearse_and_tell(evening: Call, tmp_path: Path) -> None:
    for title in ("The match", "The budget"):
        (tmp_path / "story.md").write_text(f"# {title}\n\nA text about {title}.\n", "utf-8")
        evening("articles", "add", tmp_path / "story.md", "--newsletter", "evening")
    assert evening("digest", "send", "evening").code == DONE
    (tmp_path / "rules.json").write_text(json.dumps(SPORT), "utf-8")
    tried = evening("digest", "replay", "evening", "--rules", tmp_path / "rules.json", "--json").data
    assert (tried["before"]["articles"], tried["after"]["articles"]) == (2, 1)
    assert len(tried["lost"]) == 1
    assert "The budget" in evening("digest", "replay", "evening", "--rules", tmp_path / "rules.json").out
    dry = evening("digest", "rules", "evening", "--set", tmp_path / "rules.json", "--dry-run", "--json").data
    assert dry["lost"] == tried["lost"]
    assert evening("digest", "rules", "evening", "--json").data["sections"] == []
    hourly = evening("digest", "replay", "evening", "--schedule", "0 * * * *", "--weeks", "1", "--json").data
    assert hourly["before"]["runs"] == 1
    (run,) = evening("digest", "runs", "evening", "--why", "--json").data
    assert (run["outcome"], run["number"], len(run["trace"])) == ("issue", 1, 2)
    assert evening("digest", "runs", "evening", "--without-issue", "--json").data == []
    assert "The match" in evening("digest", "runs", "evening", "--why").out


def test_a_rhythm_may_have_rules_of_its_own(evening: Call, tmp_path: Path) -> None:
    evening("schedules", "add", "sunday", "0 9 * * 0", "--newsletter", "evening")
    (tmp_path / "rules.json").write_text('{"max_items": 5}', "utf-8")
    own = ("digest", "rules", "evening", "--cadence", "sunday")
    assert evening(*own, "--set", tmp_path / "rules.json", "--json").data["max_items"] == 5
    assert evening("digest", "rules", "evening", "--json").data["max_items"] == 30
    assert evening(*own, "--default", "--json").data["max_items"] == 30


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("replay", "nope"), ("nope",)),
        (("replay", "evening", "--schedule", "x"), ("five fields",)),
        (("replay", "evening", "--schedule", "0 0 31 2 *"), ("read",)),
        (("replay", "evening", "--cadence", "weekly"), ("weekly", "main")),
        (("rules", "evening", "--cadence", "weekly"), ("weekly", "main")),
        (("runs", "nope"), ("nope",)),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(evening: Call, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    refuses(evening("digest", *arguments), *words)


def test_weeks_are_bounded(evening: Call) -> None:
    assert evening("digest", "replay", "evening", "--weeks", "0").code == WRONG_USAGE
    assert evening("digest", "replay", "evening", "--weeks", "27").code == WRONG_USAGE
