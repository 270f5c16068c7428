"""The feed of a site, found from whatever address of it a person has."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin

from newsletter.articles.decoding import decode_bytes
from newsletter.core import fetching
from newsletter.core.fetching import Fetched
from newsletter.core.i18n import gettext as _
from newsletter.core.targets import FetchError
from newsletter.feeds.entry import FeedError, ParsedFeed
from newsletter.feeds.parse import parse_feed

# An address and headers beside ours.
Fetch = Callable[[str, Mapping[str, str]], Fetched]

ACCEPTED: Final = ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/xml", "*/*")
UNDERSTOOD: Final = (200, 304, 404, 410, 429, 503)
SECONDS: Final = 20.0
MAX_BYTES: Final = 10_000_000
TYPES: Final = ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/json")
USUAL: Final = ("feed/", "rss", "feed.xml", "rss.xml", "atom.xml")
MOST_TRIED: Final = 8


@dataclass(frozen=True, slots=True)
class Found:
    """A feed and where it is."""

    url: str
    feed: ParsedFeed
    fetched: Fetched


def fetcher(allow: Sequence[str], *, seconds: float = SECONDS, max_bytes: int = MAX_BYTES) -> Fetch:
    """Reads feeds from the web, within bounds of size and time. Many servers call them something else."""
    return lambda url, headers: fetching.fetch(
        url,
        allow=allow,
        accept=ACCEPTED,
        max_bytes=max_bytes,
        deadline_seconds=seconds,
        headers=headers,
        statuses=UNDERSTOOD,
    )


def find_feed(url: str, fetch: Fetch, now: datetime) -> Found:
    """The feed at this address, else the first one that the page there names, else one at the usual places.

    Raises FetchError when the address cannot be read and FeedError when there is no feed.
    """
    fetched = fetch(url, {})
    if fetched.status != 200:
        raise FetchError(_("%(url)s answered with status %(status)d.", url=fetched.url[:200], status=fetched.status))
    try:
        return _found(fetched, now)
    except FeedError:
        for address in list(_candidates(fetched))[:MOST_TRIED]:
            try:
                candidate = fetch(address, {})
                if candidate.status == 200:
                    return _found(candidate, now)
            except (FetchError, FeedError):
                continue
    raise FeedError(
        _("There is no feed at %(url)s, and the page there names none. Give the feed's own address.", url=url)
    )


def _found(fetched: Fetched, now: datetime) -> Found:
    feed = parse_feed(
        fetched.body, url=fetched.url, content_type=fetched.content_type, charset=fetched.charset, now=now
    )
    return Found(fetched.url, feed, fetched)


def _candidates(fetched: Fetched) -> Iterator[str]:
    """Addresses that may be the feed of a page."""
    reader = _Links()
    reader.feed(decode_bytes(fetched.body[:500_000], fetched.charset))
    yield from (urljoin(fetched.url, address) for address in reader.found)
    yield from (urljoin(urljoin(fetched.url, "/"), name) for name in USUAL)


class _Links(HTMLParser):
    """`<link rel="alternate" type="application/rss+xml" href="...">`."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        address = given.get("href")
        alternate = "alternate" in (given.get("rel") or "").lower().split()
        if tag == "link" and alternate and address and (given.get("type") or "").lower().strip() in TYPES:
            self.found.append(address)
