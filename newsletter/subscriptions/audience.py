"""Who gets an issue: as a set when it is frozen, and one by one when each message leaves."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from newsletter.core.database import among
from newsletter.core.urls import Links
from newsletter.delivery.models import SkipReason
from newsletter.delivery.personalise import Recipient
from newsletter.subscriptions.models import Measuring, Subscriber, Subscription, SubscriptionStatus
from newsletter.suppression.ledger import is_suppressed

NOTHING: Final[Mapping[str, Any]] = {}


def audience(newsletter_id: int) -> Select[int, int, str, int | None]:
    """(subscriber_id, subscription_id, language, choice_id) of every active reader of a newsletter whose address may be
    mailed, whatever their cadence.
    """
    return (
        select(
            Subscriber.id.label("subscriber_id"),
            Subscription.id.label("subscription_id"),
            Subscriber.language.label("language"),
            Subscription.choice_id.label("choice_id"),
        )
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(
            Subscription.newsletter_id == newsletter_id,
            Subscription.status == SubscriptionStatus.ACTIVE,
            ~is_suppressed(Subscriber.email_key),
        )
    )


class Recipients:
    """Looks readers up again at the moment of sending: between the freeze and now a reader may have left."""

    def __init__(self, links: Links) -> None:
        self._links = links

    def find_all(
        self,
        session: Session,
        subscriber_ids: Sequence[int],
        *,
        newsletter_id: int,
        issue_id: int,
        attributes: bool,
    ) -> dict[int, Recipient | SkipReason]:
        """Where to send, or why not to, for each of these readers, of whom there may be a few hundred.

        `attributes`: read what is known about them too.
        """
        found: dict[int, Recipient | SkipReason] = dict.fromkeys(subscriber_ids, SkipReason.UNSUBSCRIBED)
        columns: list[Any] = [
            Subscription.subscriber_id,
            Subscription.id,
            Subscriber.email,
            Subscriber.name,
            Subscriber.domain,
            Subscription.status,
            Subscription.measuring,
            is_suppressed(Subscriber.email_key).label("suppressed"),
            *([Subscriber.attributes] if attributes else []),
        ]
        rows = session.execute(
            select(*columns)
            .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
            .where(
                among(session, Subscription.subscriber_id, subscriber_ids),
                Subscription.newsletter_id == newsletter_id,
                Subscription.status.in_((SubscriptionStatus.ACTIVE, SubscriptionStatus.PAUSED)),
            )
        )
        unsubscribe, preferences = self._links.unsubscribe, self._links.preferences
        for subscriber_id, subscription_id, email, name, domain, status, measuring, suppressed, *known in rows:
            found[subscriber_id] = (
                SkipReason.SUPPRESSED
                if suppressed
                else SkipReason.PAUSED
                if status is SubscriptionStatus.PAUSED
                else Recipient(
                    subscription_id=subscription_id,
                    email=email,
                    name=name,
                    unsubscribe_url=unsubscribe(subscription_id, issue_id),
                    preferences_url=preferences(subscriber_id),
                    attributes=known[0] if known else NOTHING,
                    domain=domain,
                    named_clicks=measuring is not Measuring.REFUSED,
                    named_opens=measuring is Measuring.AGREED,
                )
            )
        return found

    def find(
        self, session: Session, subscriber_id: int, *, newsletter_id: int, issue_id: int
    ) -> Recipient | SkipReason:
        """The same for one reader, with what is known about them."""
        return self.find_all(session, [subscriber_id], newsletter_id=newsletter_id, issue_id=issue_id, attributes=True)[
            subscriber_id
        ]
