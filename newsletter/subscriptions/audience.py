"""Who gets an issue: as a set when it is frozen, and one by one when each message leaves."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from newsletter.core.urls import Links
from newsletter.delivery.models import SkipReason
from newsletter.delivery.personalise import Recipient
from newsletter.subscriptions.models import Subscriber, Subscription, SubscriptionStatus
from newsletter.suppression.ledger import is_suppressed


def audience(newsletter_id: int) -> Select[int, str]:
    """(subscriber_id, language) of every active reader of a newsletter whose address may be mailed."""
    return (
        select(Subscriber.id.label("subscriber_id"), Subscriber.language.label("language"))
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(
            Subscription.newsletter_id == newsletter_id,
            Subscription.status == SubscriptionStatus.ACTIVE,
            ~is_suppressed(Subscriber.email_key),
        )
    )


class Recipients:
    """Looks each reader up again at the moment of sending: between the freeze and now a reader may have left."""

    def __init__(self, links: Links) -> None:
        self._links = links

    def find(
        self, session: Session, subscriber_id: int, *, newsletter_id: int, issue_id: int
    ) -> Recipient | SkipReason:
        """Where to send, or why not to."""
        row = session.execute(
            select(
                Subscription.id,
                Subscription.status,
                Subscriber.email,
                Subscriber.name,
                is_suppressed(Subscriber.email_key).label("suppressed"),
            )
            .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
            .where(Subscription.subscriber_id == subscriber_id, Subscription.newsletter_id == newsletter_id)
        ).first()
        if row is None or row.status is not SubscriptionStatus.ACTIVE:
            return SkipReason.UNSUBSCRIBED
        if row.suppressed:
            return SkipReason.SUPPRESSED
        return Recipient(
            subscription_id=row.id,
            email=row.email,
            name=row.name,
            unsubscribe_url=self._links.unsubscribe(row.id, issue_id),
            preferences_url=self._links.preferences(subscriber_id),
        )
