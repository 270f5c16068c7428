"""What a reader was sent, and which readers an article was sent to: deliveries, by way of their variants."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from newsletter.articles.models import Article
from newsletter.core.database import among
from newsletter.delivery.models import Batch, Delivery, DeliveryStatus
from newsletter.issues.models import Issue, IssueArticle, Variant
from newsletter.issues.seen import BROUGHT_NOTHING
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions.models import Subscriber

BATCHES_AT_ONCE = 20  # some thousand deliveries


@dataclass(frozen=True, slots=True)
class SentArticle:
    id: int
    title: str


@dataclass(frozen=True, slots=True)
class SentIssue:
    """An issue that was made for a reader. `at`: when its state last changed; of one that was sent, when it left."""

    issue_id: int
    newsletter_id: int
    number: int
    subject: str
    status: DeliveryStatus
    at: datetime
    articles: tuple[SentArticle, ...]


@dataclass(frozen=True, slots=True)
class ArticleReader:
    """A reader whom an article was sent to. `delivery_id` is where the next page goes on."""

    delivery_id: int
    subscriber_id: int
    email: str
    issue_id: int
    status: DeliveryStatus
    at: datetime


def sent_to(session: Session, subscriber_id: int, *, before: int | None = None, limit: int = 50) -> list[SentIssue]:
    """What was made for a reader, the newest issue first, below the issue `before`; with what became of it.

    Goes along the index of deliveries by subscriber and issue, whatever their number.
    """
    query = (
        select(
            Issue.id,
            Issue.newsletter_id,
            Issue.number,
            Variant.subject,
            Delivery.status,
            Delivery.updated_at,
            Variant.articles,
        )
        .join(Issue, Issue.id == Delivery.issue_id)
        .join(Variant, Variant.id == Delivery.variant_id)
        .where(Delivery.subscriber_id == subscriber_id)
        .order_by(Delivery.issue_id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Delivery.issue_id < before)
    rows = session.execute(query).all()
    titles = _titles(session, {number for row in rows for number in row.articles})
    return [
        SentIssue(
            issue_id,
            newsletter_id,
            number,
            subject,
            status,
            at,
            tuple(SentArticle(item, titles[item]) for item in articles if item in titles),
        )
        for issue_id, newsletter_id, number, subject, status, at, articles in rows
    ]


def readers_of(session: Session, article_id: int, *, after: int | None = None, limit: int = 50) -> list[ArticleReader]:
    """Readers whom an article was sent to or waits to be, after the delivery `after`. One who got it twice, in a
    correction, comes twice; one who was erased since comes no more.

    Deliveries are read batch by batch, as their index has them, until the page is full.
    """
    variants = _variants_with(session, article_id)
    begun = (session.scalar(select(Delivery.batch_id).where(Delivery.id == after)) or 0) if after is not None else 0
    batches = session.scalars(
        select(Batch.id)
        .where(among(session, Batch.issue_id, {issue for issue, _variant in variants}), Batch.id >= begun)
        .order_by(Batch.id)
    ).all()
    found: list[ArticleReader] = []
    for start in range(0, len(batches), BATCHES_AT_ONCE):
        group = batches[start : start + BATCHES_AT_ONCE]
        query = _deliveries(session, group, {variant for _issue, variant in variants}).limit(limit - len(found))
        if after is not None:
            query = query.where(or_(Delivery.batch_id > begun, Delivery.id > after))
        found += [ArticleReader(*row) for row in session.execute(query)]
        if len(found) >= limit:
            break
    return found


def _deliveries(
    session: Session, batch_ids: Collection[int], variant_ids: Collection[int]
) -> Select[int, int, str, int, DeliveryStatus, datetime]:
    columns = (Delivery.id, Delivery.subscriber_id, Subscriber.email, Delivery.issue_id, Delivery.status)
    return (
        select(*columns, Delivery.updated_at)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(
            among(session, Delivery.batch_id, batch_ids),
            among(session, Delivery.variant_id, variant_ids),
            Delivery.status.not_in(BROUGHT_NOTHING),
        )
        .order_by(Delivery.batch_id, Delivery.id)
    )


def _variants_with(session: Session, article_id: int) -> list[tuple[int, int]]:
    """(issue, variant) of every variant that has an article."""
    # By newsletter and article, as the index of places has them.
    holding = select(IssueArticle.issue_id).where(
        IssueArticle.newsletter_id.in_(select(Newsletter.id)), IssueArticle.article_id == article_id
    )
    rows = session.execute(select(Variant.issue_id, Variant.id, Variant.articles).where(Variant.issue_id.in_(holding)))
    return [(issue_id, variant_id) for issue_id, variant_id, articles in rows if article_id in articles]


def _titles(session: Session, article_ids: Collection[int]) -> dict[int, str]:
    return dict(session.execute(select(Article.id, Article.title).where(among(session, Article.id, article_ids))).all())
