"""One reader's copy: signed, repeatable, and safe whatever a reader is called."""

import email
import email.policy
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.core.errors import RefusedError
from newsletter.delivery import slots
from newsletter.delivery.personalise import Content, Prepared, Recipient, fill
from newsletter.delivery.slots import (
    SLOT_CLICKER,
    SLOT_OPENER,
    SLOT_PREFERENCES,
    SLOT_UNSUBSCRIBE,
    field_slot,
    link_slot,
)
from newsletter.mail import dkim, message, verp
from newsletter.mail.dkim import Algorithm, DkimKey
from newsletter.mail.headers import Mailbox
from tests.support.dkim_check import verify_all

SECRET = b"0123456789abcdef0123456789abcdef"
KEYS = [DkimKey("zio.example", f"{key[0]}2026", key, dkim.generate_key(key)) for key in Algorithm]
CITY = field_slot("city", "chez vous")
CONTENT = Content(
    sender=Mailbox("desk@zio.example", "Le Zio, matin"),
    reply_to=Mailbox("letters@zio.example"),
    subject="L’été : trois articles",
    html=f'<p>Été à {CITY}</p>\n<p>  deux\t<a href="{SLOT_UNSUBSCRIBE}">x</a> <a href="{SLOT_PREFERENCES}">y</a></p>\n',
    text=f".Été à {CITY}\nFrom here\n{SLOT_UNSUBSCRIBE}\n{SLOT_PREFERENCES}\n",
    date=datetime(2026, 11, 23, 6, 30, tzinfo=UTC),
    domain="zio.example",
    bounce_domain="bounces.zio.example",
    list_id="matin.zio.example",
    list_name="Le Zio, matin",
    feedback_id="12:matin:digest:zioexample",
    list_links={"List-Archive": "https://zio.example/archive/matin"},
    keys=KEYS,
)
AMA = Recipient(
    subscription_id=7,
    email="ama@poste.example",
    name="Ama Lawson",
    unsubscribe_url="https://zio.example/u/" + "T" * 40,
    preferences_url="https://zio.example/p/" + "P" * 40,
    attributes={"city": "Lomé"},
    domain="poste.example",
)
SIGNED = Prepared(CONTENT, SECRET)
UNSIGNED = Prepared(replace(CONTENT, keys=[]), SECRET)
GREETING = f"Bonjour {field_slot('name', 'cher lecteur')} : l’été"
GREETED = Prepared(replace(CONTENT, subject=GREETING), SECRET)


def parse(data: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


def contents(data: bytes) -> list[str]:
    return [part.get_payload(decode=True).decode().replace("\r\n", "\n") for part in parse(data).iter_parts()]


def test_a_message_says_everything_a_newsletter_has_to_say_once():
    parsed = parse(SIGNED.write(AMA, 3)[1])
    assert parsed["To"] == "Ama Lawson <ama@poste.example>"
    assert parsed["From"] == '"Le Zio, matin" <desk@zio.example>'
    assert parsed["Reply-To"] == "letters@zio.example"
    assert parsed["Subject"] == "L’été : trois articles"
    assert parsed["Date"] == "Mon, 23 Nov 2026 06:30:00 +0000"
    assert parsed["Message-ID"] == message.message_id("issue", 3, SECRET, "zio.example")
    assert parsed["List-Unsubscribe"].startswith(f"<{AMA.unsubscribe_url}>, <mailto:unsub+")
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsed["Feedback-ID"] == "12:matin:digest:zioexample"
    names = [name.lower() for name in list(parsed.keys()) if name != "DKIM-Signature"]
    assert len(set(names)) == len(names)


def test_the_envelope_names_the_delivery_and_the_subscription():
    envelope, data = SIGNED.write(AMA, 3)
    assert verp.parse(envelope.sender, SECRET) == 3
    assert envelope.recipient == "ama@poste.example"
    assert f"<{envelope.envelope_id}@zio.example>" == parse(data)["Message-ID"]
    mailto = parse(data)["List-Unsubscribe"].partition("mailto:")[2].partition("?")[0]
    assert verp.parse_unsubscribe(mailto, SECRET) == 7


def test_both_parts_are_filled_with_what_is_the_readers():
    text, html = contents(SIGNED.write(AMA, 3)[1])
    assert text == f".Été à Lomé\nFrom here\n{AMA.unsubscribe_url}\n{AMA.preferences_url}\n"
    assert f'<a href="{AMA.unsubscribe_url}">' in html
    assert "<p>Été à Lomé</p>" in html


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"name": ""},
        {"name": "Agnès Lébé"},
        {"name": 'Ama "la voix" Lawson, dite'},
        {"name": "a\r\nBcc: x@evil.example\r\n\r\n.\r\n"},
        {"name": "=?utf-8?q?=0D=0ABcc:_x?="},
        {"name": "x" * 500},
        {"name": "Adjoa " * 40},
        {"name": "Kofi\u202e\0\u2028 Mensah"},
        {"email": "ama@büro.example"},
        {"email": "Ama.L+x@POSTE.example"},
        {"email": "jörg@poste.example", "name": "Jörg"},
        {"email": f"{'a' * 64}@{'b' * 60}.example"},
        {"attributes": {"city": 'Lomé "<b>&\r\n.\r\n'}},
        {"attributes": {"city": "." + "é" * 3000}},
        {"attributes": {}},
    ],
)
@pytest.mark.parametrize("prepared", [SIGNED, GREETED], ids=["one subject", "own subject"])
def test_both_signatures_verify_for_any_reader(prepared, changes):
    _, data = prepared.write(replace(AMA, **changes), 3)
    assert verify_all(data, KEYS) == [True, True]
    parsed = parse(data)
    assert "Bcc" not in parsed
    assert b"\r\n.\r\n" not in data
    message.check_lines(data)


