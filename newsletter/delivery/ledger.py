"""Changing deliveries. Every change moves the batch's counts with it, so that the sums hold at every commit.

Whoever changes a delivery holds its batch first: one order for workers and for readers who leave, or each could wait
for what the other holds.
"""

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
    of_delivery = select(Delivery.batch_id).where(Delivery.id == delivery_id).scalar_subquery()
    batch_id = session.scalar(select(Batch.id).where(Batch.id == of_delivery).with_for_update())
    current = session.scalar(select(Delivery.status).where(Delivery.id == delivery_id))
    if batch_id is None or current is None or target not in TRANSITIONS[current]:
        return False
    values: dict[str, object] = {"status": target, "updated_at": now, "next_attempt_at": next_attempt_at}
    if reply is not None:
        values["reply"] = reply[:MAX_REPLY]
    for name, value in (("skip_reason", skip_reason), ("repeated", repeated), ("attempts", attempts)):
        if value is not None:
            values[name] = value
    session.execute(update(Delivery).where(Delivery.id == delivery_id).values(values))
    shift(session, batch_id, {current: -1, target: 1})
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
        select(Delivery.id, Delivery.batch_id, Delivery.repeated)
        .join(Batch, Batch.id == Delivery.batch_id)
        .where(Delivery.subscriber_id == subscriber_id, Delivery.status.in_(WAITING))
    )
    if newsletter_id is not None:
        query = query.where(Batch.newsletter_id == newsletter_id)
    batch_ids = {row.batch_id for row in session.execute(query)}
    session.execute(select(Batch.id).where(Batch.id.in_(batch_ids)).order_by(Batch.id).with_for_update())
    # Asked again: while we waited for a batch, its worker may have taken the reader's message in hand, and it has left.
    waiting = session.execute(query).all()
    for row in waiting:
        target = DeliveryStatus.UNKNOWN if row.repeated else DeliveryStatus.SKIPPED
        move(session, row.id, target, now=now, skip_reason=None if row.repeated else reason)
    return len(waiting)


def hold(session: Session, issue_id: int, *, held: bool) -> None:
    """Pause or resume an issue: held batches are not claimed, and a worker gives up one that is being held."""
    session.execute(update(Batch).where(Batch.issue_id == issue_id).values(held=held))


def cancel(session: Session, issue_id: int, *, now: datetime) -> int:
    """Leave out everything of an issue that still waits; returns how many. What is on its way keeps its outcome."""
    batch_ids = session.scalars(
        select(Batch.id)
        .where(Batch.issue_id == issue_id, Batch.due_at.is_not(None))
        .order_by(Batch.id)
        .with_for_update()
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
    """Move all waiting deliveries of a batch to one end state; returns how many.

    What may have been taken once can be said neither to have failed nor to have been left out: it is unknown.
    """
    session.execute(select(Batch.id).where(Batch.id == batch_id).with_for_update())
    waiting = (Delivery.batch_id == batch_id, Delivery.status.in_(WAITING))
    before = session.execute(select(Delivery.status, Delivery.repeated).where(*waiting)).all()
    if not before:
        return 0
    ended: dict[str, object] = {"next_attempt_at": None, "updated_at": now}
    session.execute(update(Delivery).where(*waiting, Delivery.repeated).values(status=DeliveryStatus.UNKNOWN, **ended))
    session.execute(update(Delivery).where(*waiting).values(status=target, **ended, **values))
    changes: Counter[DeliveryStatus] = Counter()
    for status, repeated in before:
        changes[status] -= 1
        changes[DeliveryStatus.UNKNOWN if repeated else target] += 1
    shift(session, batch_id, changes)
    return len(before)
