"""Who works on what: a batch is held by a lease, and a lease that runs out is taken over.

A lease bears the name of its worker's journal. On the machine of that journal a worker that is gone is known to be
gone, and its batches are taken over at once; elsewhere they wait until the lease has run out, and a while longer where
something was in hand, since only that machine can tell what had left.
"""

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true, update
from sqlalchemy.orm import Session

from newsletter.core.database import among
from newsletter.delivery import journal, ledger
from newsletter.delivery.decide import Change, Taken, decide, in_doubt, not_begun
from newsletter.delivery.journal import Workers
from newsletter.delivery.models import Batch, Delivery, DeliveryStatus

LEASE = timedelta(seconds=30)
GRACE = timedelta(minutes=2)  # for a journal to come back, with its machine
LIVING_GRACE = timedelta(minutes=10)  # for a worker of this machine that lives and does not answer

STOPPED = "the worker stopped while it was sending"


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch that a worker may work on; `abandoned_by` held it before and had deliveries in hand."""

    batch_id: int
    issue_id: int
    newsletter_id: int
    resend_unknown: bool
    expires_at: datetime
    opened_at: datetime | None = None
    abandoned_by: str | None = None


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a batch says of itself when its lease is renewed."""

    held: bool
    expires_at: datetime
    resend_unknown: bool


@dataclass(slots=True)
class Row:
    """A delivery that is due, as it was when its batch was claimed."""

    delivery_id: int
    subscriber_id: int
    variant_id: int
    status: DeliveryStatus
    attempts: int
    repeated: bool


