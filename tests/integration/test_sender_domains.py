"""Keys of a sender's domain are rotated without a message that cannot be checked; reports count once."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, func, select

from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.nameservers import nameservers
from newsletter.newsletters import dns_wording, domain_checks, senders
from newsletter.newsletters.examining import Finding, Level, Way, examine
from newsletter.newsletters.models import DomainReport, Newsletter, SenderDomain, SigningKey
from newsletter.newsletters.senders import KeyStage
from tests.support.dns_server import DnsServer, asking, dns_server
from tests.support.newsroom import DOMAIN, Newsroom
from tests.unit.mail.test_aggregate import TLS, XML

SAFE = Way("smtp.mailjet.com", safe=True, signed_in=True)
BOUNCES = f"bounces.{DOMAIN}"


@pytest.fixture
def gazette(newsroom: Newsroom) -> Iterator[Newsletter]:
    """Of a domain that nobody else has: other tests keep theirs, for its keys take long to make."""
    forget_domains(newsroom)
    yield newsroom.newsletter()
    forget_domains(newsroom)


def forget_domains(newsroom: Newsroom) -> None:
    with newsroom.database.unit() as session:
        session.execute(delete(SigningKey))
        session.execute(delete(SenderDomain))


def nothing(_url: str) -> str:
    raise RefusedError("nobody answers")


def keys(newsroom: Newsroom) -> dict[KeyStage, list[str]]:
    with newsroom.database.reading() as session:
        found = senders.keys(session, DOMAIN, newsroom.here.vault, now=newsroom.now)
    stages: dict[KeyStage, list[str]] = {}
    for item in found:
        stages.setdefault(item.stage, []).append(item.selector)
    return stages


def signing(newsroom: Newsroom) -> list[str]:
    with newsroom.database.reading() as session:
        return [key.selector for key in senders.signing_keys(session, DOMAIN, newsroom.here.vault)]


def rotate(newsroom: Newsroom) -> None:
    with newsroom.database.unit() as session:
        senders.begin_rotation(session, DOMAIN, vault=newsroom.here.vault, actor="test", now=newsroom.now)


def finish(newsroom: Newsroom) -> None:
    with newsroom.database.unit() as session:
        senders.finish_rotation(session, DOMAIN, actor="test", now=newsroom.now)


def test_new_keys_wait_sign_and_leave(newsroom: Newsroom, gazette: Newsletter) -> None:
    old = signing(newsroom)
    assert len(old) == 2
    rotate(newsroom)
    assert signing(newsroom) == old
    new = keys(newsroom)[KeyStage.WAITING]
    finish(newsroom)
    assert signing(newsroom) == new
    assert keys(newsroom)[KeyStage.LEAVING] == old
    newsroom.pass_time(days=8)
    assert keys(newsroom)[KeyStage.GONE] == old
    newsroom.pass_time(days=8)
    assert set(keys(newsroom)) == {KeyStage.SIGNING}


def test_two_rotations_on_one_day_have_selectors_of_their_own(newsroom: Newsroom, gazette: Newsletter) -> None:
    for _time in range(3):
        rotate(newsroom)
        finish(newsroom)
    known = [selector for found in keys(newsroom).values() for selector in found]
    assert len(known) == len(set(known)) == 8


def test_one_rotation_at_a_time(newsroom: Newsroom, gazette: Newsletter) -> None:
    with pytest.raises(RefusedError), newsroom.database.unit() as session:
        senders.finish_rotation(session, DOMAIN, actor="test", now=newsroom.now)
    rotate(newsroom)
    with pytest.raises(RefusedError):
        rotate(newsroom)
    with newsroom.database.unit() as session:
        senders.abandon_rotation(session, DOMAIN, actor="test", now=newsroom.now)
    assert KeyStage.WAITING not in keys(newsroom)
    with pytest.raises(NotFoundError), newsroom.database.unit() as session:
        senders.begin_rotation(session, "x.example", vault=newsroom.here.vault, actor="test", now=newsroom.now)


# What is found


def published(newsroom: Newsroom, *, provider: str = "spf.mailjet.com") -> dict[tuple[str, str], list[str]]:
    """A domain as it should be."""
    with newsroom.database.reading() as session:
        found = senders.keys(session, DOMAIN, newsroom.here.vault, now=newsroom.now)
    return {
        (DOMAIN, "NS"): ["ns.example"],
        **{(item.name, "TXT"): [item.value] for item in found},
        (BOUNCES, "TXT"): [f"v=spf1 include:{provider} -all"],
        (provider, "TXT"): ["v=spf1 ip4:192.0.2.0/24 -all"],
        (BOUNCES, "MX"): ["10 in.mailjet.com"],
        ("in.mailjet.com", "A"): ["192.0.2.4"],
        (f"_dmarc.{DOMAIN}", "TXT"): [f"v=DMARC1; p=quarantine; rua=mailto:dmarc@{BOUNCES}"],
        ("smtp.mailjet.com", "A"): ["192.0.2.9"],
        ("192.0.2.9", "PTR"): ["smtp.mailjet.com"],
    }


def found(newsroom: Newsroom, table: dict[tuple[str, str], list[str]], way: Way = SAFE) -> dict[str, Finding]:
    with newsroom.database.reading() as session:
        shown = senders.keys(session, DOMAIN, newsroom.here.vault, now=newsroom.now)
    return {item.key: item for item in examine(DOMAIN, shown, way, asking(table), nothing)}


def test_a_domain_as_it_should_be_has_nothing_wrong(newsroom: Newsroom, gazette: Newsletter) -> None:
    findings = found(newsroom, published(newsroom))
    assert {item.level for item in findings.values()} == {Level.OK}
    assert {"dkim_published", "spf_fine", "mx_fine", "dmarc_fine", "relay_safe"} <= set(findings)


CHANGES: dict[str, tuple[tuple[str, str], list[str] | None, str]] = {
    "spf_missing": ((BOUNCES, "TXT"), None, "v=spf1 include:spf.mailjet.com -all"),
    "spf_several": ((BOUNCES, "TXT"), ["v=spf1 ip4:192.0.2.1 -all", "v=spf1 include:spf.mailjet.com ~all"], "v=spf1 "),
    "spf_provider": (
        (BOUNCES, "TXT"),
        ["v=spf1 ip4:192.0.2.1 ~all"],
        "v=spf1 ip4:192.0.2.1 include:spf.mailjet.com ~all",
    ),
    "spf_everybody": ((BOUNCES, "TXT"), ["v=spf1 include:spf.mailjet.com +all"], "v=spf1 include:spf.mailjet.com -all"),
    "spf_wrong": ((BOUNCES, "TXT"), ["v=spf1 include:spf.mailjet.com ipv4:192.0.2.1 -all"], ""),
    "spf_include_missing": ((BOUNCES, "TXT"), ["v=spf1 include:spf.mailjet.com include:gone.example -all"], ""),
    "mx_missing": ((BOUNCES, "MX"), None, "10 PROVIDER"),
    "mx_refused": ((BOUNCES, "MX"), ["0 "], "10 PROVIDER"),
    "mx_dead": ((BOUNCES, "MX"), ["10 gone.example"], ""),
    "dmarc_missing": ((f"_dmarc.{DOMAIN}", "TXT"), None, f"v=DMARC1; p=none; rua=mailto:dmarc@{BOUNCES}"),
    "dmarc_several": ((f"_dmarc.{DOMAIN}", "TXT"), ["v=DMARC1; p=none", "v=DMARC1; p=reject"], "v=DMARC1; p=none"),
    "dmarc_none": (
        (f"_dmarc.{DOMAIN}", "TXT"),
        [f"v=DMARC1; p=none; rua=mailto:dmarc@{BOUNCES}"],
        f"v=DMARC1; p=quarantine; rua=mailto:dmarc@{BOUNCES}",
    ),
    "dmarc_gone": ((f"_dmarc.{DOMAIN}", "TXT"), ["v=DMARC1; p=reject; pct=20"], "v=DMARC1; p=reject"),
    "dmarc_no_reports": (
        (f"_dmarc.{DOMAIN}", "TXT"),
        ["v=DMARC1; p=reject"],
        f"v=DMARC1; p=reject; rua=mailto:dmarc@{BOUNCES}",
    ),
    "dmarc_elsewhere": ((f"_dmarc.{DOMAIN}", "TXT"), ["v=DMARC1; p=reject; rua=mailto:x@y.example"], ""),
    "dmarc_strict": ((f"_dmarc.{DOMAIN}", "TXT"), ["v=DMARC1; p=reject; aspf=s"], "v=DMARC1; p=reject; aspf=r"),
    "ptr": (("192.0.2.9", "PTR"), ["somebody.else"], ""),
    "bimi_picture": ((f"default._bimi.{DOMAIN}", "TXT"), ["v=BIMI1; l=http://x.example/a.png"], ""),
}


@pytest.mark.parametrize("key", CHANGES)
def test_what_is_wrong_is_found_and_mended_by_what_is_advised(
    newsroom: Newsroom, gazette: Newsletter, key: str
) -> None:
    where, records, record = CHANGES[key]
    table = published(newsroom)
    if records is None:
        del table[where]
    else:
        table[where] = records
    finding = found(newsroom, table)[key]
    assert finding.level is not Level.OK
    assert finding.record.startswith(record)
    assert dns_wording.in_words(finding)
    if finding.record and "PROVIDER" not in finding.record:
        table[finding.name, where[1]] = [finding.record]
        assert key not in found(newsroom, table)


def test_the_connection_to_the_relay(newsroom: Newsroom, gazette: Newsletter) -> None:
    table = published(newsroom)
    plain = found(newsroom, table, Way("smtp.mailjet.com", safe=False, signed_in=False))
    assert plain["relay_plain"].level is Level.BAD
    assert "relay_open" in plain
    assert "relay_local" in found(newsroom, table, Way("127.0.0.1", safe=False, signed_in=False))


def test_name_servers_that_do_not_answer_are_no_fault_of_the_domain(newsroom: Newsroom, gazette: Newsletter) -> None:
    with newsroom.database.reading() as session:
        shown = senders.keys(session, DOMAIN, newsroom.here.vault, now=newsroom.now)
    [only] = examine(DOMAIN, shown, SAFE, asking({}, silent=["*"]), nothing)
    assert (only.key, only.level) == ("no_answer", Level.ADVICE)


def real(server: DnsServer):
    return nameservers(server.resolver(), seconds=0.5, altogether=5)


def test_what_was_found_is_kept(newsroom: Newsroom, gazette: Newsletter) -> None:
    table = published(newsroom)
    del table[f"_dmarc.{DOMAIN}", "TXT"]
    with dns_server(table) as server:
        domain_checks.look(
            newsroom.database,
            DOMAIN,
            vault=newsroom.here.vault,
            relay_url="smtps://me:secret@smtp.mailjet.com",
            ask=real(server),
            now=newsroom.now,
        )
    with newsroom.database.reading() as session:
        findings, at = domain_checks.last(session, DOMAIN)
        assert at == newsroom.now
        assert findings[0].key == "dmarc_missing"
        assert domain_checks.troubled(session) == [DOMAIN]
        assert domain_checks.due(session, now=newsroom.now) == []
        assert domain_checks.due(session, now=newsroom.pass_time(days=2)) == [DOMAIN]


# Reports


def test_a_report_counts_once(newsroom: Newsroom, gazette: Newsletter) -> None:
    about = (XML % b"").replace(b"Gazette.example", DOMAIN.encode())
    for _time in range(3):
        with newsroom.database.unit() as session:
            assert domain_checks.take_report(session, about, newsroom.now)
    with newsroom.database.reading() as session:
        assert session.scalar(select(func.count(DomainReport.id))) == 1


def test_a_report_about_somebody_else_is_not_kept(newsroom: Newsroom, gazette: Newsletter) -> None:
    about = (XML % b"").replace(b"Gazette.example", b"somebody.example")
    with newsroom.database.unit() as session:
        assert not domain_checks.take_report(session, about, newsroom.now)


def test_what_reports_saw_is_summed_up_by_source(newsroom: Newsroom, gazette: Newsletter) -> None:
    newsroom.now = datetime(2026, 11, 5, tzinfo=UTC)
    about = (XML % b"").replace(b"Gazette.example", DOMAIN.encode())
    with newsroom.database.unit() as session:
        for name in (b"google.com", b"yahoo.com"):
            domain_checks.take_report(session, about.replace(b"google.com", name), newsroom.now)
        domain_checks.take_report(session, TLS.replace(b"gazette.example", DOMAIN.encode()), newsroom.now)
    with newsroom.database.reading() as session:
        seen = domain_checks.sources(session, DOMAIN, kind="dmarc", now=newsroom.now)
        assert [(item.address, item.messages, item.aligned, item.organisations) for item in seen] == [
            ("192.0.2.1", 240, 240, 2),
            ("203.0.113.9", 14, 0, 2),
        ]
        tls = domain_checks.sources(session, DOMAIN, kind="tls", now=newsroom.now)
        assert sum(item.messages for item in tls) == 5426


def test_without_the_key_that_few_know_nothing_is_wrong(newsroom: Newsroom, gazette: Newsletter) -> None:
    table = published(newsroom)
    del table[next(where for where in table if where[0].startswith("e2026"))]
    assert found(newsroom, table)["dkim_missing"].level is Level.ADVICE
    del table[next(where for where in table if where[0].startswith("r2026"))]
    with newsroom.database.reading() as session:
        shown = senders.keys(session, DOMAIN, newsroom.here.vault, now=newsroom.now)
    levels = [item.level for item in examine(DOMAIN, shown, SAFE, asking(table), nothing) if item.key == "dkim_missing"]
    assert sorted(levels) == [Level.ADVICE, Level.BAD]
