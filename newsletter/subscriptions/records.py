"""Finding or making the rows of a reader, safely when two requests for one address come at once."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.addresses import Address
from newsletter.core.database import insert_into
from newsletter.mail import words
from newsletter.subscriptions.models import Subscriber, Subscription, SubscriptionStatus

MAX_NAME = 200  # characters


def subscriber_for(session: Session, address: Address, *, language: str, now: datetime, name: str = "") -> Subscriber:
    """The subscriber of an address; a new one when there is none. The first spelling of the address stays."""
    session.execute(
        insert_into(session, Subscriber)
        .values(
            email=address.email,
            email_key=address.key,
            domain=address.domain,
            name=clean_name(name),
            language=language,
            attributes={},
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=[Subscriber.email_key])
    )
    return session.scalars(select(Subscriber).where(Subscriber.email_key == address.key)).one()


def clean_name(name: str) -> str:
    """A name in one line of bearable length, without what nobody sees."""
    return words.clean(name)[:MAX_NAME].strip()


def subscription_for(session: Session, subscriber_id: int, newsletter_id: int, *, now: datetime) -> Subscription:
    """The subscription of a reader, locked until the unit ends; a pending one when there is none."""
    return find_or_add_subscription(session, subscriber_id, newsletter_id, now=now)[0]


def find_or_add_subscription(
    session: Session, subscriber_id: int, newsletter_id: int, *, now: datetime
) -> tuple[Subscription, bool]:
    """Like `subscription_for`; True beside it when it is new."""
    added = session.execute(
        insert_into(session, Subscription)
        .values(
            subscriber_id=subscriber_id,
            newsletter_id=newsletter_id,
            status=SubscriptionStatus.PENDING,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=[Subscription.subscriber_id, Subscription.newsletter_id])
        .returning(Subscription.id)
    ).first()
    found = session.scalars(
        select(Subscription)
        .where(Subscription.subscriber_id == subscriber_id, Subscription.newsletter_id == newsletter_id)
        .with_for_update()
    ).one()
    return found, added is not None


def reopen(subscription: Subscription) -> None:
    """Back to waiting for a yes, whatever ended it before."""
    subscription.status = SubscriptionStatus.PENDING
    subscription.ended_reason = None
    subscription.ended_at = None
    subscription.paused_until = None
    subscription.bounced_at = None


def activate(subscription: Subscription, *, now: datetime) -> None:
    """Active from now on; the proof of it is the caller's to record."""
    reopen(subscription)
    subscription.status = SubscriptionStatus.ACTIVE
    subscription.confirmed_at = now
