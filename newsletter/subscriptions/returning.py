"""Readers whom no issue reached any more, asked once, a month later, whether their mailbox works again."""

from datetime import datetime, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from newsletter.delivery import transactional
from newsletter.delivery.models import TransactionalMail
from newsletter.subscriptions.mails import COME_BACK
from newsletter.subscriptions.models import Subscriber, Subscription, SubscriptionStatus
from newsletter.suppression import ledger as suppression
from newsletter.suppression.models import Suppression, SuppressionReason

REST = timedelta(days=30)
TOO_LATE = timedelta(days=90)
LIFETIME = timedelta(days=2)
MOST = 200
"""At a time: these mailboxes were full or gone, and many such mails at once would harm those that are read."""


def ask_back(session: Session, *, now: datetime) -> int:
    """Queue the one mail that asks; returns how many. A mailbox is asked once for each time that it was given up."""
    asked = exists().where(
        TransactionalMail.email_key == Suppression.email_key,
        TransactionalMail.kind == COME_BACK,
        TransactionalMail.created_at > Suppression.created_at,
    )
    reads = Subscription.status.in_((SubscriptionStatus.ACTIVE, SubscriptionStatus.PAUSED))
    rows = session.execute(
        select(
            Subscriber.id,
            Subscriber.email,
            Subscriber.email_key,
            Subscriber.language,
            func.min(Subscription.newsletter_id),
        )
        .join(Suppression, Suppression.email_key == Subscriber.email_key)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(
            Suppression.reason == SuppressionReason.SOFT_BOUNCES,
            Suppression.lifted_at.is_(None),
            Suppression.created_at <= now - REST,
            Suppression.created_at > now - TOO_LATE,
            reads,
            ~asked,
        )
        .group_by(Subscriber.id, Subscriber.email, Subscriber.email_key, Subscriber.language)
        .order_by(Subscriber.id)
        .limit(MOST)
    ).all()
    for subscriber_id, email, email_key, language, newsletter_id in rows:
        transactional.queue(
            session,
            kind=COME_BACK,
            email=email,
            email_key=email_key,
            language=language,
            newsletter_id=newsletter_id,
            params={"subscriber_id": subscriber_id},
            lifetime=LIFETIME,
            now=now,
        )
    return len(rows)


def is_given_up(session: Session, email_key: str) -> bool:
    """Whether nothing is sent to an address because it did not arrive, and for no other reason."""
    found = suppression.find(session, email_key)
    return found is not None and found.reason in suppression.OF_ADDRESS


def come_back(session: Session, subscriber_id: int, *, now: datetime) -> bool:
    """Write to a reader again who has opened a link of ours: mail has arrived there. False where nothing held it up, or
    something else does.
    """
    subscriber = session.get_one(Subscriber, subscriber_id)
    if not is_given_up(session, subscriber.email_key):
        return False
    return suppression.lift(session, subscriber.email_key, by="reader", now=now)
