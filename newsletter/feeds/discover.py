"""The feed of a site, found from whatever address of it a person has."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from html.parser import HTMLParser
from itertools import islice
from typing import Final
from urllib.parse import urljoin

from newsletter.articles.decoding import decode_bytes
from newsletter.core import fetching
from newsletter.core.fetching import Fetched
from newsletter.core.i18n import gettext as _
from newsletter.core.targets import FetchError
from newsletter.feeds import wordpress
from newsletter.feeds.apart import Parse
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


def find_feed(url: str, fetch: Fetch, now: datetime, *, parse: Parse = parse_feed) -> Found:
    """The feed at this address, else the first one that the page there names, else one at the usual places. Where that
    has no more than the beginnings of its articles and the site is WordPress, its list of posts, which has all of them.

    Raises FetchError when the address cannot be read and FeedError when there is no feed.
    """
    fetched = fetch(url, {})
    if fetched.status != 200:
        raise FetchError(_("%(url)s answered with status %(status)d.", url=fetched.url[:200], status=fetched.status))
    try:
        return _found(fetched, parse, now)
    except FeedError:
        page = _Links.of(fetched)
    found = _first(page.feeds(fetched.url), fetch, parse, now)
    if page.posts and (found is None or not _tells_all(found.feed)):
        address = wordpress.posts_address(urljoin(fetched.url, page.posts))
        found = _called(_first([address], fetch, parse, now), found) or found  # many sites keep it closed
    if found is None:
        raise FeedError(
            _("There is no feed at %(url)s, and the page there names none. Give the feed's own address.", url=url)
        )
    return found


def _called(posts: Found | None, feed: Found | None) -> Found | None:
    """A list of posts, which has no name, under that of the site's feed."""
    if posts is None or feed is None:
        return posts
    return replace(posts, feed=replace(posts.feed, title=feed.feed.title, language=feed.feed.language))


def _first(addresses: Iterable[str], fetch: Fetch, parse: Parse, now: datetime) -> Found | None:
    for address in islice(addresses, MOST_TRIED):
        try:
            candidate = fetch(address, {})
            if candidate.status == 200:
                return _found(candidate, parse, now)
        except (FetchError, FeedError):
            continue
    return None


def _found(fetched: Fetched, parse: Parse, now: datetime) -> Found:
    feed = parse(fetched.body, url=fetched.url, content_type=fetched.content_type, charset=fetched.charset, now=now)
    return Found(fetched.url, feed, fetched)


def _tells_all(feed: ParsedFeed) -> bool:
    """Whether most entries come with a text beside their summary."""
    return sum(entry.content_html is not None for entry in feed.entries) * 2 >= len(feed.entries)


class _Links(HTMLParser):
    """What a page names: feeds (`<link rel="alternate" type="application/rss+xml" href="...">`), and WordPress's
    interface (`<link rel="https://api.w.org/" href="...">`).
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.posts = ""

    @classmethod
    def of(cls, fetched: Fetched) -> "_Links":
        reader = cls()
        reader.feed(decode_bytes(fetched.body[:500_000], fetched.charset))
        return reader

    def feeds(self, url: str) -> Iterator[str]:
        """Addresses that may be the feed of the page at `url`."""
        yield from (urljoin(url, address) for address in self.found)
        yield from (urljoin(urljoin(url, "/"), name) for name in USUAL)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        address = given.get("href")
        relations = (given.get("rel") or "").lower().split()
        if tag == "link" and address and wordpress.RELATION in relations:
            self.posts = self.posts or address
        alternate = "alternate" in relations
        if tag == "link" and alternate and address and (given.get("type") or "").lower().strip() in TYPES:
            self.found.append(address)
