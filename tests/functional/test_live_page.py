"""An issue under way and after it, as the newsroom sees it: domains, one delivery's story, slow down, send again."""

import json
import re

import pytest
from click.testing import CliRunner

from newsletter.accounts.models import Role
from newsletter.cli.main import cli
from newsletter.core.clock import utc_now
from newsletter.core.i18n import use_locale
from newsletter.delivery.models import Batch, Delivery, DeliveryStatus
from newsletter.feedback import inbox
from newsletter.feedback.inbox import Incoming
from newsletter.issues import dispatch, queries, resending
from newsletter.subscriptions import queries as subscriptions
from tests.functional.conftest import House
from tests.support.staff import Staff
from worker.tasks import feedback, issues

AMA = "ama@poste.example"


@pytest.fixture
def editor(house: House) -> Staff:
    house.add_readers("depeche", "ama", "kofi", "yao")
    return Staff(house.reader()).come_in(house.staff_link(Role.EDITOR))


@pytest.fixture
def owner(house: House) -> Staff:
    return Staff(house.reader()).come_in(house.staff_link(Role.OWNER, "owner@news.example"))


def words(page: str) -> str:
    return " ".join(page.replace("\u00a0", " ").replace("\u202f", " ").split())


def send(house: House) -> int:
    house.send_digest("depeche")
    with house.installation.database.reading() as session:
        issue_id = queries.page(session)[0].id
    issues.count_domains(issue_id)
    return issue_id


def fail(house: House, issue_id: int, email: str, status: DeliveryStatus) -> None:
    """As if a server had refused it for a while, or the connection had been lost after it."""
    with house.installation.database.unit() as session:
        reader = subscriptions.of_address(session, email)[0].subscriber_id
        row = session.query(Delivery).filter_by(issue_id=issue_id, subscriber_id=reader).one()
        batch = session.get_one(Batch, row.batch_id)
        batch.sent -= 1
        setattr(batch, status.value, getattr(batch, status.value) + 1)
        row.status, row.reply = status, "552 5.2.2 mailbox <b>full</b>"
    issues.count_domains(issue_id)


def test_the_page_shows_domains_and_each_leads_to_its_deliveries(house: House, editor: Staff) -> None:
    issue_id = send(house)
    editor.get(f"/admin/issues/{issue_id}")
    assert "Par domaine" in editor.page
    assert f"/admin/issues/{issue_id}?domain=poste.example#deliveries" in editor.page
    editor.get(f"/admin/issues/{issue_id}?domain=poste.example&status=sent&q=am")
    assert AMA.replace("@", "<wbr>@") in editor.page
    assert "kofi" not in editor.page
    for path in (
        "?domain=nowhere.example",
        "?after=%00",
        "?after=99999999999999999999",
        "?q=%00&after=x",
        "?domain=%25",
    ):
        assert editor.get(f"/admin/issues/{issue_id}{path}").status_code == 200


def test_did_she_get_it(house: House, editor: Staff) -> None:
    issue_id = send(house)
    editor.get(f"/admin/issues/{issue_id}?q=ama")
    path = re.search(rf"/admin/issues/{issue_id}/deliveries/\d+", editor.page)
    assert path
    editor.get(path[0])
    page = words(editor.page)
    assert "Oui, autant qu’on puisse le savoir." in page
    mail = house.mails(AMA)[-1]
    assert f"Message-ID: {dict(mail.headers)['Message-ID']}" in page
    assert f"Envelope sender: {mail.stored.envelope_sender}" in page
    assert "Accepté par le relais" in page
    assert "par default" in page
    sender = mail.stored.envelope_sender
    raw = (
        f"From: MAILER-DAEMON@mx.example\r\nTo: {sender}\r\nSubject: failure\r\n\r\n"
        f"<{AMA}>:\r\n550 5.1.1 no such user <script>alert(1)</script>\r\n"
    )
    with house.installation.database.unit() as session:
        inbox.store(session, [Incoming("smtp", raw.encode(), "", sender)], now=utc_now())
    feedback.read()
    answer = editor.get(path[0])
    assert "Non, il est revenu." in words(editor.page)
    assert "<script>alert" not in answer.text
    assert "/admin/incoming" not in editor.page, "an editor does not look after incoming mail"


def test_a_delivery_of_another_issue_is_not_found(house: House, editor: Staff) -> None:
    issue_id = send(house)
    with house.installation.database.reading() as session:
        delivery_id = session.query(Delivery.id).filter_by(issue_id=issue_id).first()[0]
    assert editor.get(f"/admin/issues/{issue_id}/deliveries/{delivery_id}").status_code == 200
    for path in (f"{issue_id + 1}/deliveries/{delivery_id}", f"{issue_id}/deliveries/{delivery_id + 999}"):
        assert editor.get(f"/admin/issues/{path}").status_code == 404


