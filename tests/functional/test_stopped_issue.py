"""An issue that has stopped by itself, as staff meet it: on the desk, on its page and in the terminal."""

import json
from dataclasses import asdict

import pytest
from click.testing import CliRunner

from newsletter.articles.editing import add_article
from newsletter.articles.extract import from_markdown
from newsletter.cli.main import cli
from newsletter.core.clock import utc_now
from newsletter.core.i18n import use_locale
from newsletter.issues import brake, digest, dispatch, status
from newsletter.issues import freeze as freezing
from newsletter.issues.models import Trigger
from newsletter.newsletters import queries as newsletters
from tests.functional.conftest import House
from tests.support.staff import Staff

REASON = brake.Reason(brake.Fault.HARD_BOUNCES, count=61, of=1000, limit=0.05)


@pytest.fixture
def stopped(house: House) -> int:
    """The id of an issue to two readers that the brake has stopped after the freeze."""
    here = house.installation
    house.add_readers("depeche", "ama", "kofi")
    with here.database.unit() as session:
        depeche = newsletters.by_slug(session, "depeche")
        story = from_markdown("# Le pont rouvre\n\nUn paragraphe qui raconte la suite.\n")
        add_article(session, story, newsletter_id=depeche.id, topic_id=None, now=utc_now())
        issue = digest.compose(session, depeche, trigger=Trigger.COMMAND, actor="test", now=utc_now())
        assert issue is not None
        dispatch.send(session, issue, actor="test", now=utc_now())
        freezing.freeze(session, issue.id, here.links, now=utc_now())
        status.lock(session, issue)
        brake.stop(session, issue, asdict(REASON), now=utc_now())
        return issue.id


@pytest.fixture
def akouvi(house: House) -> Staff:
    return Staff(house.reader()).come_in(house.staff_link())


def words(page: str) -> str:
    return " ".join(page.replace("\u00a0", " ").replace("\u202f", " ").split())


@pytest.mark.parametrize("path", ["/admin/", "/admin/issues/{id}"])
def test_desk_and_page_say_why(akouvi: Staff, stopped: int, path: str) -> None:
    akouvi.get(path.format(id=stopped))
    assert "arrêté de lui-même" in akouvi.page
    assert "61 messages sur 1 000 allaient à des adresses qui n’existent pas : 6,1 %" in words(akouvi.page)


def test_the_list_of_issues_marks_it(akouvi: Staff, stopped: int) -> None:
    akouvi.get("/admin/newsletters/depeche/issues")
    assert f"/admin/issues/{stopped}" in akouvi.page
    assert "arrêté de lui-même" in akouvi.page


def test_the_button_says_what_it_releases_and_does_so(house: House, akouvi: Staff, stopped: int) -> None:
    house.work()
    assert house.mails() == []
    akouvi.get(f"/admin/issues/{stopped}")
    assert "Reprendre malgré tout" in akouvi.page
    assert "Reprendre libère les messages à 2 lecteurs" in words(akouvi.page)
    akouvi.post(f"/admin/issues/{stopped}/resume")
    assert "arrêté de lui-même" not in akouvi.page
    assert "au double des limites" in akouvi.page
    house.work()
    assert len(house.mails()) == 2


@pytest.mark.usefixtures("house")
@pytest.mark.parametrize(
    ("locale", "sentence"),
    [("en", "61 of 1,000 messages went to addresses that do not exist"), ("fr", "61 messages sur 1 000")],
)
def test_the_command_says_why_in_both_languages(stopped: int, locale: str, sentence: str) -> None:
    with use_locale(locale):
        answer = CliRunner().invoke(cli, ["issues", "show", str(stopped)], catch_exceptions=False)
    assert sentence in words(answer.output)


@pytest.mark.usefixtures("house")
def test_the_command_gives_the_figures_as_data(stopped: int) -> None:
    shown = json.loads(CliRunner().invoke(cli, ["issues", "show", str(stopped), "--json"]).output)
    assert shown["status"] == "paused"
    assert shown["pause_reason"] == asdict(REASON)
    assert (shown["audience"], shown["deliveries"]["queued"]) == (2, 2)
    listed = CliRunner().invoke(cli, ["issues", "list"]).output
    assert "paused (hard_bounces)" in listed
    resumed = json.loads(CliRunner().invoke(cli, ["issues", "resume", str(stopped), "--json"]).output)
    assert (resumed["status"], resumed["pause_reason"], resumed["brake_released"]) == ("sending", None, True)


@pytest.mark.usefixtures("house")
def test_bounces_that_are_held_can_be_listed_and_decided_about_when_there_are_none() -> None:
    run = CliRunner()
    assert json.loads(run.invoke(cli, ["bounces", "held", "list", "--json"]).output) == []
    assert json.loads(run.invoke(cli, ["bounces", "held", "apply", "--json"]).output) == {"applied": 0}
    assert json.loads(run.invoke(cli, ["bounces", "held", "discard", "a.example", "--json"]).output) == {"discarded": 0}
