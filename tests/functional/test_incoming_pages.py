"""Incoming mail in the settings: mailboxes, addresses of providers, the listener, what came, and what is held."""

import re
import socket

import pytest

from newsletter.accounts.models import AuditEvent
from newsletter.core.clock import utc_now
from newsletter.delivery.models import Bounce, BounceFate, Delivery
from newsletter.feedback import inbox
from newsletter.feedback.inbox import Incoming
from newsletter.feedback.models import InboundMailbox, Webhook
from newsletter.suppression import ledger as suppression
from tests.functional.conftest import House
from tests.support.mail_servers import Box, ImapServer
from tests.support.staff import Staff
from worker.tasks import feedback

AMA = "ama@poste.example"
PASSWORD = "s3cret-of-the-mailbox"
SIGNING_KEY = "s3cret-signing-key-of-mailgun-that-is-long"
MAILBOX = {
    "name": "rebonds",
    "protocol": "imap",
    "host": "imap.provider.example",
    "port": "",
    "tls": "tls",
    "username": "bounces@news.example",
    "password": PASSWORD,
    "folder": "INBOX",
    "after": "keep",
}


@pytest.fixture
def owner(house: House) -> Staff:
    house.add_readers("depeche", "ama", "kofi")
    person = Staff(house.reader()).come_in(house.staff_link())
    person.get("/admin/incoming")
    return person


def words(page: str) -> str:
    return " ".join(page.replace("\u00a0", " ").replace("\u202f", " ").split())


def mailbox(house: House) -> InboundMailbox:
    with house.installation.database.reading() as session:
        return session.query(InboundMailbox).one()


def test_a_mailbox_is_added_and_its_password_is_nowhere(
    house: House, owner: Staff, caplog: pytest.LogCaptureFixture
) -> None:
    assert owner.post("/admin/incoming/mailboxes", **MAILBOX).status_code == 200
    found = mailbox(house)
    assert (found.host, found.port) == ("imap.provider.example", 993)
    assert house.installation.vault.unlock(found.locked_password) == PASSWORD
    for path in ("/admin/incoming", f"/admin/incoming/mailboxes/{found.id}"):
        owner.get(path)
        assert "s3cret" not in owner.page
        assert "rebonds" in owner.page
    with house.installation.database.reading() as session:
        assert "s3cret" not in repr([event.details for event in session.query(AuditEvent)])
    assert "s3cret" not in caplog.text


def test_what_was_typed_wrong_is_said_and_kept_but_the_password(house: House, owner: Staff) -> None:
    for wrong in ({"host": ""}, {"name": ""}, {"tls": "some"}, {"password": ""}):
        assert owner.post("/admin/incoming/mailboxes", **(MAILBOX | wrong)).status_code == 422
        assert "bounces@news.example" in owner.page
        assert "s3cret" not in owner.page


def test_a_kept_password_goes_to_no_other_server(house: House, owner: Staff) -> None:
    owner.post("/admin/incoming/mailboxes", **MAILBOX)
    path = f"/admin/incoming/mailboxes/{mailbox(house).id}"
    assert owner.post(path, **(MAILBOX | {"password": "", "folder": "Bounces"})).status_code == 200
    assert mailbox(house).folder == "Bounces"
    for moved in ({"host": "evil.example"}, {"port": "1143"}, {"username": "eve"}, {"tls": "none", "port": "993"}):
        assert owner.post(path, **(MAILBOX | {"password": ""} | moved)).status_code == 422
        assert mailbox(house).host == "imap.provider.example"
    with house.installation.database.reading() as session:
        (event,) = session.query(AuditEvent).filter_by(action="mailbox.changed")
    assert (event.details["before"], event.details["after"]) == ({"folder": "INBOX"}, {"folder": "Bounces"})


def test_a_mailbox_is_tried_and_removed_after_a_question(house: House, owner: Staff) -> None:
    with ImapServer(Box(password=PASSWORD)) as server:
        given = MAILBOX | {"host": "127.0.0.1", "port": str(server.port), "tls": "none"}
        owner.post("/admin/incoming/mailboxes", **given)
        path = f"/admin/incoming/mailboxes/{mailbox(house).id}"
        owner.post(f"{path}/try")
        assert "La connexion fonctionne." in words(owner.page)
        server.box.password = "another"
        owner.post(f"{path}/try")
    assert "La connexion ne fonctionne pas." in words(owner.page)
    assert "s3cret" not in owner.page
    owner.post(f"{path}/read")
    owner.get(f"{path}/remove")
    owner.post(f"{path}/remove")
    assert "rebonds est supprimé" in words(owner.page)