def test_base64_parts_verify_too():
    prepared = Prepared(replace(CONTENT, text=f"漢字{CITY}" * 40, html=f"<p>{f'漢字{CITY}漢' * 90}</p>"), SECRET)
    for city in ("", "a", "ab", "abc", "漢"):
        data = prepared.write(replace(AMA, attributes={"city": city}), 3)[1]
        assert verify_all(data, KEYS) == [True, True]
        assert contents(data)[0] == f"漢字{city or 'chez vous'}" * 40


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.integers(min_value=0, max_value=2**63))
def test_the_same_delivery_makes_the_same_bytes_in_any_process(name, city, number):
    reader = replace(AMA, name=name, attributes={"city": city})
    again = Prepared(replace(CONTENT, subject=GREETING), SECRET)
    assert GREETED.write(reader, number) == again.write(reader, number)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300), st.one_of(st.text(max_size=300), st.integers(), st.floats(), st.none(), st.booleans()))
def test_whatever_is_known_of_a_reader_reads_back(name, city):
    reader = replace(AMA, name=name, attributes={"city": city})
    data = GREETED.write(reader, 1)[1]
    shown = slots.as_text(city) or "chez vous"
    assert len(shown) <= 200
    text, _ = contents(data)
    assert text.startswith(f".Été à {shown}\n")
    message.check_lines(data)


def test_the_subject_has_the_readers_name_or_what_stands_for_it():
    assert parse(GREETED.write(AMA, 1)[1])["Subject"] == "Bonjour Ama Lawson : l’été"
    assert parse(GREETED.write(replace(AMA, name=""), 1)[1])["Subject"] == "Bonjour cher lecteur : l’été"
    hostile = parse(GREETED.write(replace(AMA, name="x\r\nBcc: y@evil.example"), 1)[1])
    assert hostile["Subject"] == "Bonjour x Bcc: y@evil.example : l’été"


def test_a_reader_is_asked_only_for_what_the_text_uses():
    assert SIGNED.fields == {"city"}
    assert GREETED.fields == {"city", "name"}
    assert Prepared(replace(CONTENT, text="a", html="<p>"), SECRET).fields == frozenset()


@pytest.mark.parametrize("value", [None, True, ["a"], {"a": 1}, "", " \r\n"])
def test_what_no_sentence_can_hold_is_as_good_as_unknown(value):
    text, _ = contents(UNSIGNED.write(replace(AMA, attributes={"city": value}), 3)[1])
    assert text.startswith(".Été à chez vous\n")


