"""A body is encoded once, and whatever is filled into it reads back with the standard library."""

import email
import email.policy
import hashlib
import re
from email.message import EmailMessage
from html import escape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsletter.delivery.blocks import Body
from newsletter.delivery.slots import SLOT_PREFERENCES, SLOT_UNSUBSCRIBE, field_slot, link_slot
from newsletter.mail import dkim, message, quoted

BOUNDARY = "=_0123456789"
MARKS = [SLOT_UNSUBSCRIBE, SLOT_PREFERENCES, field_slot("city", "là"), link_slot(3)]
NASTY = st.text(alphabet=st.sampled_from("aé漢😀=. \t\r\nFrom -&<>\"'\0\u202e\u0301"), max_size=200)
TEXTS = st.one_of(st.text(max_size=200), NASTY, st.text(alphabet="a ", max_size=400))
PIECES = st.lists(st.tuples(TEXTS, st.sampled_from(MARKS)), max_size=8)


def whole(body: Body, values: dict[str, str]) -> bytes:
    head = f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{BOUNDARY}"\r\n\r\n'
    return head.encode() + body.first + body.rest(values)


def parts_of(data: bytes) -> list[EmailMessage]:
    parsed = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    parts = list(parsed.iter_parts())
    assert not any(part.defects for part in [parsed, *parts])
    return parts


def contents(data: bytes) -> list[str]:
    return [part.get_payload(decode=True).decode().replace("\r\n", "\n") for part in parts_of(data)]


def encodings(body: Body) -> list[str]:
    return [part["Content-Transfer-Encoding"] for part in parts_of(whole(body, dict.fromkeys(body.marks, "x")))]


def expected(pieces: list[tuple[str, str]], end: str, values: dict[str, str], *, html: bool) -> str:
    filled = [quoted.clean(values[mark]) for _, mark in pieces]
    if html:
        filled = list(map(escape, filled))
    return "".join(quoted.clean(text) + value for (text, _), value in zip(pieces, filled, strict=True)) + quoted.clean(
        end
    )


def assert_safe(data: bytes) -> None:
    message.check_lines(data)
    assert data.isascii()
    for line in data.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith((b".", b"From "))
        assert not line.endswith(b" ")


@settings(max_examples=300)
@given(PIECES, TEXTS, st.fixed_dictionaries(dict.fromkeys(MARKS, TEXTS)), st.sampled_from(["", "漢" * 900]))
def test_any_text_with_any_values_reads_back_filled(pieces, end, values, more):
    source = "".join(f"{text.replace('@@', '')}{mark}" for text, mark in pieces) + end.replace("@@", "") + more
    pieces = [(text.replace("@@", ""), mark) for text, mark in pieces]
    body = Body(source, f"<p>\n{source}", BOUNDARY)
    data = whole(body, values)
    sent = body.first + body.rest(values)
    assert_safe(data.partition(b"\r\n\r\n")[2])
    text, html = [expected(pieces, end.replace("@@", "") + more, values, html=html) for html in (False, True)]
    assert contents(data) == [text, f"<p>\n{html}"]
    assert dkim.relaxed_body(sent) == sent


@given(
    st.lists(st.text(alphabet="漢é", max_size=3), min_size=1, max_size=6), st.lists(st.text(alphabet="aé", max_size=4))
)
@example(["", "", ""], ["", "a"])
@example(["漢", "", "é"], ["é", "", "a"])
def test_base64_stays_valid_around_slots_of_any_length(between, values):
    marks = [link_slot(number) for number in range(len(between) - 1)]
    filled = dict(zip(marks, [*values, *[""] * len(marks)], strict=False))
    source = "漢" * 200 + "".join(text + mark for text, mark in zip(between, [*marks, ""], strict=True))
    body = Body(source, source, BOUNDARY)
    assert encodings(body) == ["base64", "base64"]
    text, html = contents(whole(body, filled))
    assert (
        text
        == html
        == "漢" * 200
        + "".join(part + value for part, value in zip(between, [*(filled[mark] for mark in marks), ""], strict=True))
    )


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Les nouvelles de l’été à Lomé, tous les matins\n" * 20, "quoted-printable"),
        ("漢字" * 50, "base64"),
        ("Новости дня\n" * 20, "base64"),
    ],
)
def test_the_shorter_encoding_is_taken_and_readable_text_stays_readable(text, encoding):
    assert encodings(Body(text + SLOT_UNSUBSCRIBE, "<p>", BOUNDARY))[0] == encoding


