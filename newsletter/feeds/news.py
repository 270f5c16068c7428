"""What of a feed is new: its entries compared with those that were seen.

An entry is known by its id. Some systems make new ids each hour, so it is known by its address too. What a feed had
before it was added is noted and becomes no article, but for the newest, or the next digest would be full of it. Later
an entry that was not there before is news whatever date it has; many old ones at once are an archive.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ARRAY, Text, any_, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from newsletter.articles.canonical import absolute_url, canonical_url
from newsletter.articles.models import Article
from newsletter.core.database import dialect_of
from newsletter.core.tokens import hash_token
from newsletter.feeds.entry import ParsedEntry
from newsletter.feeds.models import Feed, FeedEntry

FIRST: Final = 20  # articles that the first reading brings
GRACE: Final = timedelta(days=3)  # an entry may be dated this much before its feed was added and not be old
MOST_OLD: Final = 5  # entries with older dates that one reading may bring: more are an archive
OFTEN: Final = timedelta(days=7)  # so often it is noted that an entry is still there


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry as it was seen last."""

    id: int
    key: str
    content_hash: str
    article_id: int | None
    first_seen_at: datetime
    seen_at: datetime


SEEN: Final[list[InstrumentedAttribute[Any]]] = [getattr(FeedEntry, column.name) for column in fields(Seen)]


@dataclass(slots=True)
class News:
    """`fresh` become articles, the oldest first, `again` too: they were refused before. `old` are noted, `renamed` have
    another id than before, `changed` say something else. `twins` have the address of another entry of their feed.
    `there`: rows of entries that are still there, and of which that has not been noted for a while.
    """

    fresh: list[ParsedEntry] = field(default_factory=list)
    again: list[tuple[ParsedEntry, Seen]] = field(default_factory=list)
    old: list[ParsedEntry] = field(default_factory=list)
    renamed: list[tuple[ParsedEntry, Seen]] = field(default_factory=list)
    changed: list[tuple[ParsedEntry, Seen]] = field(default_factory=list)
    twins: list[tuple[ParsedEntry, Seen]] = field(default_factory=list)
    there: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any((self.fresh, self.again, self.old, self.renamed, self.changed, self.twins, self.there))


def compare(session: Session, feed: Feed, entries: Iterable[ParsedEntry], *, now: datetime) -> News:
    """What these entries say that was not known of the feed."""
    told: dict[str, ParsedEntry] = {}
    for entry in entries:
        told.setdefault(entry.key, entry)  # of two with one id the first is newer
    seen = _by_key(session, feed.id, told)
    news, unknown = News(there=[known.id for known in seen.values() if known.seen_at < now - OFTEN]), []
    for key, entry in told.items():
        known = seen.get(key)
        if known is None:
            unknown.append(entry)
        elif known.content_hash != entry.content_hash:
            refused = known.article_id is None and known.first_seen_at > feed.created_at and not _is_old(feed, entry)
            (news.again if refused else news.changed).append((entry, known))
    if unknown:
        _sort_out(session, feed, news, unknown, told)
    return news


def newest_first(entries: Iterable[ParsedEntry]) -> list[ParsedEntry]:
    """By date; those without one come last, as the feed has them."""
    return sorted(entries, key=lambda entry: -entry.published_at.timestamp() if entry.published_at else float("inf"))


def address_key(entry: ParsedEntry) -> str | None:
    """What articles call `url_key`; None for an entry without a usable address."""
    url = absolute_url(entry.url)
    return hash_token(canonical_url(url)) if url else None


def among_texts(session: Session, column: InstrumentedAttribute[Any], texts: Collection[str]) -> Any:
    """SQL: the column is one of these, which travel as one parameter."""
    if dialect_of(session) == "sqlite":
        return column.in_(select(func.json_each(json.dumps(list(texts))).table_valued("value").c.value))
    return column == any_(literal(list(texts), ARRAY(Text)))


def _sort_out(session: Session, feed: Feed, news: News, unknown: list[ParsedEntry], told: Collection[str]) -> None:
    """Where entries with unknown ids belong."""
    addresses: dict[str, str] = {}
    for entry in unknown:
        if address := address_key(entry):
            addresses[entry.key] = address
    noted = _by_key(session, feed.id, addresses.values())
    held = _by_address(session, feed.id, addresses.values())
    fresh = []
    for entry in unknown:
        address = addresses.get(entry.key, "")
        if known := held.get(address):
            (news.twins if known.key in told else news.renamed).append((entry, known))
        elif address not in noted:
            fresh.append(entry)
    fresh = newest_first(fresh)
    if feed.succeeded_at is None:
        taken, news.old = fresh[:FIRST], fresh[FIRST:]
    else:
        old = [entry for entry in fresh if _is_old(feed, entry)]
        news.old = old if len(old) > MOST_OLD else []
        taken = [entry for entry in fresh if entry not in news.old]
    news.fresh = taken[::-1]


def _is_old(feed: Feed, entry: ParsedEntry) -> bool:
    return entry.published_at is not None and entry.published_at < feed.created_at - GRACE


def _by_key(session: Session, feed_id: int, keys: Collection[str]) -> dict[str, Seen]:
    query = select(*SEEN).where(FeedEntry.feed_id == feed_id, among_texts(session, FeedEntry.key, keys))
    return {row.key: Seen(*row) for row in session.execute(query)} if keys else {}


def _by_address(session: Session, feed_id: int, addresses: Collection[str]) -> dict[str, Seen]:
    """What the feed has told at these addresses, by the articles that it became."""
    query = (
        select(Article.url_key, *SEEN)
        .join(FeedEntry, FeedEntry.article_id == Article.id)
        .where(among_texts(session, Article.url_key, addresses), FeedEntry.feed_id == feed_id)
    )
    return {str(row[0]): Seen(*row[1:]) for row in session.execute(query)} if addresses else {}
