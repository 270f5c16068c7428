"""What an editor writes where a reader's own data go: `{{ name }}`, `{{ city }}`, `{{ name | dear reader }}`.

What stands behind the bar is for readers of whom nothing is known, and for the public page. Only the texts that an
editor writes for an issue are read so; in an article two braces are two braces.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.delivery.slots import field_slot, protect

ALWAYS_KNOWN: Final = ("name", "email")
LONGEST_QUOTE: Final = 40  # characters of a text that an error repeats

_MARK: Final = re.compile(r"\{\{([^{}\n]*)\}\}")
_NAME: Final = re.compile(r"\w+(?:[ ._-]\w+)*")


@dataclass(frozen=True, slots=True)
class Mark:
    """A reader's attribute, in lower case as imports name them, and what stands there without one."""

    name: str
    fallback: str


def with_slots(text: str) -> str:
    """The text for the mail: marks have become slots, and nothing else can be taken for one."""
    return "".join(
        field_slot(piece.name, piece.fallback) if isinstance(piece, Mark) else protect(piece) for piece in _read(text)
    )


def for_nobody(text: str) -> str:
    """The text as everybody may read it."""
    return "".join(piece.fallback if isinstance(piece, Mark) else piece for piece in _read(text))


def check(text: str, *, place: str, has: Callable[[str], bool], known: Callable[[], list[str]]) -> None:
    """Refuse a text with a mark that cannot be read, or that asks what is known of no reader.

    `place` names the text in the refusal, `has` says whether any reader has an attribute, `known` names some of them.
    """
    for piece in _read(text):
        if isinstance(piece, str):
            _check_literal(piece, place)
        elif piece.name not in ALWAYS_KNOWN and not has(piece.name):
            raise RefusedError(
                _(
                    "%(place)s: no reader of this newsletter has “%(name)s”. What can be filled in: %(known)s.",
                    place=place,
                    name=piece.name,
                    known=", ".join([*ALWAYS_KNOWN, *known()]),
                )
            )


def _check_literal(text: str, place: str) -> None:
    """Refuse what looks like a mark and was not read as one."""
    if (found := _MARK.search(text)) is not None:
        raise RefusedError(
            _(
                "%(place)s: “%(mark)s” cannot be filled in. Write for example {{ name }} or {{ name | dear reader }}.",
                place=place,
                mark=found[0][:LONGEST_QUOTE],
            )
        )
    for brace in ("{{", "}}"):
        if brace in text:
            start = text.index(brace)
            around = text[max(0, start - LONGEST_QUOTE // 2) : start + LONGEST_QUOTE // 2]
            raise RefusedError(
                _(
                    "%(place)s: braces are not in pairs near “%(around)s”. Write for example {{ name }}.",
                    place=place,
                    around=around,
                )
            )


def _read(text: str) -> list[str | Mark]:
    """Marks, and between them the text as it stands, with whatever is no mark."""
    pieces: list[str | Mark] = []
    start = 0
    for found in _MARK.finditer(text):
        name, _bar, fallback = found[1].partition("|")
        if _NAME.fullmatch(name := name.strip().lower()):
            pieces += [text[start : found.start()], Mark(name, fallback.strip())]
            start = found.end()
    return [*pieces, text[start:]]