def test_an_issue_is_slowed_down_and_let_go_again(house: House, editor: Staff) -> None:
    issue_id = send(house)
    with house.installation.database.unit() as session:
        issue = queries.by_id(session, issue_id)
        issue.status = "sending"  # type: ignore[assignment]
    editor.get(f"/admin/issues/{issue_id}")
    editor.post(f"/admin/issues/{issue_id}/slow", limit="30", unit="minute")
    assert "au plus 30 par minute" in words(editor.page)
    for nonsense in ("", "-3", "0", "nan", "inf", "1e99", "x" * 50, "٣"):
        assert editor.post(f"/admin/issues/{issue_id}/slow", limit=nonsense, unit="second").status_code == 422
        editor.get(f"/admin/issues/{issue_id}")
    editor.post(f"/admin/issues/{issue_id}/slow", limit="2,5", unit="second")
    assert "au plus 2,5 par seconde" in words(editor.page)
    editor.post(f"/admin/issues/{issue_id}/slow", off="1")
    assert "au plus 2,5 par seconde" not in words(editor.page)


def test_an_analyst_sees_and_touches_nothing(house: House, editor: Staff) -> None:
    issue_id = send(house)
    fail(house, issue_id, AMA, DeliveryStatus.FAILED)
    analyst = Staff(house.reader()).come_in(house.staff_link(Role.ANALYST, "yawa@news.example"))
    assert analyst.get(f"/admin/issues/{issue_id}").status_code == 200
    assert "/resend" not in analyst.page
    assert analyst.get(f"/admin/issues/{issue_id}/resend").status_code == 403
    for verb in ("slow", "resend", "cancel", "pause"):
        assert analyst.post(f"/admin/issues/{issue_id}/{verb}", limit="5", number="1").status_code == 403


def test_those_who_were_missed_get_it_again_once(house: House, editor: Staff) -> None:
    issue_id = send(house)
    fail(house, issue_id, AMA, DeliveryStatus.FAILED)
    editor.get(f"/admin/issues/{issue_id}")
    assert f"/admin/issues/{issue_id}/resend" in editor.page
    editor.get(f"/admin/issues/{issue_id}/resend")
    assert "Le renvoyer à 1 lecteur" in words(editor.page)
    assert "Échoués, et qui peuvent réussir maintenant" in words(editor.page)
    before = len(house.mails(AMA))
    editor.post(f"/admin/issues/{issue_id}/resend", number="1")
    assert "Il repart pour 1 lecteur." in words(editor.page)
    assert editor.post(f"/admin/issues/{issue_id}/resend", number="1").status_code == 422
    house.work()
    assert len(house.mails(AMA)) == before + 1
    assert len(house.mails("kofi@poste.example")) == 1
    first, second = house.mails(AMA)[-2:]
    assert first.stored.envelope_sender == second.stored.envelope_sender
    editor.get(f"/admin/issues/{issue_id}")
    assert "Renvoyé" in editor.page
    assert "/resend" not in editor.page, "nobody is missed any more"
    for number in ("", "x", "-1", "9" * 30):
        assert editor.post(f"/admin/issues/{issue_id}/resend", number=number).status_code == 422


def test_the_figures_of_a_large_issue_come_by_themselves_or_when_asked_for(
    house: House, editor: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue_id = send(house)
    fail(house, issue_id, AMA, DeliveryStatus.UNKNOWN)
    monkeypatch.setattr(resending, "QUICKLY_COUNTED", 0)
    editor.get(f"/admin/issues/{issue_id}/resend")
    assert f'hx-get="/admin/issues/{issue_id}/resend/count"' in editor.page
    assert "Incertains" not in editor.page
    editor.get(f"/admin/issues/{issue_id}/resend/count")
    assert "Incertains : le même message repart" in words(editor.page)
    editor.get(f"/admin/issues/{issue_id}/resend?count=1")
    assert "Incertains : le même message repart" in words(editor.page)


def test_the_commands_do_the_same(house: House, editor: Staff) -> None:
    issue_id = send(house)
    fail(house, issue_id, AMA, DeliveryStatus.FAILED)

    def run(*arguments: str) -> dict[str, object]:
        with use_locale("en"):
            done = CliRunner().invoke(cli, ["issues", *arguments, "--json"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.output)  # type: ignore[no-any-return]

    assert run("resend", str(issue_id), "--dry-run")["failed"] == 1
    assert run("resend", str(issue_id)) == {
        "failed": 1,
        "too_late": 0,
        "unknown": 0,
        "left_out": {"bounced": 0, "blocked": 0, "left": 0, "told": 0},
        "sent_again": True,
    }
    assert run("slow", str(issue_id), "--per-minute", "30")["status"] == "sending"
    run("slow", str(issue_id), "--off")


def test_the_moving_parts_come_alone(house: House, editor: Staff) -> None:
    issue_id = send(house)
    editor.get(f"/admin/issues/{issue_id}/progress?seen=sending")
    for part in ("live-figures", "live-domains", "live-states", "live-speed", "live-toll", "live-head"):
        assert f'id="{part}"' in editor.page
    assert "<html" not in editor.page
    with house.installation.database.unit() as session:
        assert queries.by_id(session, issue_id) is not None
        assert dispatch.unsettled(session) == []
