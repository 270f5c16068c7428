"""Reading subscriptions."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import gettext as _
from newsletter.subscriptions.models import EndedReason, Subscriber, Subscription, SubscriptionStatus


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    id: int
    subscriber_id: int
    newsletter_id: int
    email: str
    name: str
    language: str
    status: SubscriptionStatus
    ended_reason: EndedReason | None
    created_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None


COLUMNS = (
    Subscription.id,
    Subscription.subscriber_id,
    Subscription.newsletter_id,
    Subscriber.email,
    Subscriber.name,
    Subscriber.language,
    Subscription.status,
    Subscription.ended_reason,
    Subscription.created_at,
    Subscription.confirmed_at,
    Subscription.ended_at,
)


def by_id(session: Session, subscription_id: int) -> SubscriptionRow:
    row = session.execute(
        select(*COLUMNS)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(Subscription.id == subscription_id)
    ).first()
    if row is None:
        raise NotFoundError(_("This subscription does not exist."))
    return SubscriptionRow(*row)


def of_address(session: Session, email_key: str) -> list[SubscriptionRow]:
    """Every subscription of one address."""
    query = (
        select(*COLUMNS)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(Subscriber.email_key == email_key)
        .order_by(Subscription.id)
    )
    return [SubscriptionRow(*row) for row in session.execute(query)]


def emails_of(session: Session, subscriber_ids: list[int]) -> dict[int, str]:
    """Addresses of some subscribers, by id."""
    rows = session.execute(select(Subscriber.id, Subscriber.email).where(Subscriber.id.in_(subscriber_ids)))
    return dict(rows.all())


def has_attribute(session: Session, newsletter_id: int, name: str) -> bool:
    """Whether anything is known under this name of any reader of a newsletter. No quotation mark may be in it."""
    known = (
        select(Subscription.id)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(Subscription.newsletter_id == newsletter_id, Subscriber.attributes[name].as_string() != "")
        .limit(1)
    )
    return session.scalar(known) is not None


def attribute_names(session: Session, newsletter_id: int) -> list[str]:
    """What is known of the newest readers of a newsletter, by name; a look at all of them would take long."""
    newest = (
        select(Subscriber.attributes)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(Subscription.newsletter_id == newsletter_id)
        .order_by(Subscription.id.desc())
        .limit(200)
    )
    return sorted({name for attributes in session.scalars(newest) for name in attributes})
