"""Messages as they arrive: a good one passes, and each thing that may be wrong with one is named."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import dkim as dkimpy
import pytest

from newsletter.delivery import slots
from newsletter.delivery.personalise import Content, Prepared, Recipient
from newsletter.issues import laboratory
from newsletter.issues.laboratory import Specimen
from newsletter.issues.preflight import arrival
from newsletter.issues.preflight.arrival import Expected
from newsletter.issues.preflight.findings import Level
from newsletter.mail import dkim
from newsletter.mail.dkim import Algorithm, DkimKey, dns_record
from newsletter.mail.headers import Mailbox
from newsletter.mail.rig import Arrived

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
DOMAIN = "gazette.example"
OUT = "https://news.example/u/token"
KEYS = [
    DkimKey(DOMAIN, "r2026", Algorithm.RSA, dkim.generate_key(Algorithm.RSA)),
    DkimKey(DOMAIN, "e2026", Algorithm.ED25519, dkim.generate_key(Algorithm.ED25519)),
]
RECORDS = dict(map(dns_record, KEYS))
READER = Recipient(0, laboratory.READER, "", OUT, "https://news.example/p/token")
CONTENT = Content(
    sender=Mailbox(f"desk@{DOMAIN}", "La Gazette"),
    reply_to=None,
    subject="Le pont rouvre",
    html=f'<html lang="fr"><body><p>Le pont rouvre.</p><a href="{slots.SLOT_UNSUBSCRIBE}">partir</a></body></html>',
    text=f"Le pont rouvre.\n\n.\nFrom ici\n{slots.SLOT_UNSUBSCRIBE}\n\nLa Gazette, Lomé\n",
    date=NOW,
    domain=DOMAIN,
    bounce_domain=f"bounces.{DOMAIN}",
    list_id=f"gazette.{DOMAIN}",
    list_name="La Gazette",
    feedback_id=f"1:gazette:digest:{DOMAIN}".replace(".", ""),
    list_links={"List-Archive": "https://news.example/archive/gazette"},
    keys=KEYS,
)


def specimen(content: Content = CONTENT, reader: Recipient = READER) -> Specimen:
    return Specimen(Prepared(content, b"secret"), reader)


ENVELOPE, MESSAGE = specimen().write()
UNSIGNED = re.sub(rb"DKIM-Signature:.*?\r\n(?![ \t])", b"", MESSAGE, flags=re.DOTALL)


def keys(message: bytes, *, sent: bytes | None = None, sender: str = ENVELOPE.sender, url: str = OUT) -> set[str]:
    expected = Expected(ENVELOPE.sender, ENVELOPE.recipient, sent or message, DOMAIN, url)
    arrived = Arrived(sender, (ENVELOPE.recipient,), message)
    return {item.key for item in arrival.check(expected, arrived, RECORDS.get, now=NOW)}


def resigned(change: Callable[[bytes], bytes]) -> bytes:
    """A message that somebody changed before it was signed."""
    changed = change(UNSIGNED)
    assert changed != UNSIGNED
    return dkim.sign(changed, KEYS, NOW)


def test_what_the_engine_writes_passes_a_mail_server() -> None:
    text_only = replace(CONTENT, html="")
    findings, first = laboratory.try_out([specimen(), specimen(text_only)], KEYS, now=NOW)
    assert findings == []
    assert first == MESSAGE


def test_a_wrong_key_is_found() -> None:
    others = [DkimKey(DOMAIN, "r2026", Algorithm.RSA, dkim.generate_key(Algorithm.RSA))]
    (finding,) = laboratory.try_out([specimen()], others, now=NOW)[0]
    assert (finding.key, finding.level) == ("lab_signature", Level.FATAL)
    assert set(finding.where) == {"r2026 (rsa-sha256): signature", "e2026 (ed25519-sha256): no_key"}


def test_unsigned_mail_and_http_are_warnings() -> None:
    reader = replace(READER, unsubscribe_url="http://news.example/u/token")
    findings, _first = laboratory.try_out([specimen(replace(CONTENT, keys=[]), reader)], [], now=NOW)
    assert {(item.key, item.level) for item in findings} == {
        ("lab_not_signed", Level.WARNING),
        ("lab_leaves_openly", Level.WARNING),
    }


def test_a_reader_that_cannot_be_written_to_is_told() -> None:
    findings, _first = laboratory.try_out([specimen(reader=replace(READER, unsubscribe_url="nowhere"))], KEYS, now=NOW)
    assert [item.key for item in findings] == ["cannot_be_written"]


def test_nothing_arrived() -> None:
    expected = Expected(ENVELOPE.sender, ENVELOPE.recipient, MESSAGE, DOMAIN, OUT)
    assert [item.key for item in arrival.check(expected, None, RECORDS.get, now=NOW)] == ["lab_lost"]


def test_a_change_on_the_way_is_seen_twice() -> None:
    assert keys(MESSAGE.replace(b"rouvre", b"ferme!"), sent=MESSAGE) == {"lab_changed", "lab_signature"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"Feedback-ID:", b"X-Feedback:", {"lab_not_once", "lab_unsigned_field"}),
        (b"To: ", b"To: a@b.example\r\nTo: ", {"lab_not_once"}),
        (b"To: ", b"Bcc: a@b.example\r\nTo: ", {"lab_never"}),
        (b"Precedence:", b"Precedence: bulk\r\nPrecedence:", {"lab_not_once"}),
        (b"<desk@gazette.example>", b"<desk@other.example>", {"lab_not_aligned"}),
        (b"List-Unsubscribe=One-Click", b"yes", {"lab_no_one_click"}),
        (b"/u/token>", b"/u/other>", {"lab_no_one_click"}),
        (b"text/html", b"text/x-else", {"lab_parts"}),
    ],
)
def test_what_is_wrong_before_signing_is_named(old: bytes, new: bytes, expected: set[str]) -> None:
    assert keys(resigned(lambda message: message.replace(old, new, 1))) == expected


def test_lone_line_feeds_and_long_lines_are_named() -> None:
    assert "lab_lines" in keys(MESSAGE + b"a\nb\r\n")
    assert "lab_lines" in keys(MESSAGE.replace(b"To: ", b"X-Long: " + b"x" * 1200 + b"\r\nTo: ", 1))
    many = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 900) for number in range(40))
    assert "lab_block" in keys(MESSAGE.replace(b"To: ", many + b"To: ", 1))


def test_an_envelope_of_another_domain_is_named() -> None:
    assert keys(MESSAGE, sender="b@bounces.other.example") == {"lab_not_aligned"}
    assert keys(MESSAGE, sender="b@notgazette.example") == {"lab_not_aligned"}
    assert keys(MESSAGE, sender=f"b@{DOMAIN}") == set()


def test_one_click_has_to_be_signed() -> None:
    names = [b"from", b"to", b"subject", b"date", b"list-unsubscribe"]
    field: bytes = dkimpy.sign(UNSIGNED, b"r2026", DOMAIN.encode(), KEYS[0].private_key_pem, include_headers=names)
    assert keys(field + UNSIGNED) == {"lab_one_click_unsigned", "lab_unsigned_field"}