def test_bytes_around_a_slot_are_the_same_for_each_reader():
    start = "Pour quitter la liste cet Été "
    body = Body(f"{start}{SLOT_UNSUBSCRIBE} fin\n", f"<p>{start}{SLOT_UNSUBSCRIBE} fin</p>\n", BOUNDARY)
    short, long = (body.rest({SLOT_UNSUBSCRIBE: value}) for value in ("é", "é" * 400))
    for kept in (b"\r\n fin\r\n", b" =C3=89t=C3=A9=20=\r\n", b"\r\n fin</p>\r\n"):
        assert kept in body.first + short
        assert kept in body.first + long


def test_a_value_in_a_link_is_escaped_and_the_text_is_not():
    body = Body(SLOT_UNSUBSCRIBE, f'<a href="{SLOT_UNSUBSCRIBE}">', BOUNDARY)
    data = whole(body, {SLOT_UNSUBSCRIBE: 'https://n.example/u?a=1&b="'})
    assert contents(data) == ['https://n.example/u?a=1&b="', '<a href="https://n.example/u?a=1&amp;b=&quot;">']


def test_a_value_cannot_end_a_part_or_begin_a_line_with_a_dot():
    body = Body(f"a{SLOT_UNSUBSCRIBE}b", "<p>", BOUNDARY)
    data = whole(body, {SLOT_UNSUBSCRIBE: f"\r\n.\r\n--{BOUNDARY}--\r\n.x"})
    assert_safe(data.partition(b"\r\n\r\n")[2])
    assert len(contents(data)) == 2


@given(TEXTS)
def test_a_block_begins_and_ends_at_the_start_of_a_line(text):
    encoded = quoted.quoted_block(quoted.clean(text))
    assert encoded == b"" or encoded.endswith(b"\r\n")
    for line in encoded.split(b"\r\n"):
        assert len(line) <= 76
        assert not re.match(rb"\.|From ", line)


def test_the_hash_of_a_body_is_that_of_its_bytes():
    body = Body(f"Été {SLOT_UNSUBSCRIBE}", f"<p>{SLOT_UNSUBSCRIBE}</p>", BOUNDARY)
    for value in ("https://n.example/u/1", "é"):
        rest = body.rest({SLOT_UNSUBSCRIBE: value})
        assert body.digest(rest) == hashlib.sha256(body.first + rest).digest()


@settings(max_examples=200)
@given(PIECES, TEXTS, st.fixed_dictionaries(dict.fromkeys(MARKS, TEXTS)), st.sampled_from(["", "漢" * 900]))
def test_a_body_without_html_is_one_text_that_reads_back_filled(pieces, end, values, more):
    pieces = [(text.replace("@@", ""), mark) for text, mark in pieces]
    source = "".join(f"{text}{mark}" for text, mark in pieces) + end.replace("@@", "") + more + "end"
    body = Body(source, "", BOUNDARY)
    head = b"".join(item.line for item in body.headers) + b"\r\n"
    sent = body.first + body.rest(values)
    assert_safe(sent)
    assert sent.endswith(b"\r\n")
    assert dkim.relaxed_body(sent) == sent
    parsed = email.message_from_bytes(head + sent, policy=email.policy.default)
    assert not parsed.is_multipart()
    assert parsed.get_content_type() == "text/plain"
    text = parsed.get_payload(decode=True).decode().replace("\r\n", "\n")
    assert text == expected(pieces, end.replace("@@", "") + more + "end\n", values, html=False)
