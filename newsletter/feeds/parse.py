"""Feeds as values: RSS, Atom (feedparser), JSON Feed 1.1, sitemaps with news and WordPress's list of posts."""

import calendar
import html
import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urljoin

import feedparser

from newsletter.articles.dates import parse_date
from newsletter.articles.decoding import decode_bytes
from newsletter.core.i18n import gettext as _
from newsletter.core.markup import html_to_text
from newsletter.core.tokens import hash_token
from newsletter.feeds.entry import FeedError, ParsedEntry, ParsedFeed
from newsletter.feeds.models import FeedKind
from newsletter.feeds.sitemap import read_sitemap
from newsletter.feeds.wordpress import read_posts

MOST_ENTRIES: Final = 2_000
EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)  # what is older is a clock that was never set
AHEAD: Final = timedelta(days=1)  # of zones that were mistaken


def parse_feed(body: bytes, *, url: str, content_type: str, charset: str | None, now: datetime) -> ParsedFeed:
    """What a feed says. `url` is where it was read, the base of its links. Raises FeedError when it is no feed."""
    start = body[:2_000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"{"):
        return _json_feed(body, url, now)
    if start.startswith(b"["):
        return _wordpress(body, url, now)
    if b"<urlset" in start:
        return _sitemap(body, url, charset, now)
    return _xml_feed(body, url, content_type, charset, now)


def _xml_feed(body: bytes, url: str, content_type: str, charset: str | None, now: datetime) -> ParsedFeed:
    kind = f"{content_type}; charset={charset}" if charset else content_type
    # Markup is cleaned when an article is made of it, and once is enough.
    found = feedparser.parse(
        io.BytesIO(body), response_headers={"content-location": url, "content-type": kind}, sanitize_html=False
    )
    version = found.get("version")
    if not version:
        raise _no_feed(url)
    feed = found.feed
    entries = tuple(_xml_entry(item, url, now) for item in found.entries[:MOST_ENTRIES])
    return ParsedFeed(
        kind=FeedKind.ATOM if version.startswith("atom") else FeedKind.RSS,
        title=_plain(feed.get("title")),
        site_url=feed.get("link"),
        language=feed.get("language"),
        entries=entries,
        ttl_minutes=_minutes(feed.get("ttl")),
        broken=bool(found.bozo),
    )


def _xml_entry(item: Any, url: str, now: datetime) -> ParsedEntry:
    content: dict[str, Any] = max(item.get("content", []), key=lambda part: len(part.get("value") or ""), default={})
    language = content.get("language") or item.get("title_detail", {}).get("language")
    link = item.get("link")
    address = urljoin(url, link) if link else None
    # Its own `get` makes one date up from the other.
    published, updated = dict.get(item, "published_parsed"), dict.get(item, "updated_parsed")
    identity = item.get("id") or address
    image: dict[str, str] = next(_images(item), {})
    return _entry(
        identity,
        url=address,
        title=_plain(item.get("title")),
        summary_html=item.get("summary"),
        content_html=content.get("value"),
        author=_plain(item.get("author")) or None,
        published_at=_moment(published or updated, now),
        updated_at=_moment(updated, now),
        image_url=urljoin(url, image["url"]) if image else None,
        image_alt=_plain(item.get("media_description")) if image else "",
        categories=tuple(tag.term for tag in item.get("tags", []) if tag.get("term")),
        language=language,
    )


def _images(item: Any) -> Iterator[dict[str, str]]:
    """Pictures that an item names, the likeliest first: with an address, and of a type or medium that says so."""
    for part in (*item.get("media_content", []), *item.get("enclosures", [])):
        address = part.get("url") or part.get("href")
        if address and (part.get("medium") == "image" or str(part.get("type", "")).startswith("image/")):
            yield {"url": address}
    for part in item.get("media_thumbnail", []):
        if part.get("url"):
            yield {"url": part["url"]}


