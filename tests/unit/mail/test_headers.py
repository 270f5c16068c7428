"""Header fields read back with the standard library, and the ways in which people and attackers try to break out of
them.
"""

import email
import email.policy
import re
import string
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header
from email.headerregistry import Address
from email.message import EmailMessage

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from newsletter.mail import headers, words
from newsletter.mail.addrspec import wire_form
from newsletter.mail.headers import Header, Mailbox

UNWANTED = "\r\n\0\x0b\x1b\x85\u2028\u2029\u202e\u2066\u200f\ud800"
NASTY = [
    "Hi\r\nBcc: x@evil.example",
    "Hi\nBcc: x@evil.example",
    "Hi\rBcc: x@evil.example",
    "Hi\r\n Bcc: folded",
    "Hi\0there",
    "Hi\x85Bcc: x",
    "Hi\u2028Bcc: x",
    "Hi\u2029Bcc: x",
    "=?utf-8?q?=0D=0ABcc:_x@evil.example?=",
    "=?utf-8?b?DQpCY2M6IHhAZXZpbC5leGFtcGxl?=",
    '<>",;:@()\\',
    'a "quoted" name',
    "back\\slash\\",
    "name <other@evil.example>",
    "x" * 10_000,
    "é" * 10_000,
    "word " * 2_000,
    "\u202egnp.exe",
    "\r\n.\r\nMAIL FROM:<>",
]


