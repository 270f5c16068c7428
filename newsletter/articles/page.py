"""What a web page says about its article, and the readable part of its text."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from newsletter.articles.canonical import absolute_url
from newsletter.articles.dates import parse_date
from newsletter.articles.draft import Facts
from newsletter.articles.language import primary_language
from newsletter.core.markup import ALLOWED, DROPPED
from newsletter.core.prose import clean_characters, clean_line
from newsletter.core.tags import Close, Open, flatten, read_tags

_MARGINS: Final = {"nav", "header", "footer", "aside"}
_ARTICLE_TYPES: Final = re.compile(r"(?:News|Reportage|Analysis|Opinion|Review|Report)?\w*Article|BlogPosting|Report")


def readable_html(page: str, url: str | None) -> str:
    """The article of a page as HTML, without menus, scripts and margins."""
    import trafilatura  # noqa: PLC0415 - half a second that only those who read a page shall wait

    found = trafilatura.extract(
        page,
        url=url,
        output_format="html",
        include_comments=False,
        include_formatting=True,
        include_links=True,
        include_tables=True,
    )
    # Of a short page it gives the bare text in one paragraph; then the page's own structure is worth more.
    return found if found and found.count("<p>") > 1 else _without_margins(page)


def _without_margins(page: str) -> str:
    return flatten(page, {tag: names for tag, names in ALLOWED.items() if tag not in _MARGINS}, DROPPED | _MARGINS)


def page_facts(page: str, url: str | None, zone: tzinfo) -> tuple[Facts, str | None]:
    """What the page's head says about its article, and its canonical address. Only what is said; nothing is guessed."""
    reader = _HeadReader()
    reader.read(page)
    meta = reader.meta
    linked = next(_articles(reader.data), {})
    site = _line(meta.get("og:site_name") or _names(linked.get("publisher")))
    title = meta.get("og:title") or _text(linked.get("headline")) or reader.heading or reader.title
    found = Facts(
        title=_without_site(_line(title), site),
        summary=_line(meta.get("og:description") or meta.get("description") or _text(linked.get("description"))),
        author=_line(
            _names(linked.get("author")) or _person(meta.get("author")) or _person(meta.get("article:author"))
        ),
        source_name=site,
        language=primary_language(reader.language) or primary_language(meta.get("og:locale")),
        topic=_line(meta.get("article:section") or _text(linked.get("articleSection"))),
        image_url=_absolute(meta.get("og:image") or meta.get("twitter:image") or _image(linked.get("image")), url),
        image_alt=_line(meta.get("og:image:alt") or meta.get("twitter:image:alt")),
        published_at=_first_date(
            (
                meta.get("article:published_time"),
                _text(linked.get("datePublished")),
                meta.get("datepublished"),
                meta.get("dc.date.issued"),
                reader.published,
            ),
            zone,
        ),
    )
    return found, _canonical(reader.canonical or meta.get("og:url"), url)


class _HeadReader:
    """Collects what a page says in meta, link, title, h1, time and JSON-LD elements; the first of a name wins."""

    def __init__(self) -> None:
        self.meta: dict[str, str] = {}
        self.data: list[str] = []
        self.canonical: str | None = None
        self.language: str | None = None
        self.published: str | None = None
        self.title = ""
        self.heading = ""

    def read(self, page: str) -> None:
        inside, pieces = "", list[str]()
        for token in read_tags(page):
            match token:
                case Open("title" | "h1" | "script"):
                    is_data = token.attributes.get("type", "").lower() == "application/ld+json"
                    inside, pieces = "" if token.name == "script" and not is_data else token.name, []
                case Open():
                    self._open(token.name, token.attributes)
                case Close(name) if inside and name == inside:
                    self._keep(inside, "".join(pieces))
                    inside = ""
                case str() if inside:
                    pieces.append(token)

    def _open(self, tag: str, given: dict[str, str]) -> None:
        match tag:
            case "html":
                self.language = given.get("lang") or given.get("xml:lang")
            case "meta":
                name = given.get("property") or given.get("name") or given.get("itemprop") or ""
                if given.get("content", "").strip():
                    self.meta.setdefault(name.lower(), given["content"])
            case "link" if "canonical" in given.get("rel", "").lower().split():
                self.canonical = self.canonical or given.get("href")
            case "time" if given.get("itemprop") == "datePublished" or "pubdate" in given:
                self.published = self.published or given.get("datetime")

    def _keep(self, tag: str, text: str) -> None:
        if tag == "script":
            self.data.append(text)
        elif tag == "title":
            self.title = self.title or text
        else:
            self.heading = self.heading or text


def _articles(blocks: list[str]) -> Iterator[dict[str, Any]]:
    """JSON-LD objects that describe an article (schema.org); broken blocks are passed over, as search engines do."""
    for block in blocks:
        try:
            data = json.loads(block)
        except (ValueError, RecursionError):
            continue
        graph = data.get("@graph", [data]) if isinstance(data, dict) else data
        for item in graph if isinstance(graph, list) else []:
            kinds = item.get("@type") if isinstance(item, dict) else None
            if any(isinstance(kind, str) and _ARTICLE_TYPES.fullmatch(kind) for kind in _as_list(kinds)):
                yield item


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _text(value: object) -> str | None:
    first = _as_list(value)[0] if _as_list(value) else None
    return first if isinstance(first, str) else None


def _names(value: object) -> str | None:
    """Names of persons or organisations: text, an object with a name, or a list of these."""
    names = [item.get("name") if isinstance(item, dict) else item for item in _as_list(value)]
    return ", ".join(name for name in names if isinstance(name, str) and _person(name)) or None


def _image(value: object) -> str | None:
    first = _as_list(value)[0] if _as_list(value) else None
    return _text(first.get("url")) if isinstance(first, dict) else _text(first)


def _person(value: str | None) -> str | None:
    """A profile's address stands where the name should be on many pages; it is no name."""
    return None if value is None or "://" in value or value.startswith("@") else value


def _line(value: str | None) -> str | None:
    return clean_line(clean_characters(value).replace("\n", " ")) or None if value else None


def _without_site(title: str | None, site: str | None) -> str | None:
    """Titles for a browser's tab end with the name of the site."""
    return re.sub(rf"\s+[|·•–—-]\s+{re.escape(site)}$", "", title) if title and site else title


def _absolute(link: str | None, base: str | None) -> str | None:
    try:
        return absolute_url(urljoin(base or "", link.strip())) if link else None
    except ValueError:
        return None


def _canonical(link: str | None, url: str | None) -> str | None:
    """The address that the page gives as its own, unless it is a front page: some sites give that for every article."""
    found = _absolute(link, url)
    if found and urlsplit(found).path.strip("/") == "" and url and urlsplit(url).path.strip("/"):
        return None
    return found


def _first_date(candidates: tuple[str | None, ...], zone: tzinfo) -> datetime | None:
    return next((date for text in candidates if text and (date := parse_date(text, zone))), None)
