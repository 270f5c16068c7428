"""Lists of feeds as files (OPML 2.0, opml.org/spec2.opml)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from html.parser import HTMLParser
from xml.sax.saxutils import escape, quoteattr

from newsletter.articles.decoding import decode_bytes
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _


@dataclass(frozen=True, slots=True)
class Outline:
    """A feed in a list; `folder` is the nearest one it lies in, empty: none."""

    url: str
    title: str
    folder: str = ""


def read_opml(body: bytes) -> list[Outline]:
    """The feeds of a list, each once, in its order. Raises RefusedError when it is none, or is empty."""
    reader = _Reader()
    reader.feed(decode_bytes(body))
    reader.close()
    found: dict[str, Outline] = {}
    for outline in reader.found:
        found.setdefault(outline.url, outline)
    if not reader.is_opml or not found:
        raise RefusedError(_("There are no feeds in this file. Export it from the other program as OPML."))
    return list(found.values())


def write_opml(outlines: Iterable[Outline], *, title: str, now: datetime) -> bytes:
    """A list that other programs read; feeds of one folder stand together."""
    folders: dict[str, list[Outline]] = {}
    for outline in outlines:
        folders.setdefault(outline.folder, []).append(outline)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<opml version="2.0">',
        f"<head><title>{escape(title)}</title><dateCreated>{format_datetime(now)}</dateCreated></head>",
        "<body>",
    ]
    for folder, members in folders.items():
        rows = [
            f'<outline type="rss" text={name} title={name} xmlUrl={quoteattr(item.url)}/>'
            for item in members
            for name in [quoteattr(item.title)]
        ]
        lines += [f"<outline text={quoteattr(folder)}>", *rows, "</outline>"] if folder else rows
    return "\n".join([*lines, "</body>", "</opml>", ""]).encode()


class _Reader(HTMLParser):
    """Forgiving, since many such files are not well formed, and deaf to entities that expand."""

    def __init__(self) -> None:
        super().__init__()
        self.is_opml = False
        self.found: list[Outline] = []
        self._folders: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._see(tag, attrs)
        if tag == "outline":
            given = dict(attrs)
            self._folders.append((given.get("text") or given.get("title") or "").strip())

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._see(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "outline" and self._folders:
            self._folders.pop()

    def _see(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.is_opml = self.is_opml or tag == "opml"
        given = dict(attrs)
        url = (given.get("xmlurl") or "").strip()
        if tag == "outline" and url:
            title = (given.get("title") or given.get("text") or "").strip()
            self.found.append(Outline(url, title, self._folders[-1] if self._folders else ""))