def parse(*fields: Header) -> EmailMessage:
    message = email.message_from_bytes(headers.write_headers(fields) + b"\r\n", policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def check_lines(field: Header, limit: int) -> None:
    assert field.line.endswith(b"\r\n")
    lines = field.line.removesuffix(b"\r\n").split(b"\r\n")
    assert not re.search(rb"[\r\n\0]", b"".join(lines))
    assert all(line.startswith(b" ") for line in lines[1:])
    assert all(line.strip() for line in lines)
    assert max(map(len, lines)) <= limit


def check_encoded_words(field: Header) -> None:
    for line in field.line.split(b"\r\n"):
        found = re.findall(rb"=\?utf-8\?[qb]\?[^?]*\?=", line)
        assert all(len(word) <= 75 for word in found)
        assert not found or len(line) <= 76


def decoded(value: bytes) -> str:
    """Unfolded and decoded by the letter of RFC 2047; the newer parser of Python 3.11 adds spaces between encoded
    words.
    """
    parts = decode_header(value.replace(b"\r\n", b"").decode("ascii").strip(" "))
    return "".join(part if isinstance(part, str) else part.decode(charset or "ascii") for part, charset in parts)


def display_name(field: Header) -> str:
    (box,) = parse(field)[field.name].addresses
    if b"=?" not in field.line:
        return str(box.display_name)
    return decoded(field.line.partition(b":")[2].rpartition(b"<")[0].rstrip(b"\r\n "))


def test_ascii_subjects_stay_as_they_are() -> None:
    assert headers.unstructured("Subject", "Monday's news: 3 stories").line == b"Subject: Monday's news: 3 stories\r\n"


def test_a_long_ascii_subject_is_folded_at_its_spaces() -> None:
    field = headers.unstructured("Subject", "word " * 40)
    check_lines(field, 78)
    assert parse(field)["Subject"] == ("word " * 40).strip()


def test_french_typography_survives() -> None:
    text = "« L’été » : 12 000 lecteurs — déjà\u202f!"
    assert parse(headers.unstructured("Subject", text))["Subject"] == text


def test_spaces_between_folded_encoded_words_survive() -> None:
    text = " ".join(["été"] * 60)
    field = headers.unstructured("Subject", text)
    check_encoded_words(field)
    assert parse(field)["Subject"] == text


@given(st.text(max_size=400))
def test_any_subject_reads_back_as_its_cleaned_text(text: str) -> None:
    field = headers.unstructured("Subject", text)
    check_lines(field, 998)
    check_encoded_words(field)
    assert decoded(field.line.removeprefix(b"Subject:")) == words.clean(words.clean(text)[:998])


@pytest.mark.parametrize("text", NASTY)
def test_a_nasty_subject_stays_one_field(text: str) -> None:
    field = headers.unstructured("Subject", text)
    check_lines(field, 998)
    check_encoded_words(field)
    message = parse(field)
    assert message.keys() == ["Subject"]
    assert decoded(field.line.removeprefix(b"Subject:")) == words.clean(words.clean(text)[:998])


@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_display_name_stays_one_mailbox(name: str) -> None:
    field = headers.mailbox("To", Mailbox("b@x.example", name))
    check_lines(field, 256)
    check_encoded_words(field)
    message = parse(field)
    assert message.keys() == ["To"]
    (box,) = message["To"].addresses
    assert box.addr_spec == "b@x.example"
    assert display_name(field) == words.clean(words.clean(name)[:100])


@given(st.text(max_size=150))
def test_any_display_name_reads_back_and_names_one_address(name: str) -> None:
    field = headers.mailbox("From", Mailbox("a@zio.example", name))
    check_lines(field, 256)
    check_encoded_words(field)
    (box,) = parse(field)["From"].addresses
    assert box.addr_spec == "a@zio.example"
    assert display_name(field) == words.clean(words.clean(name)[:100])


def test_a_typed_encoded_word_comes_out_literally() -> None:
    typed = "=?utf-8?q?=0D=0ABcc:_x@evil.example?="
    field = headers.mailbox("To", Mailbox("b@x.example", typed))
    assert display_name(field) == typed
    assert b'"' not in field.line


def test_encoded_words_never_split_a_code_point() -> None:
    for text in ("é" * 200, "\U0001f600" * 100, "a\U0001f600é漢" * 40):
        for word in words.encoded_words(text, 60):
            [(data, charset)] = decode_header(word)
            assert isinstance(data, bytes)
            data.decode(charset or "")


def test_b_or_q_whichever_is_shorter() -> None:
    assert words.encoded_words("Les titres de l’après-midi", 60)[0].startswith("=?utf-8?q?")
    assert words.encoded_words("漢字漢字漢字", 60)[0].startswith("=?utf-8?b?")


def test_names_that_need_no_quotes_have_none() -> None:
    assert headers.mailbox("From", Mailbox("a@zio.example", "Le Zio")).line == b"From: Le Zio <a@zio.example>\r\n"
    assert (
        headers.mailbox("From", Mailbox("a@zio.example", "Zio, Inc.")).line == b'From: "Zio, Inc." <a@zio.example>\r\n'
    )
    assert headers.mailbox("From", Mailbox("a@zio.example")).line == b"From: a@zio.example\r\n"


def test_an_international_domain_is_written_as_its_a_label() -> None:
    assert headers.mailbox("To", Mailbox("b@exämple.org")).line == b"To: b@xn--exmple-cua.org\r\n"


def test_a_local_part_beyond_ascii_is_written_raw_and_only_where_asked() -> None:
    with pytest.raises(ValueError, match="SMTPUTF8"):
        headers.mailbox("From", Mailbox("jörg@x.example"))
    field = headers.mailbox("To", Mailbox("jörg@x.example", "Jörg"), utf8=True)
    assert field.line == "To: =?utf-8?b?SsO2cmc=?= <jörg@x.example>\r\n".encode()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "@x.example",
        "a@",
        "a b@x.example",
        "a\r\n@x.example",
        "a\n@x.example",
        "a\0@x.example",
        "a\x85@x.example",
        "a\u2028@x.example",
        "a>@x.example",
        "<a@x.example>",
        '"a b"@x.example',
        "a..b@x.example",
        ".a@x.example",
        "a@x..example",
        "a@-x.example",
        "a@x.example\r\nRCPT TO:<b@x.example>",
        "a@x example",
        "a" * 65 + "@x.example",
        "é" * 33 + "@x.example",
        "a@" + "x" * 64 + ".example",
        "a@" + ".".join(["x" * 60] * 5),
        "a\ud800@x.example",
        "a@\ud800.example",
    ],
)
def test_an_address_that_cannot_be_written_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"address|longer|domain"):
        headers.mailbox("To", Mailbox(address), utf8=True)


@pytest.mark.parametrize("character", UNWANTED)
def test_structured_fields_refuse_what_they_cannot_carry(character: str) -> None:
    bad = f"a{character}b"
    for write in (
        lambda: headers.structured("Precedence", bad),
        lambda: headers.uris("List-Unsubscribe", [f"https://x.example/{bad}"]),
        lambda: headers.list_id(f"{bad}.x.example"),
        lambda: headers.message_id(f"<{bad}@x.example>"),
        lambda: headers.unstructured(bad, "text"),
        lambda: headers.mailbox(bad, Mailbox("a@x.example")),
    ):
        with pytest.raises(ValueError, match=r"."):
            write()


