"""Changing deliveries. Every change moves the batch's counts with it, so that the sums hold at every commit.

Whoever changes a delivery holds its batch first: one order for workers and for readers who leave, or each could wait
for what the other holds.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, insert, or_, select, update
from sqlalchemy.orm import Session

from newsletter.core.database import among
from newsletter.delivery import bulk
from newsletter.delivery.decide import Change
from newsletter.delivery.models import Batch, Delivery, DeliveryAttempt, DeliveryStatus, SkipReason
from newsletter.delivery.status import TRANSITIONS, WAITING
from newsletter.mail.transport import Outcome, OutcomeKind

MAX_REPLY = bulk.MAX_REPLY
CLOCKS = timedelta(minutes=1)  # how far the clocks of two machines may be apart
TOO_LATE = "too late: the issue has expired"


def lock_batches(session: Session, which: ColumnElement[bool]) -> None:
    """Hold these batches until the transaction ends, taken in the order in which everybody takes them.

    To be called before an UPDATE of several: that takes them in any order, and would meet a worker that holds one and
    waits for another.
    """
    session.execute(select(Batch.id).where(which).order_by(Batch.id).with_for_update())


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
    for name, value in (("skip_reason", skip_reason), ("repeated", repeated)):
        if value is not None:
            values[name] = value
    session.execute(update(Delivery).where(Delivery.id == delivery_id).values(values))
    bulk.shift(session, {batch_id: {current: -1, target: 1}})
    return True


def take(session: Session, deliveries: Mapping[int, tuple[int, DeliveryStatus]], *, now: datetime) -> set[int]:
    """Move waiting deliveries, by id with their batch and the status they were seen in, to `sending`; returns those
    that went. The others have been withdrawn meanwhile. The caller holds the batches.
    """
    if not deliveries:
        return set()
    gone = bulk.take(session, deliveries, now=now)
    shifts: dict[int, Counter[DeliveryStatus]] = {}
    for delivery_id in gone:
        batch_id, status = deliveries[delivery_id]
        counts = shifts.setdefault(batch_id, Counter())
        counts[status] -= 1
        counts[DeliveryStatus.SENDING] += 1
    bulk.shift(session, shifts)
    return gone


def skip(session: Session, reasons: Mapping[int, SkipReason], *, now: datetime) -> None:
    """Leave out waiting deliveries whose readers have left, by id with the reason; what may have been taken once is
    unknown.
    """
    if not reasons:
        return
    repeated = set(session.scalars(select(Delivery.id).where(Delivery.id.in_(reasons), Delivery.repeated)))
    for delivery_id, reason in reasons.items():
        if delivery_id in repeated:
            move(session, delivery_id, DeliveryStatus.UNKNOWN, now=now)
        else:
            move(session, delivery_id, DeliveryStatus.SKIPPED, now=now, skip_reason=reason)


def settle(
    session: Session,
    batches: Mapping[int, Sequence[Change]],
    *,
    now: datetime,
    relays: Mapping[int, int] | None = None,
) -> set[int]:
    """Write what became of deliveries in `sending`, by batch, in one statement; returns the ids that were.

    One that is not in `sending` any more has been settled by somebody else, and stays as it is. The caller holds the
    batches. `relays`: what each was handed over to.
    """
    everything = [change for changes in batches.values() for change in changes]
    settled = bulk.settle(session, everything, now=now, relays=relays)
    shifts: dict[int, Counter[DeliveryStatus]] = {}
    for batch_id, changes in batches.items():
        counts = shifts[batch_id] = Counter()
        for change in changes:
            if change.delivery_id in settled:
                counts[DeliveryStatus.SENDING] -= 1
                counts[change.target] += 1
    bulk.shift(session, shifts)
    return settled


def arrived(session: Session, delivery_id: int, *, reply: str, now: datetime) -> bool:
    """Say that a delivery was sent after all: its worker was taken for dead and knew better. Only of one that is
    unknown, or that waits to be repeated.
    """
    in_doubt = session.scalar(
        select(Delivery.id).where(
            Delivery.id == delivery_id,
            or_(Delivery.status == DeliveryStatus.UNKNOWN, Delivery.repeated & Delivery.status.in_(WAITING)),
        )
    )
    return in_doubt is not None and move(session, delivery_id, DeliveryStatus.SENT, now=now, reply=reply)


def note_attempts(session: Session, ended: Iterable[tuple[int, Outcome, int | None]], *, now: datetime) -> None:
    """Keep what relays said about attempts that did not end well: (delivery, outcome, relay where it is known)."""
    rows = [
        {
            "delivery_id": delivery_id,
            "at": now,
            "outcome": outcome.kind,
            "reply_class": outcome.reply_class,
            "phase": outcome.phase,
            "reply": outcome.detail[:MAX_REPLY],
            "relay_id": relay_id,
        }
        for delivery_id, outcome, relay_id in ended
        if outcome.kind is not OutcomeKind.SENT
    ]
    if rows:
        session.execute(insert(DeliveryAttempt), rows)


def withdraw(
    session: Session, *, subscriber_id: int, newsletter_id: int | None, reason: SkipReason, now: datetime
) -> int:
    """Take a reader's waiting deliveries out of the queue, of one newsletter or of all; returns how many."""
    return withdraw_all(session, [subscriber_id], newsletter_id=newsletter_id, reason=reason, now=now)


