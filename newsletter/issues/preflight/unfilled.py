"""What should have become a reader's own data and did not."""

import re
from collections.abc import Mapping
from typing import Final

from newsletter.delivery import slots
from newsletter.issues.preflight.findings import Finding, Level, all_of

# Marks of other programs, pasted with a text: {{ name }}, %%NAME%%, *|FNAME|*, {% name %}, ${name}.
_FOREIGN: Final = re.compile(
    r"\{\{[^{}\n]{1,60}\}\}|%%[A-Za-z_][A-Za-z0-9_ ]{0,40}%%|\*\|[A-Za-z0-9_:]{1,40}\|\*"
    r"|\{%[^{}%\n]{1,60}%\}|\$\{[a-zA-Z_.]{1,40}\}"
)
_OWN: Final = re.compile(r"@@[A-Z][A-Za-z0-9:_-]{0,200}@@")


def check(parts: Mapping[str, str], values: Mapping[str, str]) -> list[Finding]:
    """`parts` by name, as they are before they are filled: with the marks of `delivery.slots`; `values` by mark."""
    unknown: list[str] = []
    foreign: list[str] = []
    for text in parts.values():
        pieces = slots.split(text)
        unknown += [mark for mark in pieces[1::2] if mark not in values]
        # What people wrote has no @@ of its own here: each is a mark, or was to become one.
        unknown += [mark for mark in _OWN.findall(text) if not slots.split(mark)[1::2] and mark != "@@AT@@"]
        foreign += [mark for piece in pieces[::2] for mark in _FOREIGN.findall(piece)]
    return [
        *all_of("slot_unknown", Level.FATAL, list(dict.fromkeys(unknown))),
        *all_of("slot_foreign", Level.WARNING, list(dict.fromkeys(foreign))),
    ]


def asked(parts: Mapping[str, str]) -> dict[str, str]:
    """What a message asks of a reader, with what stands there when nothing is known: by name."""
    marks = {mark for text in parts.values() for mark in slots.split(text)[1::2]}
    fields = [field for mark in sorted(marks) if (field := slots.read_field(mark)) is not None]
    return dict(sorted(fields, reverse=True))
