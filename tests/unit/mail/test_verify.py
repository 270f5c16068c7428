"""Signatures are judged as another implementation judges them, and every way to be wrong has its name."""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import dkim as dkimpy
import pytest

from newsletter.mail import dkim
from newsletter.mail.dkim import Algorithm, DkimKey, dns_record
from newsletter.mail.verify import Fault, verify
from tests.support.dkim_check import verify_all

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
RSA = DkimKey("zio.example", "r2026", Algorithm.RSA, dkim.generate_key(Algorithm.RSA))
ED25519 = DkimKey("zio.example", "e2026", Algorithm.ED25519, dkim.generate_key(Algorithm.ED25519))
OTHER = DkimKey("zio.example", "r2026", Algorithm.RSA, dkim.generate_key(Algorithm.RSA))
RECORDS = dict(dns_record(key) for key in (RSA, ED25519))
MESSAGE = (
    b"From: Zio <a@zio.example>\r\nTo: b@x.example\r\nSubject:  a   folded\r\n\t subject \r\n"
    b"Date: Mon, 23 Nov 2026 06:30:00 +0000\r\nX-One: 1\r\nX-One: 2\r\n\r\nhello  world \r\n\r\nbye\r\n\r\n"
)
SIGNED = dkim.sign(MESSAGE, [RSA, ED25519], NOW)


def faults(message: bytes, records: Mapping[str, str] = RECORDS, *, now: datetime = NOW) -> list[Fault | None]:
    return [item.fault for item in verify(message, records.get, now=now)]


def signed_elsewhere(canonicalize: tuple[bytes, bytes] = (b"relaxed", b"relaxed"), **options: object) -> bytes:
    """By the other implementation."""
    message = options.pop("message", MESSAGE)
    header: bytes = dkimpy.sign(
        message, b"r2026", b"zio.example", RSA.private_key_pem, canonicalize=canonicalize, **options
    )
    return header + message  # type: ignore[operator]


def retagged(message: bytes, old: bytes, new: bytes) -> bytes:
    """The first signature with another tag."""
    head, field, rest = message.partition(b"DKIM-Signature:")
    assert old in rest.partition(b"\r\n\r\n")[0]
    return head + field + rest.replace(old, new, 1)


def test_our_signatures_are_valid_and_say_what_they_cover() -> None:
    rsa, ed25519 = verify(SIGNED, RECORDS.get, now=NOW)
    assert (rsa.domain, rsa.selector, rsa.algorithm, rsa.fault) == ("zio.example", "r2026", "rsa-sha256", None)
    assert (ed25519.selector, ed25519.algorithm, ed25519.fault) == ("e2026", "ed25519-sha256", None)
    assert rsa.signed.count("from") == 2
    assert rsa.signed.count("x-one") == 2


@pytest.mark.parametrize("header", [b"relaxed", b"simple"])
@pytest.mark.parametrize("body", [b"relaxed", b"simple"])
def test_signatures_of_another_implementation_are_valid(header: bytes, body: bytes) -> None:
    assert faults(signed_elsewhere((header, body))) == [None]


@pytest.mark.parametrize(
    "body", [b"", b"\r\n", b"\r\n\r\n", b"hello", b" \t \r\n", b"a  b\t\r\n\r\n", b"\r\n\r\nx\r\n"]
)
@pytest.mark.parametrize("form", [b"relaxed", b"simple"])
def test_any_body_is_judged_as_the_other_implementation_does(body: bytes, form: bytes) -> None:
    message = signed_elsewhere((form, form), message=MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body)
    assert faults(message) == [None]
    changed = message + b"!\r\n"
    assert faults(changed) == [Fault.BODY]
    assert verify_all(changed, [RSA]) == [False]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"hello", b"hallo", Fault.BODY),
        (b"bye\r\n\r\n", b"bye\r\nmore\r\n", Fault.BODY),
        (b"To: b@", b"To: c@", Fault.SIGNATURE),
        (b"X-One: 1\r\nX-One: 2", b"X-One: 2\r\nX-One: 1", Fault.SIGNATURE),
        (b"\r\nTo: b", b"\r\nFrom: evil@x.example\r\nTo: b", Fault.SIGNATURE),
        (b"\r\nTo: b", b"\r\nReply-To: evil@x.example\r\nTo: b", Fault.SIGNATURE),
    ],
)
def test_what_was_changed_on_the_way_is_found(old: bytes, new: bytes, fault: Fault) -> None:
    tampered = SIGNED.replace(old, new)
    assert tampered != SIGNED
    assert faults(tampered) == [fault, fault]
    assert verify_all(tampered, [RSA, ED25519]) == [False, False]


