"""Changing deliveries. Every change moves the batch's counts with it, so that the sums hold at every commit."""

from collections import Counter
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.delivery.models import Batch, Delivery, DeliveryAttempt, DeliveryStatus, SkipReason
from newsletter.delivery.status import TRANSITIONS, WAITING

MAX_REPLY = 500


def move(
    session: Session,
    delivery_id: int,
    target: DeliveryStatus,
    *,
    now: datetime,
    reply: str | None = None,
    next_attempt_at: datetime | None = None,
    skip_reason: SkipReason | None = None,
    repeated: bool | None = None,
    attempts: int | None = None,
) -> bool:
    """Move one delivery to a state; False, and nothing changed, when it may not go there from where it is."""
    current = session.execute(
        select(Delivery.status, Delivery.batch_id).where(Delivery.id == delivery_id).with_for_update()
    ).first()
    if current is None or target not in TRANSITIONS[current.status]:
        return False
    values: dict[str, object] = {"status": target, "updated_at": now, "next_attempt_at": next_attempt_at}
    if reply is not None:
        values["reply"] = reply[:MAX_REPLY]
    for name, value in (("skip_reason", skip_reason), ("repeated", repeated), ("attempts", attempts)):
        if value is not None:
            values[name] = value
    session.execute(update(Delivery).where(Delivery.id == delivery_id).values(values))
    shift(session, current.batch_id, {current.status: -1, target: 1})
    return True


def shift(session: Session, batch_id: int, changes: dict[DeliveryStatus, int]) -> None:
    """Add to a batch's counts."""
    session.execute(
        update(Batch)
        .where(Batch.id == batch_id)
        .values({status.value: getattr(Batch, status.value) + by for status, by in changes.items() if by})
    )


def note_attempt(
    session: Session, delivery_id: int, *, outcome: str, reply_class: str, phase: str, reply: str, now: datetime
) -> None:
    """Keep what the relay said about an attempt that did not end well."""
    session.add(
        DeliveryAttempt(
            delivery_id=delivery_id,
            at=now,
            outcome=outcome,
            reply_class=reply_class,
            phase=phase,
            reply=reply[:MAX_REPLY],
        )
    )


def withdraw(
    session: Session, *, subscriber_id: int, newsletter_id: int | None, reason: SkipReason, now: datetime
) -> int:
    """Take a reader's waiting deliveries out of the queue, of one newsletter or of all; returns how many."""
    query = (
        select(Delivery.id)
        .join(Batch, Batch.id == Delivery.batch_id)
        .where(Delivery.subscriber_id == subscriber_id, Delivery.status.in_(WAITING))
    )
    if newsletter_id is not None:
        query = query.where(Batch.newsletter_id == newsletter_id)
    waiting = session.scalars(query).all()
    return sum(
        move(session, delivery_id, DeliveryStatus.SKIPPED, now=now, skip_reason=reason) for delivery_id in waiting
    )


def hold(session: Session, issue_id: int, *, held: bool) -> None:
    """Pause or resume an issue: held batches are not claimed, and a worker gives up one that is being held."""
    session.execute(update(Batch).where(Batch.issue_id == issue_id).values(held=held))


def cancel(session: Session, issue_id: int, *, now: datetime) -> int:
    """Leave out everything of an issue that still waits; returns how many. What is on its way keeps its outcome."""
    batch_ids = session.scalars(
        select(Batch.id).where(Batch.issue_id == issue_id, Batch.due_at.is_not(None)).with_for_update()
    ).all()
    total = sum(_skip_waiting(session, batch_id, now=now) for batch_id in batch_ids)
    # A message in hand may still be deferred, or its worker may die: neither brings it back into a cancelled issue.
    session.execute(
        update(Batch).where(Batch.issue_id == issue_id).values(held=False, resend_unknown=False, expires_at=now)
    )
    session.execute(update(Batch).where(Batch.issue_id == issue_id, Batch.sending == 0).values(due_at=None))
    return total


def expire(session: Session, batch_id: int, *, now: datetime) -> None:
    """Give up what still waits in a batch whose issue is out of date."""
    _end_waiting(session, batch_id, DeliveryStatus.FAILED, now=now, reply="too late: the issue has expired")


def _skip_waiting(session: Session, batch_id: int, *, now: datetime) -> int:
    return _end_waiting(session, batch_id, DeliveryStatus.SKIPPED, now=now, skip_reason=SkipReason.CANCELLED)


def _end_waiting(session: Session, batch_id: int, target: DeliveryStatus, *, now: datetime, **values: object) -> int:
    """Move all waiting deliveries of a batch to one end state."""
    waiting = select(Delivery.status).where(Delivery.batch_id == batch_id, Delivery.status.in_(WAITING))
    before = Counter(session.scalars(waiting.with_for_update()))
    if not before:
        return 0
    session.execute(
        update(Delivery)
        .where(Delivery.batch_id == batch_id, Delivery.status.in_(WAITING))
        .values(status=target, next_attempt_at=None, updated_at=now, **values)
    )
    shift(session, batch_id, {**{status: -count for status, count in before.items()}, target: before.total()})
    return before.total()
