"""Who works on what: a batch is held by a lease, and a lease that runs out is taken over."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from newsletter.delivery.ledger import move
from newsletter.delivery.models import Batch, Delivery, DeliveryStatus

LEASE = timedelta(seconds=30)
HEARTBEAT = timedelta(seconds=8)


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch that `holder` may work on until `lease_until`; a heartbeat pushes that away."""

    batch_id: int
    issue_id: int
    newsletter_id: int
    resend_unknown: bool
    expires_at: datetime
    holder: str


def claim(session: Session, *, holder: str, now: datetime) -> Claim | None:
    """Take the batch that has been due longest and that nobody holds; None when there is none.

    What a dead worker left in `sending` is settled first: nobody knows whether its relay took it.
    """
    due = (
        select(Batch.id)
        .where(_is_due(now))
        .order_by(Batch.due_at, Batch.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    row = session.execute(
        update(Batch)
        .where(Batch.id == due)
        .values(lease_until=now + LEASE, lease_holder=holder)
        .returning(Batch.id, Batch.issue_id, Batch.newsletter_id, Batch.resend_unknown, Batch.expires_at)
    ).first()
    if row is None:
        return None
    taken = Claim(row.id, row.issue_id, row.newsletter_id, row.resend_unknown, row.expires_at, holder)
    settle_abandoned(session, taken, now=now)
    return taken


def settle_abandoned(session: Session, taken: Claim, *, now: datetime) -> None:
    """Decide about deliveries that a worker was sending when it died.

    With `resend_unknown` they are sent once more, with the same Message-ID, and marked as repeated; otherwise, and the
    second time, they are `unknown`, and said to be.
    """
    in_doubt = select(Delivery.id, Delivery.repeated).where(
        Delivery.batch_id == taken.batch_id, Delivery.status == DeliveryStatus.SENDING
    )
    for delivery_id, repeated in session.execute(in_doubt).all():
        again = taken.resend_unknown and not repeated
        move(
            session,
            delivery_id,
            DeliveryStatus.QUEUED if again else DeliveryStatus.UNKNOWN,
            now=now,
            reply="the worker stopped while it was sending",
            repeated=True,
        )


def renew(session: Session, taken: Claim, *, now: datetime) -> bool:
    """Keep the lease; False when it was lost, or when the batch is to be held: the worker must then stop."""
    kept = session.execute(
        update(Batch)
        .where(Batch.id == taken.batch_id, Batch.lease_holder == taken.holder)
        .values(lease_until=now + LEASE)
        .returning(Batch.held)
    ).first()
    return kept is not None and not kept.held


def release(session: Session, taken: Claim, *, due_at: datetime | None) -> None:
    """Give a batch back. `due_at`: when there is work in it again, None when it is done."""
    session.execute(
        update(Batch)
        .where(Batch.id == taken.batch_id, Batch.lease_holder == taken.holder)
        .values(lease_until=None, lease_holder=None, due_at=due_at)
    )


def next_due(session: Session, batch_id: int, *, now: datetime) -> datetime | None:
    """When a batch has to be looked at again, None when nothing in it is left to send."""
    waiting = session.execute(
        select(Delivery.status, Delivery.next_attempt_at)
        .where(Delivery.batch_id == batch_id, Delivery.status.in_([DeliveryStatus.QUEUED, DeliveryStatus.DEFERRED]))
        .order_by(Delivery.next_attempt_at.nulls_first())
        .limit(1)
    ).first()
    return None if waiting is None else (waiting.next_attempt_at or now)


def anything_due(session: Session, *, now: datetime) -> bool:
    """Whether `claim` would find a batch."""
    return session.scalar(select(Batch.id).where(_is_due(now)).limit(1)) is not None


def _is_due(now: datetime) -> ColumnElement[bool]:
    """SQL: there is work in the batch, it is not paused, and nobody holds it."""
    free = or_(Batch.lease_until.is_(None), Batch.lease_until < now)
    return and_(Batch.due_at <= now, Batch.held.is_(False), free)
