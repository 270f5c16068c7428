"""Reading the delivery ledger."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Batch, Delivery, DeliveryStatus, SkipReason


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    id: int
    subscriber_id: int
    status: DeliveryStatus
    updated_at: datetime
    attempts: int
    repeated: bool
    reply: str | None
    skip_reason: SkipReason | None
    next_attempt_at: datetime | None


def counts(session: Session, issue_id: int) -> dict[DeliveryStatus, int]:
    """How many deliveries of an issue are in each state: the sums of its batches, so some thousand rows for a million
    readers.
    """
    sums = [func.coalesce(func.sum(getattr(Batch, status.value)), 0) for status in DeliveryStatus]
    row = session.execute(select(*sums).where(Batch.issue_id == issue_id)).one()
    return dict(zip(DeliveryStatus, (int(value) for value in row), strict=True))


def work_left(session: Session, issue_id: int) -> bool:
    """Whether anything of an issue is queued, being sent or deferred."""
    open_counts = Batch.queued + Batch.sending + Batch.deferred
    return bool(session.scalar(select(Batch.id).where(Batch.issue_id == issue_id, open_counts > 0).limit(1)))


def page(
    session: Session,
    issue_id: int,
    *,
    status: DeliveryStatus | None,
    subscriber_ids: list[int] | None,
    before: int | None,
    limit: int,
) -> list[DeliveryRow]:
    """Deliveries of an issue, the highest id first, below `before`; `subscriber_ids` narrows it to these readers."""
    query = (
        select(
            Delivery.id,
            Delivery.subscriber_id,
            Delivery.status,
            Delivery.updated_at,
            Delivery.attempts,
            Delivery.repeated,
            Delivery.reply,
            Delivery.skip_reason,
            Delivery.next_attempt_at,
        )
        .where(Delivery.issue_id == issue_id)
        .order_by(Delivery.id.desc())
        .limit(limit)
    )
    if status is not None:
        query = query.where(Delivery.status == status)
    if subscriber_ids is not None:
        query = query.where(Delivery.subscriber_id.in_(subscriber_ids))
    if before is not None:
        query = query.where(Delivery.id < before)
    return [DeliveryRow(*row) for row in session.execute(query)]
