"""The reader's article ledger: which stories a reader has been sent, in any newsletter and cadence.

No table of its own: a delivery names its variant, and a variant its articles. A delivery that failed or was left out
has brought nothing; one that waits counts, for it will.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from newsletter.articles.models import Article
from newsletter.core.database import among
from newsletter.delivery.models import Delivery, DeliveryStatus
from newsletter.issues.models import Issue, IssueArticle, Variant

REMEMBERED = timedelta(days=90)
BROUGHT_NOTHING = (DeliveryStatus.FAILED, DeliveryStatus.SKIPPED)


def issues_telling(story_ids: Collection[int], *, session: Session, now: datetime, but: int = 0) -> list[int]:
    """Issues of any newsletter, frozen of late, whose pool has one of these stories."""
    query = (
        select(IssueArticle.issue_id)
        .join(Issue, Issue.id == IssueArticle.issue_id)
        .where(
            among(session, IssueArticle.story_id, story_ids),
            Issue.frozen_at > now - REMEMBERED,
            Issue.id != but,
        )
        .distinct()
    )
    return list(session.scalars(query))


def received(session: Session, issue_ids: Collection[int]) -> Select[int, int]:
    """(subscriber_id, variant_id) of what these issues have brought to readers."""
    return select(Delivery.subscriber_id, Delivery.variant_id).where(
        among(session, Delivery.issue_id, issue_ids), Delivery.status.not_in(BROUGHT_NOTHING)
    )


def stories_seen(session: Session, subscriber_id: int, story_ids: Collection[int], *, now: datetime) -> set[int]:
    """Which of these stories a reader has been sent."""
    issue_ids = issues_telling(story_ids, session=session, now=now)
    brought = received(session, issue_ids).where(Delivery.subscriber_id == subscriber_id).subquery()
    listed = session.scalars(select(Variant.articles).join(brought, brought.c.variant_id == Variant.id))
    told = stories_of(session, {article for articles in listed for article in articles})
    return set(told.values()) & set(story_ids)


def articles_in(issue_id: int) -> Select[int]:
    """The articles of an issue's pool."""
    return select(IssueArticle.article_id).where(IssueArticle.issue_id == issue_id)


def stories_of(session: Session, article_ids: Collection[int]) -> dict[int, int]:
    """The story that each article tells."""
    rows = session.execute(
        select(Article.id, func.coalesce(Article.story_id, Article.id)).where(among(session, Article.id, article_ids))
    )
    return dict(rows.all())
