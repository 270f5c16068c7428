"""Reading articles."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from newsletter.articles.models import Article, Placement
from newsletter.core.database import among
from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import gettext as _


@dataclass(frozen=True, slots=True)
class PlacedArticle:
    """An article in a newsletter."""

    article: Article
    placed_at: datetime
    withdrawn_at: datetime | None
    topic_id: int | None
    placement: Placement | None = None


def by_id(session: Session, article_id: int) -> Article:
    found = session.get(Article, article_id)
    if found is None:
        raise NotFoundError(_("This article does not exist."))
    return found


def page(session: Session, newsletter_id: int, *, before: int | None = None, limit: int = 50) -> list[PlacedArticle]:
    """Articles of a newsletter that are not translations, the newest first, below the id `before`."""
    query = (
        select(Article, Placement.placed_at, Placement.withdrawn_at, Placement.topic_id)
        .join(Placement, Placement.article_id == Article.id)
        .where(Placement.newsletter_id == newsletter_id, Article.translation_of.is_(None))
        .order_by(Article.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Article.id < before)
    return [PlacedArticle(*row) for row in session.execute(query)]


def placed(session: Session, article_id: int, newsletter_id: int) -> PlacedArticle:
    """One article of a newsletter; NotFoundError when it is not offered to it."""
    row = session.execute(
        select(Article, Placement.placed_at, Placement.withdrawn_at, Placement.topic_id, Placement)
        .join(Placement, Placement.article_id == Article.id)
        .where(Article.id == article_id, Placement.newsletter_id == newsletter_id)
    ).first()
    if row is None:
        raise NotFoundError(_("This article does not exist."))
    return PlacedArticle(*row)


def in_language(session: Session, article_ids: list[int], language: str) -> dict[int, Article]:
    """Each article in a language where it has been translated, else as it was written; by the original's id."""
    originals = session.scalars(select(Article).where(Article.id.in_(article_ids))).all()
    translated = session.scalars(
        select(Article)
        .where(Article.translation_of.in_(article_ids), Article.language == language)
        .order_by(Article.id)
    )
    chosen = {article.id: article for article in originals}
    for article in translated:
        original = article.translation_of
        if original is not None and chosen[original].language != language:
            chosen[original] = article
    return chosen


def also_in(session: Session, article_ids: Collection[int]) -> dict[int, list[Article]]:
    """Other articles that tell the story of each of these, the oldest first; nothing for one that stands alone.

    Translations are not among them.
    """
    asked = dict(
        session.execute(
            select(Article.id, func.coalesce(Article.story_id, Article.id)).where(
                among(session, Article.id, article_ids)
            )
        ).all()
    )
    if not asked:
        return {}
    story_ids = set(asked.values())
    in_story = or_(among(session, Article.story_id, story_ids), among(session, Article.id, story_ids))
    told: dict[int, list[Article]] = {}
    for article in session.scalars(
        select(Article).where(in_story, Article.translation_of.is_(None)).order_by(Article.id)
    ):
        told.setdefault(article.story_id or article.id, []).append(article)
    found = {own: [other for other in told.get(story, []) if other.id != own] for own, story in asked.items()}
    return {own: others for own, others in found.items() if others}


def held_by(session: Session, article_id: int) -> list[int]:
    """Ids of the newsletters that an article is placed in."""
    return list(session.scalars(select(Placement.newsletter_id).where(Placement.article_id == article_id)))


def placed_among(session: Session, newsletter_id: int, article_ids: Collection[int]) -> set[int]:
    """Those of the articles that the newsletter has been offered."""
    query = select(Placement.article_id).where(
        Placement.newsletter_id == newsletter_id, among(session, Placement.article_id, article_ids)
    )
    return set(session.scalars(query))


def topic_ids(session: Session, newsletter_id: int, article_ids: list[int]) -> dict[int, int | None]:
    """The topic each article is filed under in a newsletter."""
    rows = session.execute(
        select(Placement.article_id, Placement.topic_id).where(
            Placement.newsletter_id == newsletter_id, Placement.article_id.in_(article_ids)
        )
    )
    return dict(rows.all())
