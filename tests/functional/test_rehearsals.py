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


def test_rules_are_tried_on_the_past_weeks_and_only_then_saved(owner: Staff) -> None:
    given = {"mark": mark(owner), "max_items": "30", "minimum": "1", "parts": json.dumps(SPORT)}
    owner.post(RULES, **given, do="try")
    shown = owner.page.split('<form class="form-page')[0]
    assert "<del>Le budget voté</del>" in shown
    assert "<del>La pluie revient</del>" in shown
    assert "<del>Un match nul" not in shown
    assert "2 articles" in shown
    owner.get(RULES)
    assert "sport" not in owner.page
    assert owner.post(RULES, **given, do="save").request.path == RULES
    assert '"sport"' in owner.page


def test_rules_that_would_have_sent_nothing_say_so(owner: Staff) -> None:
    nothing = {"exclude": {"any": [{"field": "language", "value": "fr"}]}}
    owner.post(RULES, mark=mark(owner), parts=json.dumps(nothing), do="try")
    assert 'role="alert"' in owner.page
    assert "Pas un article" in owner.page


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"max_items": "0"}, "max_items"),
        ({"max_items": "many"}, "max_items"),
        ({"minimum": "301"}, "minimum"),
        ({"per_author": "-1"}, "per_author"),
        ({"parts": "["}, "parts"),
        ({"parts": "[" * 5000}, "parts"),
        ({"parts": "[]"}, "parts"),
        ({"parts": '{"max_items": 3}'}, "parts"),
        ({"parts": '{"sections": [{"key": "Été"}]}'}, "parts"),
        ({"parts": '{"sections": [{"key": "a"}, {"key": "a"}]}'}, "parts"),
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