def test_structured_fields_refuse_a_line_end_at_their_end() -> None:
    for write in (
        lambda: headers.structured("Precedence", "bulk\n"),
        lambda: headers.uris("List-Help", ["https://x.example/\n"]),
        lambda: headers.list_id("x.example\n"),
        lambda: headers.message_id("<a@x.example>\n"),
    ):
        with pytest.raises(ValueError, match=r"."):
            write()


def test_list_unsubscribe_is_folded_after_a_comma_and_never_encoded() -> None:
    web, mail = "https://zio.example/u/" + "x" * 120, "mailto:unsub+" + "y" * 32 + "@b.zio.example?subject=unsubscribe"
    line = headers.uris("List-Unsubscribe", [web, mail]).line
    assert line == f"List-Unsubscribe: <{web}>,\r\n <{mail}>\r\n".encode()


@pytest.mark.parametrize(
    "uri", ["javascript:alert(1)", "https://x.example/a b", "https://x.example/<", "https://x.example/é", ""]
)
def test_only_web_and_mail_addresses_in_printable_ascii_are_list_addresses(uri: str) -> None:
    with pytest.raises(ValueError, match="List-Help"):
        headers.uris("List-Help", [uri])


def test_the_phrase_of_a_list_id_may_be_encoded_and_its_identifier_never() -> None:
    assert headers.list_id("zio.example", "Été à Paris").line == (
        b"List-Id: =?utf-8?b?w4l0w6kgw6AgUGFyaXM=?= <zio.example>\r\n"
    )
    assert headers.list_id("zio.example").line == b"List-Id: <zio.example>\r\n"
    with pytest.raises(ValueError, match="List-Id"):
        headers.list_id("é.example")


def test_dates_have_a_numeric_zone() -> None:
    moment = datetime(2026, 11, 3, 7, 5, 9, tzinfo=timezone(timedelta(hours=1)))
    assert headers.date(moment).line == b"Date: Tue, 03 Nov 2026 07:05:09 +0100\r\n"
    assert headers.date(moment.astimezone(UTC)).line == b"Date: Tue, 03 Nov 2026 06:05:09 +0000\r\n"
    with pytest.raises(ValueError, match="zone"):
        headers.date(moment.replace(tzinfo=None))


def test_no_field_occurs_twice() -> None:
    field = headers.unstructured("Subject", "a")
    with pytest.raises(ValueError, match="twice"):
        headers.write_headers([field, headers.unstructured("SUBJECT", "b")])


@pytest.mark.parametrize("name", ["Bcc", "Return-Path", "Received", "Errors-To"])
def test_fields_of_other_hosts_are_never_written(name: str) -> None:
    with pytest.raises(ValueError, match="not ours"):
        headers.write_headers([headers.structured(name, "x")])


def test_a_block_of_more_than_32_kilobytes_is_refused() -> None:
    fields = [headers.unstructured(f"X-{n}", "word " * 200) for n in range(40)]
    with pytest.raises(ValueError, match="header block"):
        headers.write_headers(fields)


def test_the_standard_library_agrees_on_plain_names() -> None:
    field = headers.mailbox("From", Mailbox("a@zio.example", "Zio, Inc."))
    assert parse(field)["From"].addresses == (Address("Zio, Inc.", "a", "zio.example"),)


ATOM = st.text(alphabet=string.ascii_letters + string.digits + "!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=30)
LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True)


@given(st.lists(ATOM, max_size=8), st.lists(ATOM, min_size=1, max_size=3), st.lists(LABEL, min_size=1, max_size=4))
def test_plain_mailboxes_are_written_as_the_general_rules_say(
    name: list[str], local: list[str], labels: list[str]
) -> None:
    text, address = " ".join(name)[:100].rstrip(), f"{'.'.join(local)}@{'.'.join(labels)}"
    assume(len(".".join(local)) <= 64 and not words.needs_encoding(text))
    tokens = [*text.split(" "), f"<{address}>"] if text else [address]
    assert headers.mailbox(headers.TO, Mailbox(address, text)).line == words.fold(headers.TO, tokens)
    # In upper case the domain takes the general path.
    shouted = f"{'.'.join(local)}@{'.'.join(labels).upper()}"
    assert wire_form(address) == wire_form(shouted) == address


@pytest.mark.parametrize(
    "address", ["a@b.example\n", "a b@c.example", "a..b@c.example", "a@-b.example", "a@b..c", "@b", "a@"]
)
def test_a_plain_looking_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        wire_form(address)
