"""Where a message differs from one reader to the next: marks in a text that is rendered once for everybody.

A mark is plain ASCII, so it stands in a link, passes MJML and comes out of the database as it went in. What people
wrote never holds one: `protect` turns each `@@` of theirs into a mark of its own, which `fill` turns back. So a
sentence that quotes a mark reaches the reader as it was written.
"""

import base64
import re
from collections.abc import Mapping
from html import escape
from typing import Any, Final

from newsletter.mail import words

SLOT_UNSUBSCRIBE: Final = "@@UNSUBSCRIBE@@"
SLOT_PREFERENCES: Final = "@@PREFERENCES@@"
SLOT_CLICKER: Final = "@@CLICKER@@"  # behind the address of a link: whose it is, or nothing
SLOT_OPENER: Final = "@@OPENER@@"  # the same behind that of the pixel
LONGEST_VALUE: Final = 200  # characters; what is longer is no name and no town

_SLOT_AT: Final = "@@AT@@"
_FIELD: Final = re.compile(r"@@FIELD:([A-Za-z0-9_-]+):([A-Za-z0-9_-]*)@@")
_LINK: Final = re.compile(r"@@LINK:([0-9]{1,9})@@")
_MARKS: Final = (SLOT_UNSUBSCRIBE, SLOT_PREFERENCES, SLOT_CLICKER, SLOT_OPENER, _SLOT_AT, _FIELD.pattern, _LINK.pattern)
_SLOTS: Final = re.compile(f"({'|'.join(_MARKS)})".replace("([", "(?:["))
_PLAIN: Final = re.compile(r"[!-~]+(?: [!-~]+)*")


def protect(text: str) -> str:
    """Text of an article or of an editor, safe to stand in a body that is filled later."""
    return text.replace("@@", _SLOT_AT)


def field_slot(name: str, fallback: str = "") -> str:
    """The mark of something known about the reader: "name", or an attribute; `fallback` stands where nothing is."""
    return f"@@FIELD:{_hide(name)}:{_hide(fallback)}@@"


def link_slot(number: int) -> str:
    """The mark of a link that readers follow through us; `number` says which. It is kept in blocks, and is an address
    again before a message is written.
    """
    return f"@@LINK:{number}@@"


def read_field(mark: str) -> tuple[str, str] | None:
    """Name and fallback of a mark that `field_slot` made; None for any other."""
    found = _FIELD.fullmatch(mark)
    return (_show(found[1]), _show(found[2])) if found else None


def read_link(mark: str) -> int | None:
    """The number of a mark that `link_slot` made; None for any other."""
    found = _LINK.fullmatch(mark)
    return int(found[1]) if found else None


def split(body: str) -> list[str]:
    """The body in pieces: at odd places a mark, at even places what all share.

    For a sender that encodes what is shared once. Joined with the values, the pieces are the filled body.
    """
    pieces = [""]
    for at, part in enumerate(_SLOTS.split(body)):
        if at % 2 and part != _SLOT_AT:
            pieces += [part, ""]
        else:
            pieces[-1] += "@@" if at % 2 else part
    return pieces


def fill(body: str, values: Mapping[str, str], *, html: bool) -> str:
    """The body for one reader: `values` by mark, escaped in HTML. Raises KeyError for a mark without a value."""
    pieces = split(body)
    pieces[1::2] = (escape(values[mark]) if html else values[mark] for mark in pieces[1::2])
    return "".join(pieces)


def fill_for_nobody(text: str) -> str:
    """A line of text, such as a subject, as the public may read it: fallbacks instead of what is a reader's own."""
    pieces = split(text)
    pieces[1::2] = ((read_field(mark) or ("", ""))[1] for mark in pieces[1::2])
    return words.clean("".join(pieces))


def as_text(value: Any) -> str:
    """What is known about a reader as one line of at most 200 characters, without controls and direction marks.

    Empty for what has no form that a sentence could hold: nothing, yes or no, a list.
    """
    if isinstance(value, str):
        if len(value) <= LONGEST_VALUE and _PLAIN.fullmatch(value):
            return value
        return words.clean(words.clean(value)[:LONGEST_VALUE])
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return ""


def _hide(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _show(hidden: str) -> str:
    return base64.urlsafe_b64decode(hidden + "=" * (-len(hidden) % 4)).decode()
