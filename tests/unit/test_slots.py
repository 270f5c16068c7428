"""Personal links find their places, and nobody else's text does."""

import pytest

from newsletter.delivery.slots import SLOT_PREFERENCES, SLOT_UNSUBSCRIBE, fill, protect, split

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