def test_an_address_for_a_provider_is_made_copied_and_removed(house: House, owner: Staff) -> None:
    assert owner.post("/admin/incoming/webhooks", provider="mailgun", secret=SIGNING_KEY).status_code == 200
    assert re.search(r"/hooks/mailgun/[\w-]{20,}", owner.page)
    assert "s3cret" not in owner.page
    with house.installation.database.reading() as session:
        number = session.query(Webhook.id).scalar()
        assert "s3cret" not in repr([event.details for event in session.query(AuditEvent)])
    assert owner.post("/admin/incoming/webhooks", provider="mailgun", secret="").status_code == 422
    assert owner.post("/admin/incoming/webhooks", provider="nobody", secret="x" * 40).status_code == 422
    owner.get(f"/admin/incoming/webhooks/{number}/remove")
    owner.post(f"/admin/incoming/webhooks/{number}/remove")
    assert "/hooks/mailgun/" not in owner.page
    assert owner.get(f"/admin/incoming/webhooks/{number}/remove").status_code == 404


def test_what_came_in_is_listed_and_shown_as_text(house: House, owner: Staff) -> None:
    house.send_digest("depeche")
    sender = house.mails(AMA)[-1].stored.envelope_sender
    raw = (
        f"From: MAILER-DAEMON@mx.example\r\nTo: {sender}\r\nSubject: failure\r\n\r\n"
        f"<{AMA}>:\r\n550 5.1.1 no such user <script>alert(1)</script>\r\n"
    )
    with house.installation.database.unit() as session:
        inbox.store(session, [Incoming("smtp", raw.encode() + b"\xff", "", sender)], now=utc_now())
    feedback.read()
    answer = owner.get("/admin/incoming")
    assert "adresse bloquée" in owner.page
    assert "<script>alert" not in answer.text
    path = re.search(r"/admin/incoming/mails/\d+", owner.page)
    assert path
    answer = owner.get(path[0])
    assert "550 5.1.1 no such user <script>" in owner.page
    assert "<script>alert" not in answer.text
    assert owner.get("/admin/incoming/mails/999").status_code == 404
    assert re.search(r"/admin/issues/\d+/deliveries/\d+", owner.get("/admin/incoming").text)


def test_held_bounces_are_released_or_blocked(house: House, owner: Staff) -> None:
    house.send_digest("depeche")
    with house.installation.database.unit() as session:
        for row in session.query(Delivery):
            session.add(
                Bounce(
                    delivery_id=row.id,
                    issue_id=row.issue_id,
                    subscriber_id=row.subscriber_id,
                    email_key=AMA if row.id == 1 else "kofi@poste.example",
                    domain="poste.example" if row.id == 1 else "autre.example",
                    at=utc_now(),
                    reply="550 5.1.1 <i>no</i> such user",
                    answered=0,
                    fate=BounceFate.HELD,
                )
            )
    owner.get("/admin/incoming")
    assert "Rejets qui attendent votre décision" in owner.page
    assert owner.post("/admin/incoming/held", domain="poste.example", verb="explode").status_code == 404
    assert owner.post("/admin/incoming/held", domain="", verb="apply").status_code == 404
    owner.get("/admin/incoming")
    owner.post("/admin/incoming/held", domain="poste.example", verb="apply")
    owner.post("/admin/incoming/held", domain="autre.example", verb="discard")
    assert "Rejets qui attendent votre décision" not in owner.page
    with house.installation.database.reading() as session:
        assert suppression.find(session, AMA) is not None
        assert suppression.find(session, "kofi@poste.example") is None
        actions = {event.action for event in session.query(AuditEvent)}
    assert {"bounces.applied", "bounces.discarded"} <= actions


def test_the_listener_is_said_to_answer_or_not(house: House, owner: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "NEWSLETTER_INBOUND" in owner.page
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        settings = house.installation.settings.model_copy(update={"inbound": f"smtp://127.0.0.1:{port}"})
        changed = type(house.installation)(
            **{name: getattr(house.installation, name) for name in house.installation.__slots__}
            | {"settings": settings}
        )
        monkeypatch.setattr(house.app, "installation", changed)
        owner.get("/admin/incoming")
        assert "Elle répond" in owner.page
    owner.get("/admin/incoming")
    assert f"Personne ne répond à smtp://127.0.0.1:{port}." in words(owner.page)
