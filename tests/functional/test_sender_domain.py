"""The sending domain on the desk and in the terminal: what is there, what is wrong, new keys, reports."""

import json
from collections.abc import Iterator

import dns.resolver
import pytest

from newsletter.accounts.models import Role
from newsletter.core.clock import utc_now
from newsletter.newsletters import domain_checks, senders
from tests.functional.conftest import House
from tests.functional.test_cli import Call, newsletter  # noqa: F401 - a fixture
from tests.support.dns_server import DnsServer, dns_server
from tests.support.staff import Staff
from tests.unit.mail.test_aggregate import XML

PAGE = "/admin/newsletters/depeche/domain"
BOUNCES = "bounces.news.example"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsServer]:
    """The machine's name server is one of ours."""
    with dns_server({("news.example", "NS"): ["ns.example"]}) as server:

        def read(resolver: dns.resolver.Resolver, *_file: object) -> None:
            resolver.nameservers, resolver.port = ["127.0.0.1"], server.port

        monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", read)
        yield server


@pytest.fixture
def owner(house: House) -> Staff:
    person = Staff(house.reader()).come_in(house.staff_link())
    person.get(PAGE)
    return person


def publish(house: House, names: DnsServer) -> None:
    """Everything that the page asks for."""
    here = house.installation
    with here.database.reading() as session:
        for item in senders.dns_records(session, "news.example", here.vault, now=utc_now()):
            names.answers[item.name.lower(), item.kind] = [item.value]
    names.answers[BOUNCES, "TXT"] = ["v=spf1 ip4:192.0.2.1 -all"]
    names.answers[BOUNCES, "MX"] = ["10 mx.news.example"]
    names.answers["mx.news.example", "A"] = ["192.0.2.1"]


def test_the_page_says_what_is_missing_and_then_that_it_is_there(house: House, owner: Staff, names: DnsServer) -> None:
    assert "Personne n’a encore vérifié" in owner.page
    owner.post(f"{PAGE}/check")
    assert "DMARC manque" in owner.page
    assert "La clé de signature n’est pas publiée" in owner.page
    publish(house, names)
    owner.post(f"{PAGE}/check")
    assert "DMARC manque" not in owner.page
    assert "La clé de signature est publiée" in owner.page
    with house.installation.database.reading() as session:
        assert domain_checks.troubled(session) == []


def test_name_servers_that_are_away_are_said_to_be(owner: Staff, names: DnsServer) -> None:
    names.silent.add("*")
    owner.post(f"{PAGE}/check")
    assert "ne répondent pas" in owner.page


def test_new_keys_wait_and_sign_when_the_owner_says_so(house: House, owner: Staff) -> None:
    house.add_readers("depeche", "ama")
    house.send_digest("depeche")
    owner.post(f"{PAGE}/rotate")
    assert "attend d’être publiée" in owner.page
    assert owner.page.count("v=DKIM1") == 4
    owner.post(f"{PAGE}/finish")
    assert "ne signe plus" in owner.page
    house.send_digest("depeche", "Une autre nouvelle")
    old, new = (mail.raw.decode().replace("\r\n ", " ") for mail in house.mails("ama@poste.example"))
    selectors = [text.partition(" s=")[2].partition(";")[0] for text in (old, new)]
    assert selectors[0] != selectors[1]


def test_rotating_twice_says_that_keys_wait(owner: Staff) -> None:
    owner.post(f"{PAGE}/rotate")
    assert "De nouvelles clés attendent déjà" in owner.post(f"{PAGE}/rotate").text
    owner.get(PAGE)
    assert owner.page.count("v=DKIM1") == 4


@pytest.mark.parametrize("way", ["check", "rotate", "finish", "abandon"])
def test_only_who_manages_newsletters_may(house: House, owner: Staff, way: str) -> None:
    editor = Staff(house.reader()).come_in(house.staff_link(Role.EDITOR, "editor@news.example"))
    editor.get("/admin/")
    assert editor.post(f"{PAGE}/{way}").status_code == 403


def test_reports_of_providers_are_shown(house: House, owner: Staff) -> None:
    now = utc_now()
    about = (XML % b"").replace(b"Gazette.example", b"news.example").replace(b"1793577599", b"%d" % now.timestamp())
    with house.installation.database.unit() as session:
        assert domain_checks.take_report(session, about, now)
    owner.get(PAGE)
    assert "Qui écrit en votre nom" in owner.page
    assert "203.0.113.9" in owner.page


# In the terminal


def test_the_commands_look_rotate_and_read(newsletter: Call, names: DnsServer, tmp_path) -> None:  # noqa: F811
    newsletter("db", "upgrade")
    newsletter("newsletters", "create", "eco", "--name", "Eco", "--from", "eco@news.example", "--language", "fr")
    answer = newsletter("domains", "check", "news.example", "--json")
    assert answer.code == 1
    assert {"dmarc_missing", "spf_missing", "mx_missing"} <= {item["check"] for item in answer.data}
    assert newsletter("domains", "check", "x.example").code == 1
    assert newsletter("domains", "finish", "news.example").code == 1
    rotated = newsletter("domains", "rotate", "news.example", "--json").data
    assert [item["stage"] for item in rotated].count("waiting") == 2
    assert "not seen in DNS" in newsletter("domains", "finish", "news.example").err
    finished = newsletter("domains", "finish", "news.example", "--unseen", "--json").data
    assert [item["stage"] for item in finished].count("signing") == 2
    report = tmp_path / "report.xml"
    report.write_bytes((XML % b"").replace(b"Gazette.example", b"news.example"))
    assert newsletter("domains", "reports", str(report), "--json").data == [{"file": str(report), "taken": True}]
    assert newsletter("domains", "reports", str(tmp_path / "none")).code == 1
    assert newsletter("domains", "list", "--json").data[0]["bad"] > 0


def test_doctor_says_what_to_type(newsletter: Call, names: DnsServer) -> None:  # noqa: F811
    newsletter("db", "upgrade")
    newsletter("newsletters", "create", "eco", "--name", "Eco", "--from", "eco@news.example", "--language", "fr")
    answer = newsletter("doctor")
    assert answer.code == 1
    assert "v=DMARC1; p=none; rua=mailto:dmarc@bounces.news.example" in answer.out
    checks = json.loads(newsletter("doctor", "--json").out)["domains"][0]["checks"]
    assert any(item["check"] == "dmarc_missing" and item["level"] == "bad" for item in checks)
