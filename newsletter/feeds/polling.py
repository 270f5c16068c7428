"""Reading the feeds that are due: claimed in the database, fetched and parsed in threads, recorded one by one.

No transaction is open while a server is waited for. A worker that dies leaves its feeds to another one after `LEASE`.
"""

import logging
import random
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, case, func, literal, or_, select, update
from sqlalchemy.orm import Session, aliased

from newsletter.articles import stories
from newsletter.articles.canonical import absolute_url, canonical_url
from newsletter.articles.language import primary_language
from newsletter.core.database import Database, among, dialect_of, held
from newsletter.core.i18n import gettext as _
from newsletter.core.prose import clean_characters, clean_line
from newsletter.core.tokens import hash_token
from newsletter.feeds import health, reading
from newsletter.feeds.apart import Parse
from newsletter.feeds.discover import Fetch
from newsletter.feeds.entry import ParsedFeed
from newsletter.feeds.health import Columns
from newsletter.feeds.models import Feed
from newsletter.feeds.news import compare
from newsletter.feeds.parse import parse_feed
from newsletter.feeds.reading import Answer
from newsletter.feeds.taking import Taken, take

log = logging.getLogger(__name__)

AT_ONCE: Final = 16
PER_HOST: Final = 2  # requests to one host at a time
LEASE: Final = timedelta(minutes=10)  # more than the slowest servers take for what is claimed at once
FURTHEST: Final = timedelta(days=8)  # nobody waits longer: what is due later was written by a clock that was ahead
TURN: Final = 5_273_002  # any number that no other lock of the database has


@dataclass(frozen=True, slots=True)
class Polled:
    """What came of one feed. `error` in words; `changed` is False where its body was the one read before."""

    feed_id: int
    title: str
    changed: bool = False
    taken: Taken = field(default_factory=Taken)
    error: str | None = None


def anything_due(session: Session, *, now: datetime) -> bool:
    return session.scalar(select(Feed.id).where(_is_due(now), _is_free(now)).limit(1)) is not None


def poll_due(
    database: Database,
    fetch: Fetch,
    *,
    clock: Callable[[], datetime],
    stopping: Callable[[], bool] = lambda: False,
    at_once: int = AT_ONCE,
    ids: Collection[int] | None = None,
    chance: Callable[[], float] = random.random,
    timer: Callable[[], float] = time.monotonic,
    parse: Parse = parse_feed,
) -> list[Polled]:
    """Read what is due until nothing is, or these feeds whether they are due or not.

    `at_once` requests at a time, two of them to one host at most, however many processes call this: a host belongs to
    one of them. Two callers never read a feed at the same moment. `chance` (0 to 1) spreads feeds over time, `timer`
    tells how long an answer took, `parse` understands it.
    """
    with ThreadPoolExecutor(at_once, thread_name_prefix="feeds") as pool:
        return _Round(database, fetch, clock, stopping, at_once, ids, chance, timer, parse).run(pool)


@dataclass(slots=True)
class _Round:
    """One call of `poll_due`."""

    database: Database
    fetch: Fetch
    clock: Callable[[], datetime]
    stopping: Callable[[], bool]
    at_once: int
    ids: Collection[int] | None
    chance: Callable[[], float]
    timer: Callable[[], float]
    parse: Parse
    name: str = field(default_factory=lambda: secrets.token_hex(16))
    waiting: deque[Feed] = field(default_factory=deque)
    running: dict[Future[Answer], Feed] = field(default_factory=dict)
    hosts: Counter[str] = field(default_factory=Counter)
    more: bool = True

    def run(self, pool: ThreadPoolExecutor) -> list[Polled]:
        polled: list[Polled] = []
        while True:
            self._claim()
            self._start(pool)
            if not self.running:
                return polled
            for answer in wait(self.running, return_when=FIRST_COMPLETED).done:
                feed = self.running.pop(answer)
                self.hosts[feed.host] -= 1
                polled.append(self._record(feed, answer.result()))

    def _claim(self) -> None:
        """Keep enough at hand, and give back what is not begun when the process is to stop."""
        if self.stopping():
            left, self.more = [feed.id for feed in self.waiting], False
            self.waiting.clear()
            if left:
                with self.database.unit() as session:
                    session.execute(update(Feed).where(among(session, Feed.id, left)).values(lease_until=None))
            return
        if not self.more or len(self.waiting) >= self.at_once:
            return
        limit = self.at_once if self.ids is None else len(self.ids)
        with self.database.unit() as session:
            claimed = _claim(session, self.name, now=self.clock(), limit=limit, ids=self.ids)
        self.waiting.extend(claimed)
        self.more = self.ids is None and len(claimed) == limit

    def _start(self, pool: ThreadPoolExecutor) -> None:
        for feed in list(self.waiting):
            if len(self.running) >= self.at_once:
                return
            if self.hosts[feed.host] < PER_HOST:
                self.waiting.remove(feed)
                self.hosts[feed.host] += 1
                # The words of an error are in the caller's language, which a thread does not know by itself.
                started = pool.submit(
                    copy_context().run,
                    reading.read,
                    feed,
                    self.fetch,
                    self.parse,
                    now=self.clock(),
                    timer=self.timer,
                )
                self.running[started] = feed

    def _record(self, feed: Feed, answer: Answer) -> Polled:
        try:
            with self.database.unit() as session:
                return record(session, feed, answer, now=self.clock(), chance=self.chance())
        except Exception:
            # Its lease ends by itself, and the next one is read meanwhile.
            log.exception("feed %s could not be recorded: %s", feed.id, feed.url[:200])
            return Polled(feed.id, feed.title, error=_("What it sent could not be stored."))


