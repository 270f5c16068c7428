"""Entries of a feed become articles, once each, in every newsletter that takes the feed."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.articles import editing
from newsletter.articles.draft import ArticleDraft
from newsletter.articles.models import Article, Placement
from newsletter.core.database import among, insert_into
from newsletter.core.errors import RefusedError
from newsletter.feeds import queries
from newsletter.feeds.drafting import draft_of
from newsletter.feeds.entry import ParsedEntry
from newsletter.feeds.models import Feed, FeedEntry, FeedTarget
from newsletter.feeds.news import News, Seen, address_key, among_texts
from newsletter.newsletters.models import Newsletter, Topic

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Taken:
    """`added`: titles of the entries that came into a newsletter; how many others changed, and were left out."""

    added: list[str] = field(default_factory=list)
    revised: int = 0
    refused: int = 0


def take(session: Session, feed: Feed, news: News, *, language: str | None, now: datetime) -> Taken:
    """Add and revise articles, and note what was seen. `language`: what the feed says it is in.

    An entry that cannot be taken is left out and counted; it does not keep the others back. The caller has taken its
    turn (`stories.take_turn`) and compared the feed while nobody else reads it.
    """
    return _Desk(session, feed, language, now).take(news)


def offer(session: Session, feed: Feed, entries: Iterable[ParsedEntry], newsletter_id: int, *, now: datetime) -> Taken:
    """Bring entries, the oldest first, into a newsletter that takes the feed from now on. Those known stay as they
    are.
    """
    desk = _Desk(session, feed, feed.language, now)
    desk.places = [place for place in desk.places if place.newsletter.id == newsletter_id]
    return desk.offer(list(entries))


@dataclass(frozen=True, slots=True)
class _Place:
    """A newsletter that takes the feed. `topics` by their names, see `queries.topics_by_name`."""

    newsletter: Newsletter
    topic_id: int | None
    topics: dict[str, Topic]

    def topic_of(self, entry: ParsedEntry) -> int | None:
        if self.topic_id is not None:
            return self.topic_id
        return next(
            (self.topics[name].id for name in map(queries.folded, entry.categories) if name in self.topics), None
        )


class _Desk:
    """One reading of one feed."""

    def __init__(self, session: Session, feed: Feed, language: str | None, now: datetime) -> None:
        self.session, self.feed, self.language, self.now = session, feed, language, now
        self.places = _places(session, feed.id)
        self.taken = Taken()
        self._placed: dict[str, dict[int, int]] = {}

    def take(self, news: News) -> Taken:
        rows = [self._row(entry) for entry in news.old]
        rows += [self._row(entry, key=key) for entry in news.old if (key := address_key(entry))]
        rows += [self._row(entry, known.article_id) for entry, known in news.twins]
        self._look_up([*news.fresh, *(entry for entry, _known in news.again)])
        for entry in news.fresh:
            known, article_id = self._add(entry)
            if known:
                rows.append(self._row(entry, article_id))
        updates = []
        for entry, seen in news.again:
            known, article_id = self._add(entry)
            if known:
                updates.append(self._update(entry, seen, article_id))
        moved = [(entry, seen) for entry, seen in news.renamed if entry.content_hash != seen.content_hash]
        self._revise([*news.changed, *moved])
        updates += [self._update(entry, seen, seen.article_id) for entry, seen in (*news.changed, *news.renamed)]
        self._note(rows)
        if news.there:
            self.session.execute(
                update(FeedEntry).where(among(self.session, FeedEntry.id, news.there)).values(seen_at=self.now)
            )
        if updates:
            self.session.execute(update(FeedEntry), updates)
        return self.taken

    def offer(self, entries: list[ParsedEntry]) -> Taken:
        self._look_up(entries)
        for entry in entries:
            self._add(entry)
        return self.taken

    def _look_up(self, entries: list[ParsedEntry]) -> None:
        """Which newsletters have articles at these addresses already, by address and by newsletter."""
        addresses = {key for entry in entries if (key := address_key(entry))}
        if not addresses:
            return
        for row in self.session.execute(
            select(Article.url_key, Placement.newsletter_id, Article.id)
            .join(Placement, Placement.article_id == Article.id)
            .where(among_texts(self.session, Article.url_key, addresses))
        ):
            self._placed.setdefault(row.url_key, {})[row.newsletter_id] = row.id

    def _add(self, entry: ParsedEntry) -> tuple[bool, int | None]:
        """Whether the entry is done with, and the article it became."""
        return self._attempt(entry, lambda: self._place(entry))

    def _place(self, entry: ParsedEntry) -> int | None:
        """Offer the entry to every newsletter that does not have it. One that withdrew it has it too."""
        held = self._placed.get(address_key(entry) or "", {})
        article_id = min(held.values(), default=None)
        wanting = [place for place in self.places if place.newsletter.id not in held]
        if not wanting:
            return article_id
        draft = self._draft(entry)
        came = False
        for place in wanting:
            article, new = editing.add_article(
                self.session,
                draft,
                newsletter_id=place.newsletter.id,
                topic_id=place.topic_of(entry),
                feed_id=self.feed.id,
                now=self.now,
            )
            article_id, came = article.id, came or new
        if came:
            self.taken.added.append(draft.title)
        return article_id

    def _revise(self, pairs: list[tuple[ParsedEntry, Seen]]) -> None:
        """Take over what changed in articles that came from this feed first: another feed may tell less of them."""
        ids = {seen.article_id for _entry, seen in pairs if seen.article_id is not None}
        if not ids or not self.places:
            return
        query = (
            select(Article)
            .join(Placement, Placement.article_id == Article.id)
            .where(among(self.session, Article.id, ids), Placement.feed_id == self.feed.id)
        )
        own = {article.id: article for article in self.session.scalars(query)}
        for entry, seen in pairs:
            if (article := own.get(seen.article_id or 0)) is not None:
                self._attempt(entry, lambda entry=entry, article=article: self._change(entry, article))  # type: ignore[misc]

    def _change(self, entry: ParsedEntry, article: Article) -> int:
        self.taken.revised += editing.revise_article(self.session, article, self._draft(entry), now=self.now)
        return article.id

    def _attempt(self, entry: ParsedEntry, act: Callable[[], int | None]) -> tuple[bool, int | None]:
        """Act on one entry in a savepoint of its own. What was refused is done with until it changes; what failed for
        a reason that nobody foresaw comes again with the next reading.
        """
        try:
            with self.session.begin_nested():
                return True, act()
        except RefusedError as error:
            log.info("feed %s: an entry was left out, %s: %s", self.feed.id, (entry.url or entry.title)[:200], error)
            self.taken.refused += 1
            return True, None
        except Exception as error:
            log.info(
                "feed %s: an entry failed, %s: %r", self.feed.id, (entry.url or entry.title)[:200], error, exc_info=True
            )
            self.taken.refused += 1
            return False, None

    def _draft(self, entry: ParsedEntry) -> ArticleDraft:
        newsletter = self.places[0].newsletter
        return draft_of(
            entry,
            source=self.feed.title,
            declared=self.language,
            spoken=newsletter.languages,
            language=newsletter.language,
            zone=ZoneInfo(newsletter.timezone),
        )

    def _row(self, entry: ParsedEntry, article_id: int | None = None, key: str = "") -> dict[str, Any]:
        return {
            "feed_id": self.feed.id,
            "key": key or entry.key,
            "article_id": article_id,
            "content_hash": entry.content_hash,
            "first_seen_at": self.now,
            "seen_at": self.now,
        }

    def _update(self, entry: ParsedEntry, seen: Seen, article_id: int | None) -> dict[str, Any]:
        return {
            "id": seen.id,
            "key": entry.key,
            "article_id": article_id,
            "content_hash": entry.content_hash,
            "seen_at": self.now,
            "changed_at": self.now,
        }

    def _note(self, rows: list[dict[str, Any]]) -> None:
        noting = insert_into(self.session, FeedEntry)
        noting = noting.on_conflict_do_nothing(index_elements=[FeedEntry.feed_id, FeedEntry.key])
        if rows:
            self.session.execute(noting, rows)


def _places(session: Session, feed_id: int) -> list[_Place]:
    """The newsletters that take a feed, the oldest first."""
    rows = session.execute(
        select(Newsletter, FeedTarget.topic_id)
        .join(FeedTarget, FeedTarget.newsletter_id == Newsletter.id)
        .where(FeedTarget.feed_id == feed_id)
        .order_by(Newsletter.id)
    ).all()
    return [
        _Place(newsletter, topic_id, queries.topics_by_name(session, newsletter.id)) for newsletter, topic_id in rows
    ]
