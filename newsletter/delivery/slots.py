"""Where a message differs from one reader to the next: marks in a body that is rendered once for everybody.

A mark is plain ASCII, so it stands in a link, passes MJML and comes out of the database as it went in. What people
wrote never holds one: `protect` turns each `@@` of theirs into a mark of its own, which `fill` turns back. So a
sentence that quotes a mark reaches the reader as it was written.
"""

import re
from collections.abc import Mapping
from html import escape
from typing import Final

SLOT_UNSUBSCRIBE: Final = "@@UNSUBSCRIBE@@"
SLOT_PREFERENCES: Final = "@@PREFERENCES@@"
_SLOT_AT: Final = "@@AT@@"
_SLOTS: Final = re.compile(f"({SLOT_UNSUBSCRIBE}|{SLOT_PREFERENCES}|{_SLOT_AT})")


def protect(text: str) -> str:
    """Text of an article or of an editor, safe to stand in a body that is filled later."""
    return text.replace("@@", _SLOT_AT)


def split(body: str) -> list[str]:
    """The body in pieces: at odd places a mark, SLOT_UNSUBSCRIBE or SLOT_PREFERENCES, at even places what all share.

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