def withdraw_all(
    session: Session,
    subscriber_ids: Collection[int],
    *,
    newsletter_id: int | None,
    reason: SkipReason,
    now: datetime,
) -> int:
    """The same for many readers, in a handful of statements."""
    query = (
        select(Delivery.id, Delivery.batch_id, Delivery.status, Delivery.repeated)
        .join(Batch, Batch.id == Delivery.batch_id)
        .where(among(session, Delivery.subscriber_id, subscriber_ids), Delivery.status.in_(WAITING))
    )
    if newsletter_id is not None:
        query = query.where(Batch.newsletter_id == newsletter_id)
    batch_ids = {row.batch_id for row in session.execute(query)}
    if not batch_ids:
        return 0
    lock_batches(session, among(session, Batch.id, batch_ids))
    # Asked again: while we waited for a batch, its worker may have taken the reader's message in hand, and it has left.
    waiting = session.execute(query).all()
    ended: dict[str, object] = {"next_attempt_at": None, "updated_at": now}
    targets = (
        (True, DeliveryStatus.UNKNOWN, ended),
        (False, DeliveryStatus.SKIPPED, ended | {"skip_reason": reason}),
    )
    changes: dict[int, Counter[DeliveryStatus]] = {}
    for repeated, target, values in targets:
        rows = [row for row in waiting if row.repeated is repeated]
        for row in rows:
            counts = changes.setdefault(row.batch_id, Counter())
            counts[row.status] -= 1
            counts[target] += 1
        if rows:
            which = among(session, Delivery.id, [row.id for row in rows])
            session.execute(update(Delivery).where(which).values(status=target, **values))
    bulk.shift(session, changes)
    return len(waiting)


def hold(session: Session, issue_id: int, *, held: bool) -> None:
    """Pause or resume an issue: held batches are not claimed, and a worker gives up one that is being held."""
    lock_batches(session, Batch.issue_id == issue_id)
    session.execute(update(Batch).where(Batch.issue_id == issue_id).values(held=held))


def cancel(session: Session, issue_id: int, *, now: datetime) -> int:
    """Leave out everything of an issue that still waits; returns how many. What is on its way keeps its outcome."""
    lock_batches(session, Batch.issue_id == issue_id)
    open_batches = select(Batch.id).where(Batch.issue_id == issue_id, Batch.queued + Batch.deferred > 0)
    batch_ids = session.scalars(open_batches.order_by(Batch.id)).all()
    total = sum(_skip_waiting(session, batch_id, now=now) for batch_id in batch_ids)
    # A message in hand may still be deferred, or its worker may die: neither brings it back into a cancelled issue.
    over = {"cancelled": True, "held": False, "resend_unknown": False, "expires_at": now - CLOCKS}
    session.execute(update(Batch).where(Batch.issue_id == issue_id).values(over))
    session.execute(update(Batch).where(Batch.issue_id == issue_id, Batch.sending == 0).values(due_at=None))
    return total


def expire(session: Session, batch_id: int, *, now: datetime) -> None:
    """Give up what still waits in a batch whose issue is out of date, or was cancelled."""
    if session.scalar(select(Batch.cancelled).where(Batch.id == batch_id)):
        _skip_waiting(session, batch_id, now=now)
    else:
        _end_waiting(session, batch_id, DeliveryStatus.FAILED, now=now, reply=TOO_LATE)


def _skip_waiting(session: Session, batch_id: int, *, now: datetime) -> int:
    return _end_waiting(session, batch_id, DeliveryStatus.SKIPPED, now=now, skip_reason=SkipReason.CANCELLED)


def _end_waiting(session: Session, batch_id: int, target: DeliveryStatus, *, now: datetime, **values: object) -> int:
    """Move all waiting deliveries of a batch to one end state; returns how many.

    What may have been taken once can be said neither to have failed nor to have been left out: it is unknown.
    """
    lock_batches(session, Batch.id == batch_id)
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
    bulk.shift(session, {batch_id: changes})
    return len(before)