def claim(
    session: Session,
    *,
    holder: str,
    now: datetime,
    most: int = 1,
    lease: timedelta = LEASE,
    workers: Workers | None = None,
) -> list[Claim]:
    """Take the batches that have been due longest and that nobody holds, `most` at most.

    What their former worker left in `sending` is the caller's to settle, by `settle_abandoned`, in the same
    transaction.
    """
    found = session.execute(
        select(
            Batch.id,
            Batch.issue_id,
            Batch.newsletter_id,
            Batch.resend_unknown,
            Batch.expires_at,
            Batch.opened_at,
            Batch.lease_holder,
            Batch.sending,
        )
        .where(_is_due(now, workers or Workers()))
        .order_by(Batch.due_at, Batch.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()
    if found:
        session.execute(
            update(Batch)
            .where(among(session, Batch.id, [row.id for row in found]))
            .values(lease_until=now + lease, lease_holder=holder)
            .execution_options(synchronize_session=False)
        )
    return [
        Claim(
            row.id,
            row.issue_id,
            row.newsletter_id,
            row.resend_unknown,
            row.expires_at,
            row.opened_at,
            abandoned_by=row.lease_holder if row.sending else None,
        )
        for row in found
    ]


def settle_abandoned(
    session: Session,
    taken: Claim,
    entries: Mapping[int, journal.Entry] | None,
    *,
    now: datetime,
    rng: random.Random,
) -> None:
    """Decide about deliveries that a worker was sending when it died.

    `entries` is its journal, None when it cannot be read: then every one of them may have been taken by the relay.
    """
    rows = session.execute(
        select(Delivery.id, Delivery.attempts, Delivery.repeated).where(
            Delivery.batch_id == taken.batch_id, Delivery.status == DeliveryStatus.SENDING
        )
    ).all()
    changes: list[Change] = []
    for delivery_id, attempts, repeated in rows:
        was = Taken(delivery_id, attempts, repeated, taken.resend_unknown, taken.expires_at)
        entry = None if entries is None else entries.get(delivery_id, journal.Entry(journal.Step.TAKEN))
        if entry is None or entry.step is journal.Step.LEAVING:
            changes.append(in_doubt(was, reply=STOPPED, next_attempt_at=None, now=now))
        elif entry.outcome is None:
            changes.append(not_begun(delivery_id))
        else:
            changes.append(decide(was, entry.outcome, now=now, rng=rng))
    ledger.settle(session, {taken.batch_id: changes}, now=now)
    if entries is not None:
        ended = ((row.id, entries[row.id].outcome) for row in rows if row.id in entries)
        ledger.note_attempts(session, ((id_, outcome, None) for id_, outcome in ended if outcome), now=now)


def due_rows(session: Session, batch_ids: Collection[int], *, now: datetime) -> dict[int, list[Row]]:
    """What is due in batches that the caller holds, by batch, in the order in which it is to leave."""
    query = (
        select(
            Delivery.batch_id,
            Delivery.id,
            Delivery.subscriber_id,
            Delivery.variant_id,
            Delivery.status,
            Delivery.attempts,
            Delivery.repeated,
        )
        .where(
            among(session, Delivery.batch_id, batch_ids),
            or_(
                Delivery.status == DeliveryStatus.QUEUED,
                and_(Delivery.status == DeliveryStatus.DEFERRED, Delivery.next_attempt_at <= now),
            ),
        )
        .order_by(Delivery.id)
    )
    found: dict[int, list[Row]] = {batch_id: [] for batch_id in batch_ids}
    for batch_id, delivery_id, subscriber_id, variant_id, status, attempts, repeated in session.execute(query):
        found[batch_id].append(Row(delivery_id, subscriber_id, variant_id, status, attempts, repeated))
    return found


def renew(
    session: Session, batch_ids: Collection[int], *, holder: str, now: datetime, lease: timedelta = LEASE
) -> dict[int, Renewed]:
    """Keep the leases of these batches, and hold their rows until the commit; those that are missing were lost."""
    ledger.lock_batches(session, among(session, Batch.id, batch_ids))
    rows = session.execute(
        update(Batch)
        .where(among(session, Batch.id, batch_ids), Batch.lease_holder == holder)
        .values(lease_until=now + lease)
        .returning(Batch.id, Batch.held, Batch.expires_at, Batch.resend_unknown)
    )
    return {row.id: Renewed(row.held, row.expires_at, row.resend_unknown) for row in rows}


def release(session: Session, batches: Mapping[int, datetime | None], *, holder: str, now: datetime) -> None:
    """Give batches back, each with the moment before which there is no use in looking at it, or None.

    A batch is due again when the first of its deliveries is, and never when nothing in it is left to send.
    """
    waits: dict[int, datetime | None] = dict(
        session.execute(
            select(Delivery.batch_id, func.min(func.coalesce(Delivery.next_attempt_at, now)))
            .where(
                among(session, Delivery.batch_id, batches),
                Delivery.status.in_([DeliveryStatus.QUEUED, DeliveryStatus.DEFERRED]),
            )
            .group_by(Delivery.batch_id)
        ).all()
    )
    for batch_id, not_before in batches.items():
        due_at = waits.get(batch_id)
        if due_at is not None and not_before is not None:
            due_at = max(due_at, not_before)
        waits[batch_id] = due_at
    for due_at in set(waits.values()):
        session.execute(
            update(Batch)
            .where(
                among(session, Batch.id, [batch_id for batch_id in batches if waits[batch_id] == due_at]),
                Batch.lease_holder == holder,
            )
            .values(lease_until=None, lease_holder=None, due_at=due_at)
            .execution_options(synchronize_session=False)
        )


def anything_due(session: Session, *, now: datetime, workers: Workers | None = None) -> bool:
    """Whether `claim` would find a batch."""
    return session.scalar(select(Batch.id).where(_is_due(now, workers or Workers())).limit(1)) is not None


def holders(session: Session) -> set[str]:
    """The names of all leases."""
    query = select(Batch.lease_holder).where(Batch.due_at.is_not(None), Batch.lease_holder.is_not(None)).distinct()
    return {name for name in session.scalars(query) if name}


def _is_due(now: datetime, workers: Workers) -> ColumnElement[bool]:
    """SQL: there is work in the batch, it is not paused, and nobody holds it."""
    gone = Batch.lease_holder.in_(workers.gone) if workers.gone else false()
    silent = Batch.lease_holder.not_in(workers.alive) if workers.alive else true()
    free = or_(
        Batch.lease_until.is_(None),
        gone,
        and_(Batch.lease_until < now, Batch.sending == 0, silent),
        and_(Batch.lease_until < now - GRACE, silent),
        Batch.lease_until < now - LIVING_GRACE,
        # No lease is that long: somebody's clock was ahead.
        Batch.lease_until > now + LIVING_GRACE,
    )
    return and_(Batch.due_at <= now, Batch.held.is_(False), free)
