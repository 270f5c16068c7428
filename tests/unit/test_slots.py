"""Personal links find their places, and nobody else's text does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.slots import (
    LONGEST_VALUE,
    SLOT_PREFERENCES,
    SLOT_UNSUBSCRIBE,
    as_text,
    field_slot,
    fill,
    fill_for_nobody,
    link_slot,
    protect,
    read_field,
    read_link,
    split,
)
from newsletter.mail import words

VALUES = {SLOT_UNSUBSCRIBE: "https://n.example/u/a&b", SLOT_PREFERENCES: "https://n.example/p/c"}


def test_each_mark_becomes_the_readers_own_link():
    body = f"Leave: {SLOT_UNSUBSCRIBE}\nChoose: {SLOT_PREFERENCES}\nLeave: {SLOT_UNSUBSCRIBE}\n"
    assert fill(body, VALUES, html=False) == (
        "Leave: https://n.example/u/a&b\nChoose: https://n.example/p/c\nLeave: https://n.example/u/a&b\n"
    )


def test_a_link_is_escaped_in_html_only():
    assert fill(f'<a href="{SLOT_UNSUBSCRIBE}">', VALUES, html=True) == '<a href="https://n.example/u/a&amp;b">'


@pytest.mark.parametrize(
    "text", [SLOT_UNSUBSCRIBE, "@@", "@@@", "@@@@@", "@@AT@@", "@@@AT@@@", f"@{SLOT_PREFERENCES}@"]
)
def test_text_that_quotes_a_mark_comes_out_as_it_was_written(text):
    body = f"{protect(text)} {SLOT_UNSUBSCRIBE} {protect(text)}"
    assert fill(body, VALUES, html=False) == f"{text} https://n.example/u/a&b {text}"


def test_the_pieces_alternate_between_what_is_shared_and_marks():
    body = f"{SLOT_UNSUBSCRIBE}{protect('a@@b')}{SLOT_PREFERENCES}"
    assert split(body) == ["", SLOT_UNSUBSCRIBE, "a@@b", SLOT_PREFERENCES, ""]


def test_a_mark_without_a_value_is_an_error():
    with pytest.raises(KeyError):
        fill(SLOT_PREFERENCES, {}, html=True)


def test_a_field_keeps_its_name_and_its_fallback_whatever_is_in_them():
    mark = field_slot("prénom", "cher @@lecteur <b>\n")
    assert mark.isascii()
    assert split(f"a{mark}b") == ["a", mark, "b"]
    assert read_field(mark) == ("prénom", "cher @@lecteur <b>\n")
    assert read_field(SLOT_UNSUBSCRIBE) is None


def test_a_link_keeps_its_number():
    assert split(f"a{link_slot(12)}b") == ["a", link_slot(12), "b"]
    assert read_link(link_slot(12)) == 12
    assert read_link(SLOT_UNSUBSCRIBE) is None


def test_text_that_quotes_a_field_or_a_link_comes_out_as_it_was_written():
    text = f"{field_slot('city')} {link_slot(1)}"
    assert fill(protect(text), {}, html=False) == text


def test_the_public_reads_fallbacks():
    subject = f"{protect('@@')} {field_slot('name', 'cher lecteur')}, {SLOT_UNSUBSCRIBE}"
    assert fill_for_nobody(subject) == "@@ cher lecteur,"


@given(st.text(max_size=500))
def test_what_is_known_becomes_one_short_line(value):
    shown = as_text(value)
    assert len(shown) <= LONGEST_VALUE
    assert shown == words.clean(shown)
    assert not set(shown) & set("\r\n\0\u202e\u2028")


@pytest.mark.parametrize(
    ("value", "shown"), [("Lomé", "Lomé"), (12, "12"), (1.5, "1.5"), (True, ""), (None, ""), ([], "")]
)
def test_text_and_numbers_are_shown(value, shown):
    assert as_text(value) == shown