def test_what_a_relaxed_form_allows_is_still_valid() -> None:
    changed = SIGNED.replace(b"hello  world \r\n", b"hello world\r\n").replace(b"To: b@", b"to:   b@")
    assert faults(changed) == [None, None]
    assert verify_all(changed, [RSA, ED25519]) == [True, True]


def test_each_of_several_signatures_has_a_verdict_of_its_own() -> None:
    records = RECORDS | dict([dns_record(OTHER)])
    assert faults(SIGNED, records) == [Fault.SIGNATURE, None]
    assert faults(SIGNED, {name: text for name, text in RECORDS.items() if "r2026" in name}) == [None, Fault.NO_KEY]
    assert faults(MESSAGE) == []


def test_a_length_is_refused_though_the_other_implementation_takes_it() -> None:
    message = signed_elsewhere(length=True)
    assert verify_all(message, [RSA]) == [True]
    assert faults(message) == [Fault.LENGTH]


def test_an_expired_signature_does_not_count() -> None:
    value = SIGNED.partition(b"t=")[2].partition(b";")[0]
    ends = str(int(value) + 60).encode()
    expiring = retagged(SIGNED, b"t=" + value + b";", b"t=" + value + b"; x=" + ends + b";")
    assert faults(expiring)[0] is Fault.SIGNATURE  # judged, for its time has not come
    assert faults(expiring, now=NOW + timedelta(minutes=2))[0] is Fault.EXPIRED


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"a=rsa-sha256", b"a=rsa-sha1", Fault.ALGORITHM),
        (b"v=1", b"v=2", Fault.UNREADABLE),
        (b"d=zio.example;", b"d=zio.example; d=zio.example;", Fault.UNREADABLE),
        (b"d=zio.example;", b"d=zio.example; i=@other.example;", Fault.IDENTITY),
        (b"s=r2026;", b"s=none;", Fault.NO_KEY),
        (b"c=relaxed/relaxed", b"c=relaxed/loose", Fault.UNREADABLE),
        (b"t=", b"t=x", Fault.UNREADABLE),
    ],
)
def test_tags_that_are_not_as_they_should_be(old: bytes, new: bytes, fault: Fault) -> None:
    assert faults(retagged(SIGNED, old, new))[0] is fault


def test_the_sender_has_to_be_signed() -> None:
    without = re.sub(rb"(?<=[ :])from:", b"x-nothing:", SIGNED.partition(b"\r\nFrom:")[0])
    assert faults(without + b"\r\nFrom:" + SIGNED.partition(b"\r\nFrom:")[2])[0] is Fault.FROM_UNSIGNED


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda text: re.sub("p=.*", "p=", text), Fault.REVOKED),
        (lambda text: re.sub("p=.*", "p=!!", text), Fault.KEY),
        (lambda text: re.sub("p=.*", "p=" + base64.b64encode(b"no key").decode(), text), Fault.KEY),
        (lambda text: text.replace("v=DKIM1", "v=DKIM2"), Fault.KEY),
        (lambda text: text.replace("k=rsa", "k=ed25519"), Fault.KEY),
        (lambda text: text + "; s=other", Fault.KEY),
        (lambda text: text + "; h=sha1", Fault.KEY),
        (lambda text: text + "; t=y; t=s", Fault.KEY),
        (lambda text: text + "; t=s; n=fine", None),
    ],
)
def test_records_that_are_not_as_they_should_be(change: object, fault: Fault | None) -> None:
    name = "r2026._domainkey.zio.example"
    assert faults(SIGNED, RECORDS | {name: change(RECORDS[name])})[0] is fault  # type: ignore[operator]
