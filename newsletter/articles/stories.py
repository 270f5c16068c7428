"""Which articles tell the same story: one agency's text in four papers, a report and its update an hour later."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.orm import Session

from newsletter.articles.fingerprint import NEAR, Wording, distance, folded_words
from newsletter.articles.models import Article
from newsletter.core.database import among, dialect_of

RECENT: Final = timedelta(days=4)  # a story is told on within days; what comes weekly is another one
MOST_RECENT: Final = 20_000  # articles of one language that are compared with
MOST_COMPARED: Final = 12  # whose texts are read
FRESH: Final = timedelta(hours=1)  # so long a process goes by what it has read

TURN: Final = 5_273_001  # any number that no other lock of the database has
_KEPT: Final = "recent_articles"
_TURN_OF: Final = "turn_of"


def take_turn(session: Session) -> None:
    """Whoever adds articles goes on alone until the unit ends, else two feeds that are read at one moment would both
    find an article new. On SQLite there is one writer anyway.

    A unit that adds articles calls it before it writes anything that another one may write too, a topic for instance:
    then nobody waits for somebody who waits.
    """
    if dialect_of(session) != "sqlite" and session.info.get(_TURN_OF) is not session.get_transaction():
        session.execute(select(func.pg_advisory_xact_lock(TURN)))
        if not session.in_nested_transaction():  # a savepoint that is rolled back gives the lock back
            session.info[_TURN_OF] = session.get_transaction()


def take_in(session: Session, article: Article, *, now: datetime) -> None:
    """Give a new article its fingerprint and the story it belongs to. A translation belongs to its original's."""
    if article.translation_of is not None:
        return
    wording = Wording.of(_text(article.body_text, article.summary))
    article.fingerprint = wording.fingerprint
    shelf = _shelf(session, article, now)
    title = _key(article.title)
    # A savepoint that was rolled back leaves the ids of its articles, and SQLite gives them out again.
    candidates = [other for other in shelf.candidates(title, article.fingerprint) if other != article.id]
    article.story_id = _find(session, candidates, title, wording)
    shelf.own.add(article.id, article.fingerprint, title)


def refresh(article: Article) -> None:
    """Bring the fingerprint in step with a changed text. The story stays: readers had the article as part of it."""
    if article.translation_of is None:
        article.fingerprint = Wording.of(_text(article.body_text, article.summary)).fingerprint


@dataclass(slots=True)
class _Recent:
    """The articles of one language that came in during the last days, as little of them as finding takes."""

    fingerprints: list[tuple[int, int]] = field(default_factory=list)  # and the article's id
    by_title: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, article_id: int, fingerprint: int | None, title: str) -> None:
        self.by_title[title].append(article_id)
        if fingerprint is not None:
            self.fingerprints.append((fingerprint, article_id))

    def near(self, fingerprint: int | None) -> list[tuple[int, int]]:
        """(bits apart, id) of those whose fingerprints are near."""
        if fingerprint is None:
            return []
        return [(bits, at) for other, at in self.fingerprints if (bits := distance(other, fingerprint)) <= NEAR]


@dataclass(slots=True)
class _Known:
    """What a process knows of the articles of one database and language: those up to `last_id`, all committed.

    Whoever adds articles is alone, so ids are committed in their order, and only what came after has to be read. It
    says which articles to look at; what they tell is read from their rows.
    """

    read_at: datetime
    last_id: int = 0
    recent: _Recent = field(default_factory=_Recent)


@dataclass(slots=True)
class _Shelf:
    """Where an article looks for its story: what was there before the unit began, and what the unit has added, which
    may yet be rolled back.
    """

    before: _Recent
    own: _Recent = field(default_factory=_Recent)

    def candidates(self, title: str, fingerprint: int | None) -> list[int]:
        """Ids of articles under this title, then of those whose fingerprints are near, the nearest first."""
        titled = [*self.own.by_title.get(title, ()), *reversed(self.before.by_title.get(title, ()))]
        near = sorted((*self.own.near(fingerprint), *self.before.near(fingerprint)))
        return list(dict.fromkeys((*titled[: MOST_COMPARED // 2], *(at for _bits, at in near))))[:MOST_COMPARED]


_known: WeakKeyDictionary[Engine | Connection, dict[str, _Known]] = WeakKeyDictionary()


def _shelf(session: Session, article: Article, now: datetime) -> _Shelf:
    """What this article may belong to. Brought up to date once in a unit; a session lives for one."""
    shelves: dict[str, _Shelf] = session.info.setdefault(_KEPT, {})
    if article.language not in shelves:
        shelves[article.language] = _Shelf(_up_to_date(session, article, now))
    return shelves[article.language]


def _up_to_date(session: Session, article: Article, now: datetime) -> _Recent:
    languages = _known.setdefault(session.get_bind(), {})
    known = languages.get(article.language)
    if known is None or not timedelta(0) <= now - known.read_at < FRESH or article.id <= known.last_id:
        # From time to time everything is read again: texts are revised, days go by, a backup is put back.
        known = languages[article.language] = _Known(now)
    rows = session.execute(
        select(Article.id, Article.fingerprint, Article.title)
        .where(
            Article.id > known.last_id,
            Article.id < article.id,
            Article.first_seen_at >= now - RECENT,
            Article.language == article.language,
            Article.translation_of.is_(None),
        )
        .order_by(Article.id.desc())
        .limit(MOST_RECENT)
    ).all()
    for row in reversed(rows):
        known.recent.add(row.id, row.fingerprint, _key(row.title))
    known.last_id = rows[0].id if rows else known.last_id
    return known.recent


def _find(session: Session, candidates: list[int], title: str, wording: Wording) -> int | None:
    """The story that this text belongs to; None: it is the first to tell it."""
    if not candidates:
        return None
    query = select(Article.id, Article.story_id, Article.title, Article.body_text, Article.summary)
    rows = {row.id: row for row in session.execute(query.where(among(session, Article.id, candidates)))}
    for candidate in candidates:
        row = rows.get(candidate)
        if row is None:
            continue
        text = Wording.of(_text(row.body_text, row.summary))
        if wording.same_story(text, same_title=_key(row.title) == title):
            return int(row.story_id or row.id)
    return None


def _text(body: str, summary: str) -> str:
    """What an article is told from; some feeds have nothing but a summary."""
    return body if body.strip() else summary


def _key(title: str) -> str:
    return " ".join(folded_words(title))
