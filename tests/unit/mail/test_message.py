"""Whole messages: read back with the standard library, and kept inside the limits of every relay."""

import email
import email.policy
import quopri
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.mail import dkim, headers, message, quoted
from newsletter.mail.headers import Mailbox
from newsletter.mail.message import ListHeaders, MessageHeaders

SECRET = b"0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
ENDS_OF_DATA = [
    f"{before}.{after}"
    for before in ("\n", "\r", "\r\n", "\r\r\n", "\0\r\n", "\n\n", "\r\n\x00")
    for after in ("\n", "\r", "\r\n", "\r\r\n", "\r\n\0", "\n\n", "\x00\r\n")
]


def about(number: int = 7, **changes: object) -> MessageHeaders:
    values: dict[str, object] = {
        "date": NOW,
        "sender": Mailbox("desk@zio.example", "Le Zio, matin"),
        "recipient": Mailbox("b@x.example", "Ana"),
        "subject": "L’été : trois articles",
        "message_id": message.message_id("issue", number, SECRET, "zio.example"),
    }
    return MessageHeaders(**(values | changes))  # type: ignore[arg-type]


LISTING = ListHeaders(
    "matin.zio.example",
    "Le Zio, matin",
    "https://zio.example/u/" + "T" * 40,
    "unsub+" + "y" * 32 + "@b.zio.example",
    "i12:matin:digest:zionews",
    {headers.LIST_ARCHIVE: "https://zio.example/archive/matin"},
)


def whole(text: str = "Bonjour\n", html: str = "<p>Bonjour</p>\n", **changes: object) -> bytes:
    boundary = message.boundary_for("x")
    body = message.encode_alternative(text, html, boundary)
    return message.build_message(message.bulk_headers(about(**changes), LISTING), body, boundary)