def record(session: Session, feed: Feed, answer: Answer, *, now: datetime, chance: float) -> Polled:
    """Write down what a server answered, and take in what is new. Nothing, when the feed is no longer the caller's."""
    if answer.error is not None:
        return _record_failure(session, feed, answer, now, chance)
    parsed, fetched = answer.parsed, answer.fetched
    news = compare(session, feed, parsed.entries, now=now) if parsed else None
    if news:
        stories.take_turn(session)
    columns = health.after_success(
        feed,
        now=now,
        seconds=answer.seconds,
        news=bool(news and (news.fresh or news.again)),
        ttl=parsed.ttl_minutes if parsed else None,
        chance=chance,
    )
    if answer.body_hash is not None and fetched is not None:
        columns |= {"body_hash": answer.body_hash, **reading.validators(fetched)}
    if parsed is not None:
        columns |= described(feed, parsed)
    if fetched is not None and fetched.permanent_url is not None:
        columns |= _moved(session, feed, fetched.permanent_url)
    if not _write(session, feed, columns) or not news or parsed is None:
        return Polled(feed.id, feed.title, changed=parsed is not None)
    taken = take(session, feed, news, language=parsed.language, now=now)
    return Polled(feed.id, columns.get("title", feed.title), changed=True, taken=taken)


def described(feed: Feed, parsed: ParsedFeed) -> Columns:
    """Columns of what a feed says about itself; what it leaves out stays."""
    said = {
        "title": clean_line(clean_characters(parsed.title).replace("\n", " "))[:200],
        "site_url": absolute_url(parsed.site_url),
        "language": primary_language(parsed.language),
    }
    return {"kind": parsed.kind, **{name: value for name, value in said.items() if value}}


def _record_failure(session: Session, feed: Feed, answer: Answer, now: datetime, chance: float) -> Polled:
    reason = answer.error or ""
    if answer.gone:
        columns = health.after_end(reason, now=now)
    else:
        columns = health.after_failure(feed, reason, now=now, seconds=answer.seconds, wish=answer.wish, chance=chance)
    _write(session, feed, columns)
    return Polled(feed.id, feed.title, error=reason)


def _write(session: Session, feed: Feed, columns: Columns) -> bool:
    """Set columns of a feed that is still the caller's. One that was paused meanwhile stays paused."""
    due = case((Feed.paused_at.is_(None), literal(columns["next_poll_at"], Feed.next_poll_at.type)), else_=None)
    written = session.execute(
        update(Feed)
        .where(Feed.id == feed.id, Feed.lease_until == feed.lease_until)
        .values(columns | {"next_poll_at": due})
        .returning(Feed.id)
        .execution_options(synchronize_session=False)
    )
    return written.first() is not None


def _moved(session: Session, feed: Feed, url: str) -> Columns:
    """The new address, unless it is another feed's."""
    key = hash_token(canonical_url(url))
    other = session.scalar(select(Feed.title).where(Feed.url_key == key, Feed.id != feed.id))
    if other is None:
        return {"url": url, "url_key": key, "host": host_of(url)}
    return {
        "last_error": _(
            "It has moved to %(url)s, which is read as “%(title)s” already. Remove this one.",
            url=url[:200],
            title=other,
        )
    }


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(Feed.lease_until.is_(None), Feed.lease_until <= now)


def _is_due(now: datetime) -> ColumnElement[bool]:
    return or_(Feed.next_poll_at <= now, Feed.next_poll_at > now + FURTHEST)


def _claim(session: Session, name: str, *, now: datetime, limit: int, ids: Collection[int] | None) -> list[Feed]:
    """Feeds that are nobody else's for a while, of hosts that nobody else asks at present."""
    if dialect_of(session) != "sqlite":
        # Two that claim at one moment would not see each other's leases, and both would have a host.
        session.execute(select(func.pg_advisory_xact_lock(TURN)))
    other = aliased(Feed)
    taken = select(other.id).where(other.host == Feed.host, other.lease_until > now, other.leased_by != name).exists()
    query = select(Feed.id).where(_is_free(now), ~taken)
    query = query.where(_is_due(now) if ids is None else among(session, Feed.id, ids))
    query = query.order_by(Feed.next_poll_at).limit(limit).with_for_update(skip_locked=True)
    claimed = held(session, query)
    session.execute(
        update(Feed)
        .where(among(session, Feed.id, claimed))
        .values(lease_until=now + LEASE, leased_by=name)
        .execution_options(synchronize_session=False)
    )
    found = session.scalars(select(Feed).where(among(session, Feed.id, claimed)))
    return sorted(found, key=lambda feed: feed.next_poll_at or now)


def host_of(url: str) -> str:
    """Whom its server is asked as, with the port."""
    return urlsplit(url).netloc.lower().rpartition("@")[2][:255]
