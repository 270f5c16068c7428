"""Reads a gettext catalogue (.po) as translators write it.

There is no compiled .mo: nobody can forget to build one, and no binary is under review. Babel's own reader takes 30 ms
for our catalogue behind an import of 70 ms, which every start of the command would pay; this one takes the subset that
our catalogues use (no contexts) in a few. A test compares the two.
"""

import re
from ast import literal_eval
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from gettext import c2py
from pathlib import Path

_FIELD = re.compile(r'(msgid|msgid_plural|msgstr|msgstr\[(\d)\]) (?=")')
_PLURAL = re.compile(r"plural=([^;]+);")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Translations by their English sentence; a sentence with a number has one form for each plural of the language."""

    forms: Mapping[str, tuple[str, ...]]
    plural: Callable[[int], int]

    def gettext(self, message: str) -> str:
        found = self.forms.get(message)
        return found[0] if found else message

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        found = self.forms.get(singular)
        if found and len(found) > 1:
            return found[self.plural(number)]
        return singular if number == 1 else plural


ENGLISH = Catalogue({}, lambda number: int(number != 1))


def read_catalogue(path: Path) -> Catalogue:
    """The catalogue of one language. Entries that are fuzzy or not translated are left out: the English stays."""
    forms: dict[str, tuple[str, ...]] = {}
    plural = "n != 1"
    for entry in path.read_text("utf-8").split("\n\n"):
        fields = _fields(entry)
        if not fields:
            continue
        translated = tuple(text for name, text in fields.items() if name.startswith("msgstr"))
        if not fields["msgid"]:
            plural = (_PLURAL.search(translated[0]) or [plural, plural])[1]
        elif all(translated):
            forms[fields["msgid"]] = translated
    return Catalogue(forms, c2py(plural))


def _fields(entry: str) -> dict[str, str]:
    """Field name to text of one entry; empty when it is fuzzy or has no message."""
    fields: dict[str, list[str]] = {}
    current: list[str] = []
    for line in entry.splitlines():
        if line.startswith("#"):
            if line.startswith("#,") and "fuzzy" in line:
                return {}
            continue
        if match := _FIELD.match(line):
            current = fields.setdefault(match[1], [])
            line = line[match.end() :]  # noqa: PLW2901
        current.append(line)
    return {name: _unquoted(lines) for name, lines in fields.items()}


def _unquoted(lines: list[str]) -> str:
    text = "".join(line.strip()[1:-1] for line in lines)
    return str(literal_eval(f'"{text}"')) if "\\" in text else text
