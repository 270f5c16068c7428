"""JSON that anybody may have written, and careful ways to take values out of it."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _

MOST_DEPTH = 32
MOST_VALUE = 4000
MOST_ADDRESS = 320
MOST_DIGITS = 40
MOST_PARTS = 1000
"""How many recipients or headers of one event are looked at; providers allow far fewer."""

# A text, or a bracket outside of any. What ends within a text is no JSON, which is found out later.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)
_FIRST_YEAR, _LAST_YEAR = 1990, 2100


def parse_json(body: bytes) -> Any:
    """The value of a body (RFC 8259, so in UTF-8); RefusedError for what is no JSON, or nested too deeply."""
    written = body.decode("utf-8-sig", "replace")
    if _is_too_deep(written):
        raise RefusedError(_("This is nested too deeply."))
    try:
        return json.loads(written, strict=False, parse_int=_number)
    except (ValueError, RecursionError):
        raise RefusedError(_("This is no JSON.")) from None


def _is_too_deep(written: str) -> bool:
    """Counted by hand, for a parser that recurses finds out too late. Brackets within texts do not count."""
    depth = 0
    for found in _TOKEN.finditer(written):
        first = found[0][0]
        if first in "[{":
            depth += 1
            if depth > MOST_DEPTH:
                return True
        elif first != '"':
            depth -= 1
    return False


def _number(digits: str) -> int:
    """Python refuses numbers of thousands of digits, and one of them shall not lose everything around it."""
    return int(digits) if len(digits) <= MOST_DIGITS else 0


def items_of(value: Any) -> list[Any]:
    """The items of a list, or a single one."""
    return value if isinstance(value, list) else [value]


def dig(value: Any, *path: str) -> Any:
    """What lies below a path; None where there is none."""
    for step in path:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def parts(value: Any, *path: str) -> list[Any]:
    """The list below a path; empty where there is none."""
    found = dig(value, *path)
    return found[:MOST_PARTS] if isinstance(found, list) else []


def text(value: Any, *path: str) -> str:
    """A text or a number below a path as a text that any database can keep, on at most 4,000 characters; empty for
    anything else.
    """
    found = dig(value, *path)
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return ""
    return str(found)[:MOST_VALUE].replace("\0", "").encode("utf-8", "replace").decode().strip()


def texts(value: Any, *path: str) -> list[str]:
    """The texts and numbers in the object or the list below a path, which a sender may have filled."""
    found = dig(value, *path)
    items = list(found.values()) if isinstance(found, dict) else found
    return [said for item in items[:50] if (said := text(item))] if isinstance(items, list) else []


def address(value: Any, *path: str) -> str:
    """An address below a path, without a name beside it; empty where what stands there is none."""
    bare = text(value, *path).rpartition("<")[2].rstrip("> ").strip()
    return bare[:MOST_ADDRESS] if "@" in bare else ""


def is_true(value: Any, *path: str) -> bool:
    """Whether a yes stands below a path, in any of the ways in which providers write it."""
    found = dig(value, *path)
    return found is True or found == 1 or (isinstance(found, str) and found.lower() in ("true", "1"))


def moment(value: str) -> datetime | None:
    """A moment in ISO 8601, or in seconds or milliseconds since 1970; None for anything else, and for one so far away
    that a clock must have been wrong.
    """
    found: datetime | None
    try:
        number = float(value)
        found = datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC)
    except (ValueError, OverflowError, OSError):
        found = _written(value)
    return found if found is not None and _FIRST_YEAR <= found.year < _LAST_YEAR else None


def _written(value: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