def _json_feed(body: bytes, url: str, now: datetime) -> ParsedFeed:
    """JSON Feed 1.1 (jsonfeed.org)."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise _no_feed(url) from None
    if not isinstance(found, dict) or not isinstance(found.get("items"), list):
        raise _no_feed(url)
    items = [item for item in found["items"][:MOST_ENTRIES] if isinstance(item, dict)]
    return ParsedFeed(
        kind=FeedKind.JSON,
        title=_text(found, "title") or "",
        site_url=_text(found, "home_page_url"),
        language=_text(found, "language"),
        entries=tuple(_json_entry(item, url, now) for item in items),
        ttl_minutes=None,
        broken=False,
    )


def _json_entry(item: Mapping[str, Any], url: str, now: datetime) -> ParsedEntry:
    link = _text(item, "url") or _text(item, "external_url")
    plain = _text(item, "content_text")
    authors = [author for author in (item.get("authors") or [item.get("author")]) if isinstance(author, dict)]
    names = [name for author in authors if (name := _text(author, "name"))]
    image = _text(item, "image") or _text(item, "banner_image")
    tags = item.get("tags")
    summary = _text(item, "summary")
    identity = item.get("id")
    return _entry(
        str(identity) if identity else link,
        url=urljoin(url, link) if link else None,
        title=_text(item, "title") or "",
        summary_html=html.escape(summary, quote=False) if summary else None,
        content_html=_text(item, "content_html") or (f"<p>{html.escape(plain, quote=False)}</p>" if plain else None),
        author=", ".join(names) or None,
        published_at=_usable(parse_date(_text(item, "date_published") or ""), now),
        updated_at=_usable(parse_date(_text(item, "date_modified") or ""), now),
        image_url=urljoin(url, image) if image else None,
        image_alt="",
        categories=tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
        language=_text(item, "language"),
    )


def _wordpress(body: bytes, url: str, now: datetime) -> ParsedFeed:
    """Posts of WordPress's REST API (developer.wordpress.org/rest-api/reference/posts)."""
    try:
        found = read_posts(json.loads(body))
    except (ValueError, RecursionError):
        raise _no_feed(url) from None
    entries = tuple(
        _entry(
            post.identity,
            url=post.url,
            title=_plain(post.title),
            summary_html=post.summary_html,
            content_html=post.content_html,
            author=_plain(post.author) or None,
            published_at=_usable(parse_date(post.published), now),
            updated_at=_usable(parse_date(post.updated), now),
            image_url=urljoin(url, post.image_url) if post.image_url else None,
            image_alt=_plain(post.image_alt),
            categories=post.categories,
            language=None,
        )
        for post in found[:MOST_ENTRIES]
    )
    return ParsedFeed(FeedKind.WORDPRESS, "", url.partition("/wp-json/")[0], None, entries, None, broken=False)


def _sitemap(body: bytes, url: str, charset: str | None, now: datetime) -> ParsedFeed:
    pages = read_sitemap(decode_bytes(body, charset))[:MOST_ENTRIES]
    entries = tuple(
        _entry(
            page["loc"],
            url=urljoin(url, page["loc"]),
            title=page.get("news:title", ""),
            summary_html=None,
            content_html=None,
            author=None,
            published_at=_usable(parse_date(page.get("news:publication_date", "")), now),
            updated_at=_usable(parse_date(page.get("lastmod", "")), now),
            image_url=page.get("image:loc"),
            image_alt="",
            categories=tuple(word.strip() for word in page.get("news:keywords", "").split(",") if word.strip()),
            language=page.get("news:language"),
        )
        for page in pages
        if page.get("loc") and page.get("news:title")
    )
    name = next((page["news:name"] for page in pages if page.get("news:name")), "")
    return ParsedFeed(FeedKind.SITEMAP, name, None, None, entries, None, broken=False)


def _entry(identity: str | None, **told: Any) -> ParsedEntry:
    words = [told[name] or "" for name in ("url", "title", "summary_html", "content_html", "author", "image_url")]
    content_hash = hash_token("\n".join(_storable(word) for word in words))
    return ParsedEntry(
        key=hash_token(_storable(identity)) if identity else content_hash, content_hash=content_hash, **told
    )


def _storable(text: str) -> str:
    """Halves of surrogate pairs, which JSON may name, have no octets."""
    return text.encode("utf-8", "replace").decode()


def _moment(parts: Any, now: datetime) -> datetime | None:
    try:
        return _usable(datetime.fromtimestamp(calendar.timegm(parts), UTC), now) if parts else None
    except (ValueError, OverflowError, OSError):
        return None


def _usable(moment: datetime | None, now: datetime) -> datetime | None:
    return moment if moment and EARLIEST <= moment <= now + AHEAD else None


def _minutes(text: str | None) -> int | None:
    return int(text[:6]) if text and text.isascii() and text.isdigit() else None


def _plain(text: str | None) -> str:
    """One line without markup, which titles may have."""
    return (
        " ".join(html_to_text(text or "", links=False).split())
        if text and ("<" in text or "&" in text)
        else (" ".join((text or "").split()))
    )


def _text(item: Mapping[str, Any], name: str) -> str | None:
    value = item.get(name)
    return value if isinstance(value, str) and value.strip() else None


def _no_feed(url: str) -> FeedError:
    return FeedError(
        _("%(url)s is no feed that can be read: RSS, Atom, JSON Feed or a sitemap with news.", url=url[:200])
    )
