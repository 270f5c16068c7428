"""Before an issue leaves, its editors read what is wrong with it; only an owner sends it all the same."""

import json

import pytest
from click.testing import CliRunner

from newsletter.accounts.models import Role
from newsletter.cli.main import cli
from newsletter.core.clock import utc_now
from newsletter.core.urls import UNSUBSCRIBE
from newsletter.issues import clearance, inspection, queries
from newsletter.issues.one_click import Reply
from newsletter.issues.preflight.findings import Level, found
from tests.functional.conftest import House
from tests.support.staff import Staff
from worker.tasks import preflight

ISSUES = "/admin/newsletters/depeche/issues"
REASON = "Le site est en travaux, les lecteurs le savent."


@pytest.fixture
def owner(house: House) -> Staff:
    return Staff(house.reader()).come_in(house.staff_link())


def compose(staff: Staff) -> str:
    """Path of a draft."""
    staff.get("/admin/newsletters/depeche/articles/new")
    staff.post("/admin/newsletters/depeche/articles", title="Le pont", body="Le pont rouvre. On y passe.")
    staff.get(ISSUES)
    return staff.post(ISSUES).request.path


def spoil(house: House, draft: str) -> int:
    """As if something fatal had been found of a draft; its id."""
    issue_id = int(draft.rpartition("/")[2])
    with house.installation.database.unit() as session:
        clearance.record(
            session,
            issue_id=issue_id,
            revision=queries.by_id(session, issue_id).revision,
            findings=[found("leave_refused", Level.FATAL, "http://news.example", status=404)],
            started_at=utc_now(),
            now=utc_now(),
        )
    return issue_id


def test_the_composer_says_what_was_found(house: House, owner: Staff):
    draft = compose(owner)
    owner.get(draft)
    assert "Avant le départ" in owner.page
    assert "La vérification est en cours." in owner.page
    assert owner.get(f"{draft}/preflight/box?known=1").status_code == 204
    owner.get(f"{draft}/preflight/box")
    assert "Rien ne s’oppose au départ." in owner.page or "à regarder" in owner.page
    assert "n’ont pas encore été essayés" in owner.page
    spoil(house, draft)
    assert owner.get(f"{draft}/preflight/box?known=1").status_code == 200
    owner.get(draft)
    assert "La vérification est en cours." not in owner.page
    assert "Ce numéro ne part pas ainsi." in owner.page
    assert "Le service refuse un désabonnement en un clic\u00a0: état 404." in owner.page
    assert "NEWSLETTER_BASE_URL" in owner.page


def test_what_is_fatal_is_not_sent_until_an_owner_overrules(house: House, owner: Staff):
    draft = compose(owner)
    house.add_readers("depeche", "ama")
    spoil(house, draft)
    owner.get(f"{draft}/send")
    assert "Ce numéro ne part pas ainsi." in owner.page
    answer = owner.post(f"{draft}/send")
    assert answer.status_code == 422
    assert "Ce numéro ne part pas\u00a0: 1 chose ne va pas." in owner.page
    house.work()
    assert house.mails("ama@poste.example") == []

    editor = Staff(house.reader()).come_in(house.staff_link(Role.EDITOR, "esi@news.example"))
    editor.get(f"{draft}/preflight")
    assert "Un propriétaire peut passer outre." in editor.page
    assert editor.post(f"{draft}/preflight/overrule", reason=REASON).status_code == 403

    owner.get(f"{draft}/preflight")
    assert owner.post(f"{draft}/preflight/overrule", reason="oui").status_code == 422
    owner.get(f"{draft}/preflight")
    owner.post(f"{draft}/preflight/overrule", reason=REASON)
    owner.get(draft)
    assert f"akouvi@news.example est passé outre\u00a0: {REASON}" in owner.page
    owner.get(f"{draft}/send")
    owner.post(f"{draft}/send")
    house.work()
    assert len(house.mails("ama@poste.example")) == 1


def test_the_page_shows_everything_and_asks_again(house: House, owner: Staff, monkeypatch: pytest.MonkeyPatch):
    draft = compose(owner)
    monkeypatch.setattr(inspection.one_click, "post", lambda _url: Reply(200))
    preflight.check(int(draft.rpartition("/")[2]), 1)
    owner.get(f"{draft}/preflight")
    assert "Bon à savoir" in owner.page
    assert "non affiché par" in owner.page
    assert "Vérifié le" in owner.page
    owner.post(f"{draft}/preflight")
    assert "La vérification est en cours." in owner.page
    assert owner.get("/admin/issues/999999/preflight").status_code == 404
    assert house.reader().get(f"{draft}/preflight").status_code in (302, 303)


def test_the_command_answers_people_and_programs(house: House, owner: Staff):
    draft = compose(owner)
    issue_id = draft.rpartition("/")[2]
    told = CliRunner().invoke(cli, ["issues", "check", issue_id, "--json"])
    answer = json.loads(told.output)
    assert {"leave_unreached", "left_out_by"} <= {item["key"] for item in answer["findings"]}
    assert (told.exit_code, answer["stops"]) == (0, False)
    assert all(item["words"] and item["advice"] for item in answer["findings"])
    plain = CliRunner().invoke(cli, ["issues", "check", issue_id])
    assert "Nothing is in the way." in plain.output
    assert CliRunner().invoke(cli, ["issues", "check", "999999"]).exit_code != 0


def test_a_probe_of_leaving_changes_nothing(house: House):
    house.add_readers("depeche", "ama")
    probe = f"/u/{house.installation.signer.sign(UNSUBSCRIBE, 0, 0)}"
    for body in ({"List-Unsubscribe": "One-Click"}, {}):
        answer = house.reader().post(probe, data=body)
        assert answer.status_code == 200
        assert "Location" not in answer.headers
        assert "Set-Cookie" not in answer.headers
    assert house.reader().get(probe).status_code == 200
    assert house.reader().head(probe).status_code == 200
    house.send_digest("depeche")
    assert len(house.mails("ama@poste.example")) == 1
    forged = f"/u/{house.installation.signer.sign('preferences', 0, 0)}"
    assert house.reader().post(forged).status_code == 404
    assert house.reader().post(f"/u/{house.installation.signer.sign(UNSUBSCRIBE, 0, 5)}").status_code == 404
