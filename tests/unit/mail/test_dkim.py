"""DKIM signatures, judged by another implementation."""

import hashlib
from datetime import UTC, datetime

import pytest

from newsletter.mail import dkim
from newsletter.mail.dkim import Algorithm, DkimKey
from newsletter.mail.headers import Header
from tests.support.dkim_check import verify_all

NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
RSA_PEM = dkim.generate_key(Algorithm.RSA)
ED25519_PEM = dkim.generate_key(Algorithm.ED25519)
KEYS = [
    DkimKey("zio.example", "r2026", Algorithm.RSA, RSA_PEM),
    DkimKey("zio.example", "e2026", Algorithm.ED25519, ED25519_PEM),
]
HEAD = (
    b"From: Zio <a@zio.example>\r\nTo: b@x.example\r\nSubject:  a   folded\r\n\t subject \r\n"
    b"Date: Mon, 23 Nov 2026 06:30:00 +0000\r\n"
    b"List-Unsubscribe: <https://zio.example/u/T>,\r\n <mailto:u@zio.example>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
)
BODIES = {
    "empty": b"",
    "one line": b"hello\r\n",
    "no final CRLF": b"hello",
    "only CRLF": b"\r\n",
    "only empty lines": b"\r\n\r\n\r\n",
    "empty lines at the end": b"hello\r\n\r\n\r\n",
    "spaces at the end of lines": b"hello  \r\nworld\t\r\n \r\n\t \r\n",
    "runs of spaces": b"a  b\t\tc \t d\r\n",
    "spaces and no final CRLF": b"hello \t ",
    "leading spaces": b"  hello\r\n\tworld\r\n",
    "eight bits": "déjà vu\r\n".encode(),
    "dots": b".\r\n..\r\n.x\r\n",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_both_signatures_verify_over_any_body(body: bytes) -> None:
    signed = dkim.sign(HEAD + b"\r\n" + body, KEYS, NOW)
    on_the_wire = signed if signed.endswith(b"\r\n") else signed + b"\r\n"
    assert verify_all(on_the_wire, KEYS) == [True, True]


def test_a_message_without_a_body_is_signed() -> None:
    assert verify_all(dkim.sign(HEAD + b"\r\n", KEYS, NOW), KEYS) == [True, True]


def test_a_changed_body_breaks_both_signatures() -> None:
    signed = dkim.sign(HEAD + b"\r\nhello\r\n", KEYS, NOW)
    assert verify_all(signed.replace(b"hello", b"hallo"), KEYS) == [False, False]


def test_text_after_the_body_breaks_the_signature_because_no_length_is_signed() -> None:
    signed = dkim.sign(HEAD + b"\r\nhello\r\n", KEYS, NOW)
    assert verify_all(signed + b"more\r\n", KEYS) == [False, False]
    assert b" l=" not in signed


@pytest.mark.parametrize(
    "field",
    [
        b"From: evil@x.example",
        b"Subject: other",
        b"To: c@x.example",
        b"Date: Tue, 24 Nov 2026 06:30:00 +0000",
        b"Reply-To: evil@x.example",
        b"Cc: evil@x.example",
        b"Content-Type: text/html",
        b"List-Unsubscribe: <https://evil.example/>",
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ],
)
def test_a_field_added_on_the_way_breaks_the_signature(field: bytes) -> None:
    signed = dkim.sign(HEAD + b"\r\nhello\r\n", KEYS, NOW)
    assert verify_all(field + b"\r\n" + signed, KEYS)[-2:] == [False, False]


def test_trace_fields_added_on_the_way_break_nothing() -> None:
    signed = dkim.sign(HEAD + b"\r\nhello\r\n", KEYS, NOW)
    trace = b"Return-Path: <b@zio.example>\r\nReceived: from a by b; Mon, 23 Nov 2026 06:31:00 +0000\r\n"
    assert verify_all(trace + signed, KEYS) == [True, True]


def test_both_one_click_fields_are_covered_by_each_signature() -> None:
    signed = dkim.sign(HEAD + b"\r\nhello\r\n", KEYS, NOW)
    for field in (b"list-unsubscribe:", b"list-unsubscribe-post"):
        assert signed.count(field) >= 2 * len(KEYS)


def test_fields_of_the_same_name_are_signed_from_the_last_one() -> None:
    message = b"X-Note: one\r\nX-Note: two\r\n" + HEAD + b"\r\nhello\r\n"
    assert verify_all(dkim.sign(message, KEYS, NOW), KEYS) == [True, True]


def test_raw_utf8_fields_are_signed() -> None:
    message = "To: jörg@x.example\r\n".encode() + HEAD.replace(b"To: b@x.example\r\n", b"") + b"\r\nhello\r\n"
    assert verify_all(dkim.sign(message, KEYS, NOW), KEYS) == [True, True]


def test_no_line_of_a_signature_is_longer_than_78() -> None:
    signed = dkim.sign(HEAD + b"\r\nhello\r\n", KEYS, NOW)
    assert max(map(len, signed.split(b"\r\n"))) <= 78


def test_without_keys_the_message_stays_as_it_is() -> None:
    assert dkim.sign(HEAD + b"\r\nhello\r\n", [], NOW) == HEAD + b"\r\nhello\r\n"


def test_a_message_of_shared_and_own_fields_verifies() -> None:
    shared = [
        Header("From", b"From: Zio <a@zio.example>\r\n"),
        Header("Subject", b"Subject:  a   folded\r\n\t one \r\n"),
    ]
    own = [Header("To", b"To: b@x.example\r\n")]
    signing = dkim.Signing(KEYS, shared, ["To"], NOW)
    signatures = signing.sign(own, hashlib.sha256(b"hello\r\n").digest())
    message = signatures + own[0].line + b"".join(field.line for field in shared) + b"\r\nhello\r\n"
    assert verify_all(message, KEYS) == [True, True]
    assert verify_all(b"To: c@x.example\r\n" + message, KEYS) == [False, False]
    assert max(map(len, signatures.split(b"\r\n"))) <= 78


@pytest.mark.parametrize("body", [b"a\nb\r\n", b"a\rb\r\n"])
def test_a_line_end_that_somebody_would_change_later_is_not_signed(body: bytes) -> None:
    with pytest.raises(ValueError, match="stands alone"):
        dkim.sign(HEAD + b"\r\n" + body, KEYS, NOW)


def test_the_record_has_short_strings_and_no_private_part() -> None:
    name, value = dkim.dns_record(KEYS[0])
    assert name == "r2026._domainkey.zio.example"
    assert value.startswith("v=DKIM1; k=rsa; p=MII")
    strings = dkim.txt_strings(value)
    assert len(strings) == 2
    assert "".join(strings) == value
    assert max(map(len, strings)) <= 255


def test_the_ed25519_record_holds_32_bytes() -> None:
    assert dkim.dns_record(KEYS[1])[1].startswith("v=DKIM1; k=ed25519; p=")
    assert len(KEYS[1].public_bytes()) == 32


def test_an_international_domain_signs_as_its_a_label() -> None:
    key = DkimKey("exämple.org", "s", Algorithm.ED25519, ED25519_PEM)
    assert b"d=xn--exmple-cua.org;" in dkim.sign(HEAD + b"\r\n", [key], NOW)


def test_a_key_does_not_show_its_secret() -> None:
    assert "PRIVATE" not in repr(KEYS[0])


@pytest.mark.parametrize(
    ("selector", "algorithm", "pem"),
    [
        ("s", Algorithm.RSA, ED25519_PEM),
        ("s", Algorithm.ED25519, RSA_PEM),
        ("s", Algorithm.RSA, b"nonsense"),
        ("bad selector", Algorithm.RSA, RSA_PEM),
        ("", Algorithm.RSA, RSA_PEM),
    ],
)
def test_a_key_that_makes_no_sense_is_refused_at_once(selector: str, algorithm: Algorithm, pem: bytes) -> None:
    with pytest.raises(ValueError, match="DKIM"):
        DkimKey("zio.example", selector, algorithm, pem)
