"""The second half of double opt-in: the owner of the address says yes, or says it was somebody else."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.addresses import mask
from newsletter.core.tokens import hash_token
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import consent, records
from newsletter.subscriptions.models import (
    Confirmation,
    ConsentKind,
    EndedReason,
    Subscriber,
    Subscription,
    SubscriptionStatus,
)
from newsletter.suppression import ledger as suppression
from newsletter.suppression.models import SuppressionReason

State = Literal["open", "confirmed", "expired", "gone"]


@dataclass(frozen=True, slots=True)
class ConfirmationView:
    """What a confirmation link stands for.

    open: one press confirms. confirmed: done before, nothing to do. expired: too old, or a newer mail took its place.
    gone: the reader has left since; an old link does not bring anyone back.
    """

    state: State
    newsletter: Newsletter
    masked_email: str
    requested_at: datetime
    subscriber_id: int


def look_up(session: Session, token: str, *, now: datetime) -> ConfirmationView | None:
    """What the link says now; changes nothing. None for a token that was never given out."""
    found = _find(session, token, lock=False)
    return _view(session, *found, now=now) if found else None


def confirm(session: Session, token: str, *, network: str, now: datetime) -> ConfirmationView | None:
    """Say yes. Twice is the same as once; anything but an open link changes nothing."""
    found = _find(session, token, lock=True)
    if found is None:
        return None
    confirmation, subscription, subscriber = found
    view = _view(session, confirmation, subscription, subscriber, now=now)
    if view.state != "open":
        return view
    confirmation.used_at = now
    records.activate(subscription, now=now)
    if confirmation.name and not subscriber.name:
        subscriber.name = confirmation.name
    # Only a bounce can stand here: a confirmation for anything else is never mailed. The mail arrived, so the mailbox
    # exists.
    suppression.lift(session, subscriber.email_key, by="confirmation", now=now)
    consent.record(session, subscription, ConsentKind.CONFIRMED, now=now, wording=confirmation.wording, network=network)
    return _view(session, confirmation, subscription, subscriber, now=now)


def refuse(session: Session, token: str, *, network: str, now: datetime) -> ConfirmationView | None:
    """“That was not me”: the request ends and the address is never written to again. Only an open link can do it.

    Who reads another newsletter goes on reading it: then the block is for this one only.
    """
    found = _find(session, token, lock=True)
    if found is None:
        return None
    confirmation, subscription, subscriber = found
    view = _view(session, confirmation, subscription, subscriber, now=now)
    if view.state == "open":
        confirmation.replaced_at = now
        subscription.status = SubscriptionStatus.ENDED
        subscription.ended_reason = EndedReason.NOT_ME
        subscription.ended_at = now
        if not _reads_something(session, subscriber.id):
            suppression.suppress(
                session, subscriber.email_key, SuppressionReason.NOT_ME, source="confirmation page", now=now
            )
        consent.record(session, subscription, ConsentKind.ENDED, now=now, wording="not me", network=network)
    return view


def _find(session: Session, token: str, *, lock: bool) -> tuple[Confirmation, Subscription, Subscriber] | None:
    named = Confirmation.token_hash == hash_token(token)
    query = (
        select(Confirmation, Subscription, Subscriber)
        .join(Subscription, Subscription.id == Confirmation.subscription_id)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(named)
    )
    if lock:
        # All that the reader has, in one order for everybody: a name that is given now is copied to each of them.
        whose = select(Subscription.subscriber_id).join(Confirmation, Confirmation.subscription_id == Subscription.id)
        theirs = select(Subscription.id).where(Subscription.subscriber_id == whose.where(named).scalar_subquery())
        session.execute(theirs.order_by(Subscription.id).with_for_update())
    row = session.execute(query).first()
    return (row[0], row[1], row[2]) if row else None


def _reads_something(session: Session, subscriber_id: int) -> bool:
    reading = (SubscriptionStatus.ACTIVE, SubscriptionStatus.PAUSED)
    query = select(Subscription.id).where(Subscription.subscriber_id == subscriber_id, Subscription.status.in_(reading))
    return session.scalar(query.limit(1)) is not None


def _view(
    session: Session, confirmation: Confirmation, subscription: Subscription, subscriber: Subscriber, *, now: datetime
) -> ConfirmationView:
    return ConfirmationView(
        state=_state(confirmation, subscription, now),
        newsletter=newsletters.by_id(session, subscription.newsletter_id),
        masked_email=mask(subscriber.email),
        requested_at=confirmation.created_at,
        subscriber_id=subscriber.id,
    )


def _state(confirmation: Confirmation, subscription: Subscription, now: datetime) -> State:
    if subscription.status in (SubscriptionStatus.ACTIVE, SubscriptionStatus.PAUSED):
        return "confirmed"
    if subscription.status is SubscriptionStatus.ENDED or confirmation.used_at is not None:
        return "gone"
    if confirmation.replaced_at is not None or confirmation.expires_at <= now:
        return "expired"
    return "open"