def test_a_number_is_shown():
    assert "Été à 1200" in contents(UNSIGNED.write(replace(AMA, attributes={"city": 1200}), 3)[1])[0]


def test_a_subject_that_quotes_a_mark_is_sent_as_it_was_written():
    prepared = Prepared(replace(CONTENT, subject=slots.protect(f"Of {SLOT_UNSUBSCRIBE}")), SECRET)
    assert parse(prepared.write(AMA, 1)[1])["Subject"] == f"Of {SLOT_UNSUBSCRIBE}"


def test_followed_links_say_whose_they_are_and_the_pixel_only_of_those_who_agreed():
    html = f'<a href="https://zio.example/c/x{SLOT_CLICKER}"><img src="https://zio.example/o/y{SLOT_OPENER}">'
    content = replace(CONTENT, html=html)
    prepared = Prepared(content, SECRET, whose=lambda delivery: f"~{delivery}")
    of = {
        (False, False): '<a href="https://zio.example/c/x"><img src="https://zio.example/o/y">',
        (True, False): '<a href="https://zio.example/c/x~3"><img src="https://zio.example/o/y">',
        (True, True): '<a href="https://zio.example/c/x~3"><img src="https://zio.example/o/y~3">',
    }
    for (clicks, opens), expected in of.items():
        reader = replace(AMA, named_clicks=clicks, named_opens=opens)
        assert contents(prepared.write(reader, 3)[1])[1] == expected
    with pytest.raises(RefusedError, match="whose they are"):
        Prepared(content, SECRET)


def test_a_mark_that_nobody_made_an_address_of_never_leaves():
    with pytest.raises(RefusedError, match="lead nowhere"):
        Prepared(replace(CONTENT, html=f'<a href="{link_slot(4)}">'), SECRET, whose=str)


@pytest.mark.parametrize(
    "changes",
    [
        {"sender": Mailbox("not an address")},
        {"list_id": "no list id"},
        {"domain": "not a domain"},
        {"list_links": {"List-Archive": "javascript:1"}},
        {"date": datetime(2026, 11, 23)},  # noqa: DTZ001 - the mistake
    ],
)
def test_content_that_no_mail_can_be_made_of_is_refused_before_anybody_gets_it(changes):
    with pytest.raises(RefusedError, match="No mail can be made"):
        Prepared(replace(CONTENT, **changes), SECRET)


@pytest.mark.parametrize(
    "changes",
    [{"email": "no address"}, {"email": "a@b@c example"}, {"email": "a\r\n@b.example"}, {"unsubscribe_url": "ftp://x"}],
)
def test_one_readers_data_that_cannot_be_written_is_an_error_of_that_reader(changes):
    with pytest.raises(ValueError, match="address"):
        SIGNED.write(replace(AMA, **changes), 3)
    assert SIGNED.write(AMA, 3)


def test_a_reader_costs_no_memory_once_the_message_is_gone():
    long = Prepared(replace(CONTENT, keys=[], html="<p>Été</p>\n" * 20_000 + SLOT_UNSUBSCRIBE), SECRET)
    long.write(AMA, 0)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(200):
        long.write(AMA, number)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 50_000


def test_a_preview_shows_a_reader_what_the_mail_would():
    text = f"À {CITY}: {SLOT_UNSUBSCRIBE} {link_slot(1)} {slots.protect('@@')}"
    assert fill(text, AMA, html=False) == f"À Lomé: {AMA.unsubscribe_url} # @@"
    assert fill(CITY, replace(AMA, attributes={"city": "<b>"}), html=True) == "&lt;b&gt;"


def test_a_variant_without_html_is_one_signed_text():
    prepared = Prepared(replace(CONTENT, html=""), SECRET)
    data = prepared.write(AMA, 3)[1]
    parsed = parse(data)
    assert parsed.get_content_type() == "text/plain"
    assert not parsed.is_multipart()
    text = parsed.get_payload(decode=True).decode().replace("\r\n", "\n")
    assert text == f".Été à Lomé\nFrom here\n{AMA.unsubscribe_url}\n{AMA.preferences_url}\n"
    assert b"boundary" not in data
    assert prepared.write(AMA, 3)[1] == data
    assert verify_all(data, KEYS) == [True, True]
