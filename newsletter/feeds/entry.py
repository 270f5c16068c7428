"""A feed as it was read, whatever format it came in."""

from dataclasses import dataclass
from datetime import datetime

from newsletter.core.errors import RefusedError
from newsletter.feeds.models import FeedKind


class FeedError(RefusedError):
    """What was read is no feed, or one that cannot be understood; the sentence says why."""


@dataclass(frozen=True, slots=True)
class ParsedEntry:
    """An item of a feed.

    `key` is SHA-256 of its id, else of its address, else of its words. Texts are markup that nobody has cleaned yet;
    `published_at` and `updated_at` are aware, None where no usable date is told. `content_hash` changes with what the
    item says, and with nothing else.
    """

    key: str
    url: str | None
    title: str
    summary_html: str | None
    content_html: str | None
    author: str | None
    published_at: datetime | None
    updated_at: datetime | None
    image_url: str | None
    image_alt: str
    categories: tuple[str, ...]
    language: str | None
    content_hash: str


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """`entries` in the order of the feed. `ttl_minutes`: how long it asks to be left alone. `broken`: it is not well
    formed, and what could be read of it was.
    """

    kind: FeedKind
    title: str
    site_url: str | None
    language: str | None
    entries: tuple[ParsedEntry, ...]
    ttl_minutes: int | None
    broken: bool