def parse(data: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


def check_wire(data: bytes) -> None:
    assert data.isascii()
    assert b"\0" not in data
    assert data.count(b"\r") == data.count(b"\n") == data.count(b"\r\n")
    assert max(map(len, data.split(b"\r\n"))) <= 998


def test_an_issue_has_each_field_of_a_newsletter_once() -> None:
    parsed = parse(whole())
    assert parsed["From"] == '"Le Zio, matin" <desk@zio.example>'
    assert parsed["To"] == "Ana <b@x.example>"
    assert parsed["Subject"] == "L’été : trois articles"
    assert parsed["Date"] == "Mon, 23 Nov 2026 06:30:00 +0000"
    assert parsed["List-Id"] == '"Le Zio, matin" <matin.zio.example>'
    assert parsed["List-Unsubscribe"].startswith("<https://zio.example/u/TTT")
    assert parsed["List-Unsubscribe"].endswith("@b.zio.example?subject=unsubscribe>")
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsed["List-Archive"] == "<https://zio.example/archive/matin>"
    assert parsed["Precedence"] == "bulk"
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert parsed["Feedback-ID"] == "i12:matin:digest:zionews"
    assert parsed["MIME-Version"] == "1.0"
    assert parsed.get_content_type() == "multipart/alternative"
    names = [name.lower() for name in list(parsed.keys())]
    assert len(set(names)) == len(names)


def test_a_transactional_mail_belongs_to_no_list() -> None:
    fields = {field.name for field in message.transactional_headers(about(), form_sub="subscribe")}
    assert not any(name.startswith("List-") for name in fields)
    assert headers.PRECEDENCE not in fields
    assert {headers.AUTO_SUBMITTED, headers.FORM_SUB} <= fields


def test_an_acknowledgement_says_what_it_answers() -> None:
    block = headers.write_headers(message.transactional_headers(about(), in_reply_to="<q@x.example>"))
    assert b"Auto-Submitted: auto-replied\r\n" in block
    assert b"In-Reply-To: <q@x.example>\r\n" in block


def test_reply_to_is_written_only_when_it_differs() -> None:
    same, other = Mailbox("desk@zio.example"), Mailbox("letters@zio.example")
    assert b"Reply-To" not in whole(reply_to=same)
    assert b"\r\nReply-To: letters@zio.example\r\n" in whole(reply_to=other)


def test_the_text_stands_before_the_html() -> None:
    parts = list(parse(whole("Été\n", "<p>Été</p>\n")).iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    assert [part.get_content() for part in parts] == ["Été\r\n", "<p>Été</p>\r\n"]  # type: ignore[attr-defined]
    assert {part.get_content_charset() for part in parts} == {"utf-8"}


@pytest.mark.parametrize("vector", ENDS_OF_DATA)
def test_no_end_of_data_survives_in_an_article(vector: str) -> None:
    smuggled = f"news{vector}MAIL FROM:<evil@x.example>\r\n"
    data = whole(smuggled, smuggled, subject=smuggled)
    check_wire(data)
    assert b"\r\n." not in data


@pytest.mark.parametrize("line_end", ["\n", "\r", "\r\n"])
def test_any_line_end_becomes_crlf(line_end: str) -> None:
    part = next(parse(whole(f"a{line_end}b{line_end}")).iter_parts())
    assert part.get_payload(decode=True) == b"a\r\nb\r\n"


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_and_html_read_back_as_their_cleaned_text(text: str, html: str) -> None:
    data = whole(text, html)
    check_wire(data)
    found = [part.get_payload(decode=True) for part in parse(data).iter_parts()]
    expected = [quoted.clean(part).replace("\n", "\r\n").encode() for part in (text, html)]
    assert found == expected


@given(st.text(alphabet=st.sampled_from("aé=. \t\nFrom -"), max_size=400))
def test_quoted_printable_lines_are_safe_on_any_relay(text: str) -> None:
    encoded = quoted.quoted_printable(quoted.clean(text))
    for line in encoded.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith((b".", b"From "))
        assert not line.endswith((b" ", b"\t"))
    assert dkim.relaxed_body(encoded + b"\r\n.") == encoded + b"\r\n.\r\n"
    assert quopri.decodestring(encoded) == quoted.clean(text).replace("\n", "\r\n").encode()


def test_blocks_that_end_a_line_are_encoded_apart_and_joined() -> None:
    blocks = ["Été\n" * 3, "." * 100 + "\n", "From here \n"]
    assert b"".join(map(quoted.quoted_printable, blocks)) == quoted.quoted_printable("".join(blocks))


def test_text_that_is_mostly_beyond_ascii_is_sent_as_base64() -> None:
    assert b"Content-Transfer-Encoding: base64\r\n" in message.encode_part("plain", "漢字" * 100)
    assert b"Content-Transfer-Encoding: quoted-printable\r\n" in message.encode_part(
        "plain", "Bonjour à tous, voici les nouvelles\n" * 50
    )


def test_articles_are_written_in_nfc_without_controls() -> None:
    part = next(parse(whole("e\u0301te\u0301 \x00\x07\x85\u202eok\n")).iter_parts())
    assert part.get_payload(decode=True) == "été ok\r\n".encode()


def test_the_same_delivery_makes_the_same_bytes() -> None:
    assert whole() == whole()


def test_message_ids_are_stable_and_tell_nothing() -> None:
    first = message.message_id("issue", 1, SECRET, "zio.example")
    assert first == message.message_id("issue", 1, SECRET, "zio.example")
    others = {
        message.message_id("issue", 2, SECRET, "zio.example"),
        message.message_id("confirm", 1, SECRET, "zio.example"),
        message.message_id("issue", 1, b"other" * 8, "zio.example"),
    }
    assert first not in others
    assert len({value.partition(".")[2] for value in {first, *others}}) == 4


@pytest.mark.parametrize("domain", ["zio.example", "courrier." + "x" * 40 + ".example", "a." * 60 + "example.org"])
def test_a_message_id_has_at_most_78_characters(domain: str) -> None:
    value = message.message_id("transactional", 2**63, SECRET, domain)
    assert len(value) <= 78
    headers.message_id(value)


def test_the_longest_domain_still_has_a_message_id() -> None:
    domain = f"{'x' * 63}.{'y' * 63}"
    value = message.message_id("transactional", 1, SECRET, domain)
    assert value.endswith(f"@{domain}>")
    headers.message_id(value)


@pytest.mark.parametrize(
    "data", [b"a\nb", b"a\rb", b"a\r\n\nb", b"\r\r\n", b"a\0b", b"x" * 999, b"a\r\n" * 999 + b"x" * 999]
)
def test_bytes_that_must_never_leave_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="message"):
        message.check_lines(b"Subject: a\r\n\r\n" + data + b"\r\n")


@pytest.mark.parametrize("data", [b"x" * 998, (b"x" * 998 + b"\r\n") * 3, b"\r\n" * 2000, b"x" * 998 + b"\r\na"])
def test_lines_of_998_bytes_may_leave(data: bytes) -> None:
    message.check_lines(b"Subject: a\r\n\r\n" + data + b"\r\n")


def test_a_boundary_that_stands_in_a_part_is_refused() -> None:
    with pytest.raises(ValueError, match="boundary"):
        message.encode_alternative("a\n--here\nb", "<p>", "here")
    with pytest.raises(ValueError, match="boundary"):
        message.encode_alternative("a", "b", 'x"\r\nBcc: c')


def test_text_cannot_end_the_parts_early() -> None:
    boundary = message.boundary_for("x")
    parsed = parse(whole(f"a\n--{boundary}--\nb\n"))
    assert len(list(parsed.iter_parts())) == 2
