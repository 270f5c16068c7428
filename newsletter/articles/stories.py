"""Which articles tell the same story: one agency's text in four papers, a report and its update an hour later."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.articles.fingerprint import NEAR, Wording, distance, folded_words
from newsletter.articles.models import Article
from newsletter.core.database import among, dialect_of

RECENT: Final = timedelta(days=4)  # a story is told on within days; what comes weekly is another one
MOST_RECENT: Final = 20_000  # articles of one language that are compared with
MOST_COMPARED: Final = 12  # whose texts are read

TURN: Final = 5_273_001  # any number that no other lock of the database has
_KEPT: Final = "recent_articles"


def take_turn(session: Session) -> None:
    """Whoever adds articles goes on alone until the unit ends, else two feeds that are read at one moment would both
    find an article new. On SQLite there is one writer anyway.

    A unit that adds articles calls it before it writes anything that another one may write too, a topic for instance:
    then nobody waits for somebody who waits.
    """
    if dialect_of(session) != "sqlite":
        session.execute(select(func.pg_advisory_xact_lock(TURN)))


def take_in(session: Session, article: Article, *, now: datetime) -> None:
    """Give a new article its fingerprint and the story it belongs to. A translation belongs to its original's."""
    if article.translation_of is not None:
        return
    wording = Wording.of(_text(article.body_text, article.summary))
    article.fingerprint = wording.fingerprint
    recent = _recent(session, article, now)
    title = _key(article.title)
    # A savepoint that was rolled back leaves the ids of its articles, and SQLite gives them out again.
    candidates = [other for other in recent.candidates(title, article.fingerprint) if other != article.id]
    article.story_id = _find(session, recent, candidates, title, wording)
    recent.add(article.id, article.story_id or article.id, article.fingerprint, title)


def refresh(article: Article) -> None:
    """Bring the fingerprint in step with a changed text. The story stays: readers had the article as part of it."""
    if article.translation_of is None:
        article.fingerprint = Wording.of(_text(article.body_text, article.summary)).fingerprint


@dataclass(slots=True)
class _Recent:
    """The articles of one language that came in during the last days, as little of them as finding takes."""

    fingerprints: list[tuple[int, int]] = field(default_factory=list)  # and the article's id
    by_title: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    stories: dict[int, int] = field(default_factory=dict)

    def add(self, article_id: int, story_id: int, fingerprint: int | None, title: str) -> None:
        self.stories[article_id] = story_id
        self.by_title[title].append(article_id)
        if fingerprint is not None:
            self.fingerprints.append((fingerprint, article_id))

    def candidates(self, title: str, fingerprint: int | None) -> list[int]:
        """Ids of articles under this title, then of those whose fingerprints are near, the nearest first."""
        titled = self.by_title.get(title, [])[: MOST_COMPARED // 2]
        near: list[tuple[int, int]] = []
        if fingerprint is not None:
            near = [(bits, at) for other, at in self.fingerprints if (bits := distance(other, fingerprint)) <= NEAR]
        return list(dict.fromkeys((*titled, *(at for _bits, at in sorted(near)))))[:MOST_COMPARED]


def _recent(session: Session, article: Article, now: datetime) -> _Recent:
    """What this article may belong to. Read once in a unit, however many articles it adds; a session lives for one."""
    language = article.language
    kept: dict[str, _Recent] = session.info.setdefault(_KEPT, {})
    if language not in kept:
        kept[language] = recent = _Recent()
        for row in session.execute(
            select(Article.id, Article.story_id, Article.fingerprint, Article.title)
            .where(
                Article.first_seen_at >= now - RECENT,
                Article.language == language,
                Article.translation_of.is_(None),
                Article.id != article.id,
            )
            .order_by(Article.first_seen_at.desc())
            .limit(MOST_RECENT)
        ):
            recent.add(row.id, row.story_id or row.id, row.fingerprint, _key(row.title))
    return kept[language]


def _find(session: Session, recent: _Recent, candidates: list[int], title: str, wording: Wording) -> int | None:
    """The story that this text belongs to; None: it is the first to tell it."""
    titled = recent.by_title.get(title, ())
    if not candidates:
        return None
    texts = {
        row.id: _text(row.body_text, row.summary)
        for row in session.execute(
            select(Article.id, Article.body_text, Article.summary).where(among(session, Article.id, candidates))
        )
    }
    for candidate in candidates:
        if candidate in texts and wording.same_story(Wording.of(texts[candidate]), same_title=candidate in titled):
            return recent.stories[candidate]
    return None


def _text(body: str, summary: str) -> str:
    """What an article is told from; some feeds have nothing but a summary."""
    return body if body.strip() else summary


def _key(title: str) -> str:
    return " ".join(folded_words(title))
