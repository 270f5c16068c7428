"""Feeds come, rest and go. The network is done with before any of this is called."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.articles import stories
from newsletter.articles.canonical import canonical_url
from newsletter.articles.language import primary_language
from newsletter.core import jobs
from newsletter.core.database import among
from newsletter.core.prose import clean_characters, clean_line
from newsletter.core.targets import parse_target
from newsletter.core.tokens import hash_token
from newsletter.feeds import health, polling, reading
from newsletter.feeds.discover import Found
from newsletter.feeds.models import Feed, FeedKind, FeedTarget
from newsletter.feeds.news import FIRST, compare, newest_first
from newsletter.feeds.taking import Taken, offer, take


@dataclass(frozen=True, slots=True)
class Added:
    """`created`: nobody took the feed before; `joined`: this newsletter did not. `taken`: what came in at once."""

    feed: Feed
    created: bool
    joined: bool
    taken: Taken


def add(session: Session, found: Found, *, newsletter_id: int, topic_id: int | None, now: datetime) -> Added:
    """Have a newsletter take a feed that was read just now. Its newest entries become articles at once.

    A feed that another newsletter takes is the same row with a further target. Where this one takes it already, only
    a given topic changes.
    """
    stories.take_turn(session)
    feed, created = _ensure(session, found.url, found.feed.title, found.feed.language, now)
    joined = _aim(session, feed, newsletter_id, topic_id, now)
    if feed.gone_at is not None:
        feed.gone_at = None  # it was read just now, so it is back
        ask(session, [feed.id], now=now)
    if feed.succeeded_at is None:
        taken = _first_reading(session, feed, found, now)
    elif joined:
        taken = offer(session, feed, newest_first(found.feed.entries)[:FIRST][::-1], newsletter_id, now=now)
    else:
        taken = Taken()
    return Added(feed, created, joined, taken)


def note(
    session: Session, url: str, *, title: str, newsletter_id: int, topic_id: int | None, now: datetime
) -> tuple[Feed, bool]:
    """Have a newsletter take a feed that nobody has read yet: a worker does so soon. False beside it when the
    newsletter takes it already. Raises FetchError for what is no web address.
    """
    stories.take_turn(session)
    feed, _created = _ensure(session, parse_target(url).url, title, None, now)
    joined = _aim(session, feed, newsletter_id, topic_id, now)
    if feed.succeeded_at is None:
        jobs.wake(session, jobs.POLL_FEEDS)
    return feed, joined


def remove(session: Session, feed: Feed, newsletter_id: int) -> bool:
    """A newsletter takes the feed no longer; True when nobody does and the feed is gone. Its articles stay."""
    target = session.get(FeedTarget, (feed.id, newsletter_id))
    if target is not None:
        session.delete(target)
        session.flush()
    last = session.scalar(select(FeedTarget.feed_id).where(FeedTarget.feed_id == feed.id).limit(1)) is None
    if last:
        session.delete(feed)
        session.flush()
    return last


def pause(session: Session, feed: Feed, *, now: datetime) -> None:
    """Read it no more until it is resumed."""
    feed.paused_at = feed.paused_at or now
    feed.next_poll_at = None
    session.flush()


def resume(session: Session, feed: Feed, *, now: datetime) -> None:
    """Read it again, at once; also one whose server said that it was gone."""
    feed.paused_at = feed.gone_at = None
    ask(session, [feed.id], now=now)


def ask(session: Session, ids: Collection[int], *, now: datetime) -> None:
    """Have a worker read these feeds now, those that are paused aside."""
    session.flush()
    due = update(Feed).where(among(session, Feed.id, ids), Feed.paused_at.is_(None)).values(next_poll_at=now)
    session.execute(due)
    jobs.wake(session, jobs.POLL_FEEDS)


def _ensure(session: Session, url: str, title: str, language: str | None, now: datetime) -> tuple[Feed, bool]:
    """The feed at an address, due at once when it is new."""
    key = hash_token(canonical_url(url))
    feed = session.scalar(select(Feed).where(Feed.url_key == key).with_for_update())
    if feed is not None:
        return feed, False
    feed = Feed(
        url=url,
        url_key=key,
        host=polling.host_of(url),
        title=clean_line(clean_characters(title).replace("\n", " "))[:200] or urlsplit(url).netloc[:200],
        kind=FeedKind.RSS,
        language=primary_language(language) or "",
        interval_minutes=health.START,
        next_poll_at=now,
        failures=0,
        slow=False,
        created_at=now,
    )
    session.add(feed)
    session.flush()
    return feed, True


def _aim(session: Session, feed: Feed, newsletter_id: int, topic_id: int | None, now: datetime) -> bool:
    """Make the newsletter one that takes the feed; False when it did."""
    target = session.get(FeedTarget, (feed.id, newsletter_id))
    if target is None:
        session.add(FeedTarget(feed_id=feed.id, newsletter_id=newsletter_id, topic_id=topic_id, created_at=now))
    elif topic_id is not None:
        target.topic_id = topic_id
    session.flush()
    return target is None


def _first_reading(session: Session, feed: Feed, found: Found, now: datetime) -> Taken:
    # A worker that reads it at this moment finds that the feed is no longer its own.
    news = compare(session, feed, found.feed.entries, now=now)
    columns = polling.described(feed, found.feed)
    columns |= health.after_success(
        feed, now=now, seconds=0, news=bool(news.fresh), ttl=found.feed.ttl_minutes, chance=0.5
    )
    columns |= {"body_hash": hashlib.sha256(found.fetched.body).hexdigest(), **reading.validators(found.fetched)}
    if feed.paused_at is not None:
        columns["next_poll_at"] = None
    for name, value in columns.items():
        setattr(feed, name, value)
    session.flush()
    return take(session, feed, news, language=found.feed.language, now=now)
