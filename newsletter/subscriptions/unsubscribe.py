"""Leaving, at once: what is already queued for the reader is withdrawn in the same transaction."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.addresses import mask
from newsletter.core.tokens import Signer
from newsletter.core.urls import UNSUBSCRIBE
from newsletter.delivery import ledger
from newsletter.delivery.models import SkipReason
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import consent
from newsletter.subscriptions.models import ConsentKind, EndedReason, Subscriber, Subscription, SubscriptionStatus


@dataclass(frozen=True, slots=True)
class UnsubscribeView:
    """What an unsubscribe link stands for. `issue_id` 0: it came from no issue."""

    subscription_id: int
    issue_id: int
    subscriber_id: int
    newsletter: Newsletter
    masked_email: str
    ended: bool


def is_nobody(signer: Signer, token: str) -> bool:
    """Whether a link of ours stands for no subscription: to try whether leaving works; nothing changes."""
    return signer.read(UNSUBSCRIBE, token, 2) == (0, 0)


def look_up(session: Session, signer: Signer, token: str) -> UnsubscribeView | None:
    """What the link says now; changes nothing. None for a forged token or an erased reader. Tokens never expire."""
    numbers = signer.read(UNSUBSCRIBE, token, 2)
    row = (
        numbers
        and session.execute(
            select(Subscription, Subscriber.email)
            .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
            .where(Subscription.id == numbers[0])
        ).first()
    )
    if not numbers or not row:
        return None
    subscription, email = row
    return UnsubscribeView(
        subscription_id=subscription.id,
        issue_id=numbers[1],
        subscriber_id=subscription.subscriber_id,
        newsletter=newsletters.by_id(session, subscription.newsletter_id),
        masked_email=mask(email),
        ended=subscription.status is SubscriptionStatus.ENDED,
    )


def unsubscribe(session: Session, view: UnsubscribeView, *, one_click: bool, network: str, now: datetime) -> None:
    """Leave one newsletter (RFC 8058 when `one_click`); again is the same as once."""
    end(
        session,
        view.subscription_id,
        EndedReason.ONE_CLICK if one_click else EndedReason.UNSUBSCRIBED,
        issue_id=view.issue_id or None,
        network=network,
        now=now,
    )


def end(
    session: Session,
    subscription_id: int,
    reason: EndedReason,
    *,
    now: datetime,
    issue_id: int | None = None,
    network: str = "",
    actor: str = "",
) -> bool:
    """End a subscription and withdraw what is queued for it; False when it had ended before."""
    subscription = session.scalars(
        select(Subscription).where(Subscription.id == subscription_id).with_for_update()
    ).one()
    if subscription.status is SubscriptionStatus.ENDED:
        _note_own_wish(session, subscription, reason, now=now, network=network)
        return False
    subscription.status = SubscriptionStatus.ENDED
    subscription.ended_reason = reason
    subscription.ended_at = now
    subscription.paused_until = None
    subscription.ended_by_issue_id = issue_id
    consent.record(session, subscription, ConsentKind.ENDED, now=now, wording=reason, network=network, actor=actor)
    ledger.withdraw(
        session,
        subscriber_id=subscription.subscriber_id,
        newsletter_id=subscription.newsletter_id,
        reason=SkipReason.UNSUBSCRIBED,
        now=now,
    )
    return True


def _note_own_wish(
    session: Session, subscription: Subscription, reason: EndedReason, *, now: datetime, network: str
) -> None:
    """Who says so after staff ended it has left by their own wish: no undo of staff's brings them back."""
    if subscription.ended_reason is EndedReason.BY_STAFF and reason is not EndedReason.BY_STAFF:
        subscription.ended_reason = reason
        consent.record(session, subscription, ConsentKind.ENDED, now=now, wording=reason, network=network)
