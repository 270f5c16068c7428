"""The head of a Markdown file: `key: value` lines between two lines of dashes.

A subset of YAML that a person writes by hand; all of YAML would bring types, anchors and code that no article needs.
"""

import re
from datetime import tzinfo
from typing import Final

from newsletter.articles.dates import parse_date
from newsletter.articles.draft import Facts
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _

_BLOCK: Final = re.compile(r"\A\s*---[ \t]*\n(.*?)(?:^|\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD: Final = re.compile(r"([^\W\d_][\w -]{0,40}?)[ \xa0\u202f]*:(?:\s+(.*)|)$")
_NAMES: Final = {
    "titre": "title",
    "résumé": "summary",
    "resume": "summary",
    "description": "summary",
    "auteur": "author",
    "langue": "language",
    "lang": "language",
    "rubrique": "topic",
    "category": "topic",
    "date": "published_at",
    "published": "published_at",
    "source_name": "source_name",
    "source": "source_name",
    "link": "url",
    "image": "image_url",
    "alt": "image_alt",
}


def split_front_matter(text: str) -> tuple[dict[str, str], str]:
    """The fields, by their names here, and the text below. A text that only begins with a rule has no fields."""
    text = text.replace("\r\n", "\n").lstrip("\ufeff")
    block = _BLOCK.match(text)
    if block is None:
        return {}, text
    fields: dict[str, str] = {}
    name = ""
    for line in block[1].split("\n"):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if name and line[0] in " \t":  # a value that goes on below
            fields[name] = f"{fields[name]} {line.strip()}".strip()
        elif field := _FIELD.match(line):
            name = _NAMES.get(field[1].lower(), field[1].lower())
            fields[name] = _unquoted((field[2] or "").strip())
        else:
            return {}, text
    return fields, text[block.end() :]


def read_fields(fields: dict[str, str], zone: tzinfo) -> Facts:
    """Fields of a front matter as what is given about an article. Raises RefusedError for a date that is none."""
    given = Facts()
    for name in ("title", "summary", "author", "source_name", "url", "language", "topic", "image_url", "image_alt"):
        if fields.get(name):
            given[name] = fields[name]
    if written := fields.get("published_at"):
        given["published_at"] = parse_date(written, zone)
        if given["published_at"] is None:
            raise RefusedError(
                _("The date “%(date)s” is not understood. Write it as 2023-09-13 14:05.", date=written[:60])
            )
    return given


def _unquoted(value: str) -> str:
    if value in (">", "|", ">-", "|-"):
        return ""
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        inner = value[1:-1]
        return inner.replace('\\"', '"') if value[0] == '"' else inner.replace("''", "'")
    return value
