"""Sitemaps with news (sitemaps.org, Google News extension)."""

from html.parser import HTMLParser
from typing import Final

KEPT: Final = frozenset(
    (
        *("loc", "lastmod", "image:loc"),
        *("news:title", "news:publication_date", "news:name", "news:language", "news:keywords"),
    )
)


def read_sitemap(text: str) -> list[dict[str, str]]:
    """What each page of it says, by the names of the elements. Nothing in it is expanded or loaded."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.pages


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pages: list[dict[str, str]] = []
        self._page: dict[str, str] = {}
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "url":
            self._page = {}
        self._open = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == "url":
            self.pages.append({name: value.strip() for name, value in self._page.items()})
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in KEPT:
            self._page[self._open] = self._page.get(self._open, "") + data

    def unknown_decl(self, data: str) -> None:
        self.handle_data(data.removeprefix("CDATA["))
