"""Whom an issue is for, by its kind: the readers of a cadence, everybody who wants breaking news, or those whom the
issue that it corrects has reached. Of these, where somebody chose a segment, those who are in it, or who are not.
"""

from datetime import datetime, timedelta

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from newsletter.core.database import among
from newsletter.delivery.models import Delivery, DeliveryStatus
from newsletter.issues import narrowed, seen
from newsletter.issues.models import Issue, IssueKind, Variant
from newsletter.issues.narrowed import Chosen
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import schedules
from newsletter.subscriptions.audience import audience
from newsletter.subscriptions.models import Choice, Subscriber, Subscription

Readers = Select[int, int, str, int | None]

A_DAY = timedelta(hours=24)
REACHED = (DeliveryStatus.SENT, DeliveryStatus.UNKNOWN)


def reach(session: Session, issue: Issue, *, now: datetime, chosen: Chosen | None = None) -> Readers:
    """(subscriber_id, subscription_id, language, choice_id) of everybody an issue is for; nobody where a segment that
    it is for is gone. `chosen`: its segments, where they have been read.
    """
    readers = audience(issue.newsletter_id).where(narrowed.condition(session, issue, chosen, now=now))
    match issue.kind:
        case IssueKind.BREAKING:
            return _wants_breaking(session, issue, readers, now=now)
        case IssueKind.CORRECTION:
            return readers.where(Subscriber.id.in_(_reached(session, issue)))
    if issue.schedule_id is None:
        return readers
    on_it = [issue.schedule_id]
    if issue.schedule_id != schedules.main_of(session, issue.newsletter_id).id:
        return readers.where(Subscription.schedule_id.in_(on_it))
    on_it += schedules.gone(session, issue.newsletter_id)
    return readers.where(or_(Subscription.schedule_id.in_(on_it), Subscription.schedule_id.is_(None)))


def _wants_breaking(session: Session, issue: Issue, readers: Readers, *, now: datetime) -> Readers:
    """Everybody but those who chose not to have them, and those who have had enough in a day."""
    quiet = select(Choice.id).where(Choice.newsletter_id == issue.newsletter_id, Choice.breaking.is_(False))
    readers = readers.where(or_(Subscription.choice_id.is_(None), Subscription.choice_id.not_in(quiet)))
    cap = newsletters.by_id(session, issue.newsletter_id).breaking_cap
    today = list(
        session.scalars(
            select(Issue.id).where(
                Issue.newsletter_id == issue.newsletter_id,
                Issue.kind == IssueKind.BREAKING,
                Issue.frozen_at > now - A_DAY,
                Issue.id != issue.id,
            )
        )
    )
    if len(today) < cap:
        return readers
    brought = seen.received(session, today).subquery()
    served = select(brought.c.subscriber_id).group_by(brought.c.subscriber_id).having(func.count() >= cap)
    return readers.where(Subscriber.id.not_in(served))


def _reached(session: Session, issue: Issue) -> Select[int]:
    """Readers who were sent the issue that is corrected; where the correction is of articles, one of these."""
    reached = select(Delivery.subscriber_id).where(Delivery.issue_id == issue.corrects_id, Delivery.status.in_(REACHED))
    corrected = set(session.scalars(seen.articles_in(issue.id)))
    if not corrected:
        return reached
    rows = session.execute(select(Variant.id, Variant.articles).where(Variant.issue_id == issue.corrects_id))
    telling = [variant for variant, articles in rows if corrected.intersection(articles)]
    return reached.where(among(session, Delivery.variant_id, telling))
