"""Names, short names and other single lines that staff type, checked before they are kept."""

import re
import unicodedata
from functools import cache
from zoneinfo import available_timezones

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
LONGEST_SLUG = 60
LONGEST_NAME = 120
UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # categories that have no business in a name or a header


class ValuesError(RefusedError):
    """Some fields make no sense: `fields` maps a field's name to what is wrong with it."""

    def __init__(self, wrong: dict[str, str]) -> None:
        super().__init__(" ".join(wrong.values()))
        self.fields = wrong


def slugify(text: str) -> str:
    """Lower-case ASCII letters, digits and hyphens, at most 60: `Économie & emploi` becomes `economie-emploi`."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")[:LONGEST_SLUG].strip("-") or "x"


def check_slug(text: str) -> str:
    """RefusedError for what is no short name."""
    if not SLUG.fullmatch(text) or len(text) > LONGEST_SLUG:
        raise RefusedError(_("The short name has lower-case letters, digits and single hyphens, 60 at most."))
    return text


def check_line(text: str, limit: int) -> str:
    """One line of visible text, for it may end up in a header; RefusedError for anything else."""
    line = unicodedata.normalize("NFC", text.strip())
    if any(unicodedata.category(character) in UNSAFE for character in line):
        raise RefusedError(_("This text has invisible or control characters in it. Type it again."))
    if len(line) > limit:
        raise RefusedError(_("This text is too long: %(count)d characters at most.", count=limit))
    return line


def check_time_zone(name: str) -> str:
    """RefusedError for what is no zone of the IANA's database."""
    if name not in _time_zones():
        raise RefusedError(_("“%(zone)s” is not a time zone. It looks like Africa/Lome.", zone=name[:60]))
    return name


@cache
def _time_zones() -> set[str]:
    return available_timezones()  # reads a directory of six hundred files
