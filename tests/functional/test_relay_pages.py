"""Relays in the settings: added, tried, limited, paused, removed; a password is written and never read."""

import pytest

from newsletter.accounts.models import AuditEvent, Role
from newsletter.delivery import relays as records
from newsletter.delivery.models import RelayRecord
from newsletter.mail.transport import Relay
from tests.functional.conftest import House
from tests.support.smtp_server import SmtpSink
from tests.support.staff import Staff

PASSWORD = "s3cret/of:the@relay?"
FIELDS = {
    "name": "secours",
    "host": "smtp.provider.example",
    "security": "starttls",
    "port": "",
    "user": "bob@provider.example",
    "password": PASSWORD,
    "weight": "3",
    "connections": "8",
    "messages_per_connection": "0",
    "senders": "News.example, autre.example",
}


@pytest.fixture
def owner(house: House) -> Staff:
    return Staff(house.reader()).come_in(house.staff_link())


def words(page: str) -> str:
    return " ".join(page.replace("\u00a0", " ").replace("\u202f", " ").split())


def kept(house: House, name: str = "secours") -> Relay:
    here = house.installation
    with here.database.reading() as session:
        record = session.query(RelayRecord).filter_by(name=name).one()
        found = records.address(record, here.settings, here.vault)
    assert found is not None
    return found


def relay_id(house: House, name: str = "secours") -> int:
    with house.installation.database.reading() as session:
        return int(session.query(RelayRecord.id).filter_by(name=name).scalar())


def add(owner: Staff, **values: str) -> int:
    owner.get("/admin/relays/new")
    return owner.post("/admin/relays/new", **(FIELDS | values)).status_code


def test_a_relay_is_added_and_its_password_is_nowhere(
    house: House, owner: Staff, caplog: pytest.LogCaptureFixture
) -> None:
    assert add(owner) == 200
    found = kept(house)
    assert (found.host, found.port, found.user, found.password) == (
        "smtp.provider.example",
        587,
        "bob@provider.example",
        PASSWORD,
    )
    number = relay_id(house)
    pages = ["/admin/relays", f"/admin/relays/{number}", f"/admin/relays/{number}/remove"]
    for path in pages:
        answer = owner.get(path)
        assert answer.status_code == 200
        assert PASSWORD not in owner.page
        assert "s3cret" not in owner.page
    assert "Un mot de passe est conservé" in words(owner.get(f"/admin/relays/{number}").text)
    with house.installation.database.reading() as session:
        record = session.get_one(RelayRecord, number)
        assert "s3cret" not in record.locked_url
        assert record.senders == ["autre.example", "news.example"]
        assert "s3cret" not in repr([event.details for event in session.query(AuditEvent)])
    assert "s3cret" not in caplog.text


def test_a_form_that_is_refused_keeps_what_was_typed_but_the_password(house: House, owner: Staff) -> None:
    assert add(owner, weight="0") == 422
    assert 'value="smtp.provider.example"' in owner.page
    assert "bob@provider.example" in owner.page
    assert "s3cret" not in owner.page
    for wrong in ({"host": ""}, {"host": "a b"}, {"port": "99999"}, {"port": "x"}, {"name": ""}, {"senders": "a b@@"}):
        assert add(owner, **wrong) == 422, wrong


def test_an_empty_password_keeps_the_old_one_for_the_same_server_only(house: House, owner: Staff) -> None:
    add(owner)
    path = f"/admin/relays/{relay_id(house)}"
    owner.get(path)
    assert owner.post(path, **(FIELDS | {"password": "", "weight": "7"})).status_code == 200
    assert kept(house).password == PASSWORD
    for moved in ({"host": "evil.example"}, {"port": "2525"}, {"user": "eve"}, {"security": "none", "port": "587"}):
        owner.get(path)
        assert owner.post(path, **(FIELDS | {"password": ""} | moved)).status_code == 422, moved
        assert kept(house).host == "smtp.provider.example"
    owner.get(path)
    owner.post(path, **(FIELDS | {"host": "other.example", "password": "another"}))
    assert (kept(house).host, kept(house).password) == ("other.example", "another")
    with house.installation.database.reading() as session:
        events = session.query(AuditEvent).filter_by(action="relay.changed").order_by(AuditEvent.id).all()
    assert (events[0].details["before"]["weight"], events[0].details["after"]["weight"]) == (3, 7)
    assert "url" not in events[0].details["after"]
    assert events[1].details["after"]["url"] == "smtp+starttls://other.example:587"
    assert "another" not in repr(events[1].details)


