"""Turning an audience into deliveries: a fixed number of set-based statements, however many readers there are."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, bindparam, case, delete, func, insert, literal, select, update
from sqlalchemy.orm import Session

from newsletter.core import jobs
from newsletter.delivery.models import Batch, Delivery, DeliveryStatus

WAKES = 16  # jobs sent at once; each goes on claiming until nothing is due


def enqueue(
    session: Session,
    *,
    issue_id: int,
    newsletter_id: int,
    audience: Select[int, int, int],
    batch_size: int,
    waves: Sequence[int],
    resend_unknown: bool,
    expires_at: datetime,
    now: datetime,
) -> int:
    """Make the deliveries of an issue, cut into batches; returns how many.

    `audience` yields (subscriber_id, variant_id, rank), each subscriber once; batches are cut in the order of rank,
    which an index had better yield. `waves` has the wave of each batch; those of the first are due at once. All in the
    caller's transaction: a crash leaves nothing, and a second call for the same issue fails on the unique (subscriber,
    issue).
    """
    waves = waves or (1,)
    shared: dict[str, object] = {
        "issue_id": issue_id,
        "newsletter_id": newsletter_id,
        "resend_unknown": resend_unknown,
        "expires_at": expires_at,
        "held": False,
    }
    session.execute(
        insert(Batch),
        [
            {**shared, "position": position, "wave": wave, "due_at": now if wave == 1 else None}
            for position, wave in enumerate(waves)
        ],
    )
    readers = audience.subquery()
    number = func.row_number().over(order_by=readers.c.rank) - 1
    # The audience was counted by an earlier statement: who has confirmed since then is dealt out over all batches.
    planned = len(waves) * batch_size
    position = case((number < planned, number // batch_size), else_=number % len(waves))
    numbered = select(readers.c.subscriber_id, readers.c.variant_id, position.label("position")).subquery()
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
    _wake(session, issue_id, min(WAKES, sum(wave == 1 for wave in waves)))
    return int(session.scalar(select(func.sum(Batch.queued)).where(Batch.issue_id == issue_id)) or 0)


def open_waves(session: Session, issue_id: int, *, up_to: int, now: datetime) -> None:
    """Let the batches of these waves leave."""
    opened = session.execute(
        update(Batch)
        .where(Batch.issue_id == issue_id, Batch.wave <= up_to, Batch.queued > 0, Batch.due_at.is_(None))
        .values(due_at=now)
        .returning(Batch.id)
        .execution_options(synchronize_session=False)
    ).all()
    _wake(session, issue_id, min(WAKES, len(opened)))


def _wake(session: Session, issue_id: int, workers: int) -> None:
    for turn in range(workers):
        jobs.wake(session, jobs.SEND_BATCHES, issue_id, turn)
