"""Turning an audience into deliveries: a fixed number of set-based statements, however many readers there are."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Select, bindparam, delete, func, insert, literal, select, update
from sqlalchemy.orm import Session

from newsletter.core import jobs
from newsletter.delivery.models import Batch, Delivery, DeliveryStatus

BATCH_SIZE = 500
WAKES = 16  # jobs sent at once; each goes on claiming until nothing is due


def enqueue(
    session: Session,
    *,
    issue_id: int,
    newsletter_id: int,
    audience: Select[int, int],
    resend_unknown: bool,
    expires_at: datetime,
    now: datetime,
    batch_size: int = BATCH_SIZE,
) -> int:
    """Make the deliveries of an issue, cut into batches; returns how many.

    `audience` yields (subscriber_id, variant_id), each subscriber once. All in the caller's transaction: a crash leaves
    nothing, and a second call for the same issue fails on the unique (subscriber, issue).
    """
    readers = audience.subquery()
    size = session.scalar(select(func.count()).select_from(readers)) or 0
    shared: Mapping[str, object] = {
        "issue_id": issue_id,
        "newsletter_id": newsletter_id,
        "resend_unknown": resend_unknown,
        "expires_at": expires_at,
        "held": False,
        "due_at": now,
    }
    # One more than counted: somebody may confirm between the two statements.
    positions = range(size // batch_size + 2)
    session.execute(insert(Batch), [{**shared, "position": position} for position in positions])
    numbered = select(
        readers.c.subscriber_id,
        readers.c.variant_id,
        ((func.row_number().over(order_by=readers.c.subscriber_id) - 1) // batch_size).label("position"),
    ).subquery()
    rows = select(
        literal(issue_id),
        Batch.id,
        numbered.c.variant_id,
        numbered.c.subscriber_id,
        literal(DeliveryStatus.QUEUED.value),
        literal(0),
        literal(False),
        bindparam("now", now, type_=Delivery.updated_at.type),
    ).join_from(numbered, Batch, (Batch.issue_id == issue_id) & (Batch.position == numbered.c.position))
    columns = ["issue_id", "batch_id", "variant_id", "subscriber_id", "status", "attempts", "repeated", "updated_at"]
    session.execute(insert(Delivery).from_select(columns, rows))
    counted = select(func.count()).where(Delivery.batch_id == Batch.id).correlate(Batch).scalar_subquery()
    session.execute(update(Batch).where(Batch.issue_id == issue_id).values(queued=counted))
    session.execute(delete(Batch).where(Batch.issue_id == issue_id, Batch.queued == 0))
    for turn in range(min(WAKES, len(positions))):
        jobs.wake(session, jobs.SEND_BATCHES, issue_id, turn)
    return session.scalar(select(func.coalesce(func.sum(Batch.queued), 0)).where(Batch.issue_id == issue_id)) or 0