def test_trying_a_relay_says_in_words_what_was_found(house: House, owner: Staff) -> None:
    with SmtpSink() as sink:
        host, _colon, port = sink.url.removeprefix("smtp://").partition(":")
        add(owner, host=host, port=port, security="none", user="", password="", senders="")
        owner.post(f"/admin/relays/{relay_id(house)}/try")
        assert "La connexion fonctionne. Elle n’est pas chiffrée. Aucune identification" in words(
            owner.page.replace("</span>", "")
        )
        assert sink.received == []
    owner.post(f"/admin/relays/{relay_id(house)}/try")
    assert "La connexion ne fonctionne pas." in words(owner.page)


def test_a_relay_is_paused_resumed_and_removed_after_a_question(house: House, owner: Staff) -> None:
    add(owner)
    number = relay_id(house)
    owner.get("/admin/relays")
    owner.post(f"/admin/relays/{number}/pause")
    assert f"/admin/relays/{number}/resume" in owner.page
    owner.post(f"/admin/relays/{number}/resume")
    assert f"/admin/relays/{number}/pause" in owner.page
    owner.get(f"/admin/relays/{number}/remove")
    assert "Retirer le relais secours ?" in words(owner.page)
    owner.post(f"/admin/relays/{number}/remove")
    assert "secours est supprimé" in words(owner.page)
    assert owner.get(f"/admin/relays/{number}").status_code == 404


def test_the_relay_of_the_settings_stays_and_keeps_its_address(house: House, owner: Staff) -> None:
    owner.get("/admin/relays")
    number = relay_id(house, "default")
    owner.get(f"/admin/relays/{number}")
    assert 'name="host"' not in owner.page
    assert owner.post(f"/admin/relays/{number}", weight="5", host="evil.example").status_code == 200
    assert owner.post(f"/admin/relays/{number}/remove").status_code == 422


def test_limits_by_domain_are_set_and_taken_back(house: House, owner: Staff) -> None:
    owner.get("/admin/relays")
    owner.post("/admin/relays/limits", domain="Yahoo.FR", relay="0", per_second="2,5", per_day="1000", concurrency="")
    assert "2,5 par seconde" in words(owner.page)
    assert "yahoo.fr" in owner.page
    for wrong in ({"per_second": "x"}, {"per_day": "1.5"}, {"concurrency": "0"}, {"domain": "no domain"}):
        assert owner.post("/admin/relays/limits", **({"domain": "yahoo.fr", "relay": "0"} | wrong)).status_code == 422
    assert owner.post("/admin/relays/limits", domain="yahoo.fr", relay="999").status_code in (404, 422)
    owner.get("/admin/relays")
    owner.post("/admin/relays/limits", domain="yahoo.fr", relay="0", per_second="", per_day="", concurrency="")
    assert "2,5 par seconde" not in words(owner.page)
    with house.installation.database.reading() as session:
        events = session.query(AuditEvent).filter_by(action="lane.limited").order_by(AuditEvent.id).all()
    assert events[-1].details["changed"]["per_second"] == [2.5, None]


@pytest.mark.parametrize("role", [Role.EDITOR, Role.AUTHOR, Role.ANALYST])
def test_only_owners_look_after_relays_and_incoming_mail(house: House, role: Role) -> None:
    person = Staff(house.reader()).come_in(house.staff_link(role, f"{role.value}@news.example"))
    for path in ("/admin/relays", "/admin/relays/new", "/admin/relays/1", "/admin/incoming", "/admin/incoming/mails/1"):
        assert person.get(path).status_code == 403
        assert "smtp://" not in person.page
    person.get("/admin/")
    for path in ("relays/new", "relays/1", "relays/1/try", "relays/limits", "incoming/webhooks", "incoming/held"):
        assert person.post(f"/admin/{path}").status_code == 403
