"""Turning an audience into deliveries: a fixed number of set-based statements, however many readers there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, Subquery, bindparam, case, delete, func, insert, literal, select, update
from sqlalchemy.orm import Session

from newsletter.core import jobs
from newsletter.delivery.models import Batch, Delivery, DeliveryStatus

WAKES = 16  # jobs sent at once; each goes on claiming until nothing is due


@dataclass(frozen=True, slots=True)
class Cut:
    """How the readers of one slot become batches: deliveries in each, the wave of the batch at each position, and the
    moment before which none leaves.
    """

    slot: int
    batch_size: int
    waves: Sequence[int]
    not_before: datetime | None


def enqueue(
    session: Session,
    *,
    issue_id: int,
    newsletter_id: int,
    audience: Select[int, int, int, int],
    cuts: Sequence[Cut],
    by_variant: bool,
    resend_unknown: bool,
    expires_at: datetime,
    now: datetime,
) -> int:
    """Make the deliveries of an issue, cut into batches; returns how many.

    `audience` yields (subscriber_id, variant_id, rank, slot), each subscriber once, with a cut for each slot; batches
    are cut in the order of rank, or of variant and rank. Those of the first wave are due at once. All in the caller's
    transaction: a crash leaves nothing, and a second call for the same issue fails on the unique (subscriber, issue).
    """
    if not cuts:
        return 0
    _make_batches(session, issue_id, newsletter_id, cuts, resend_unknown, expires_at, now)
    readers = audience.subquery()
    order = [readers.c.variant_id, readers.c.rank] if by_variant else [readers.c.rank]
    slots = readers.c.slot if len(cuts) > 1 else None
    number = func.row_number().over(order_by=order, partition_by=slots) - 1
    numbered = select(readers.c.subscriber_id, readers.c.variant_id, readers.c.slot, number.label("number")).subquery()
    # Numbered by rank, and written so: what leaves first does not hang on how the database joins.
    rows = (
        select(
            literal(issue_id),
            Batch.id,
            numbered.c.variant_id,
            numbered.c.subscriber_id,
            literal(DeliveryStatus.QUEUED.value),
            literal(0),
            literal(False),
            bindparam("now", now, type_=Delivery.updated_at.type),
        )
        .join_from(numbered, Batch, (Batch.issue_id == issue_id) & (Batch.position == _position(numbered, cuts)))
        .order_by(numbered.c.number)
    )
    columns = ["issue_id", "batch_id", "variant_id", "subscriber_id", "status", "attempts", "repeated", "updated_at"]
    session.execute(insert(Delivery).from_select(columns, rows))
    counted = select(func.count()).where(Delivery.batch_id == Batch.id).correlate(Batch).scalar_subquery()
    session.execute(update(Batch).where(Batch.issue_id == issue_id).values(queued=counted))
    session.execute(delete(Batch).where(Batch.issue_id == issue_id, Batch.queued == 0))
    _wake(session, issue_id, min(WAKES, sum(wave == 1 for cut in cuts for wave in cut.waves)))
    return int(session.scalar(select(func.sum(Batch.queued)).where(Batch.issue_id == issue_id)) or 0)


def _make_batches(
    session: Session,
    issue_id: int,
    newsletter_id: int,
    cuts: Sequence[Cut],
    resend_unknown: bool,
    expires_at: datetime,
    now: datetime,
) -> None:
    planned = [(wave, cut.not_before) for cut in cuts for wave in cut.waves]
    opens = [max(now, not_before or now) if wave == 1 else None for wave, not_before in planned]
    session.execute(
        insert(Batch),
        [
            {
                "issue_id": issue_id,
                "newsletter_id": newsletter_id,
                "resend_unknown": resend_unknown,
                "expires_at": expires_at,
                "held": False,
                "position": position,
                "wave": wave,
                "not_before": not_before,
                "due_at": opens[position],
                "opened_at": opens[position],
            }
            for position, (wave, not_before) in enumerate(planned)
        ],
    )


def _position(numbered: Subquery, cuts: Sequence[Cut]) -> ColumnElement[int]:
    """SQL: the position of a reader's batch, from the number that the reader has in the slot."""
    number = numbered.c.number
    places: dict[int, ColumnElement[int]] = {}
    first = 0
    for cut in cuts:
        # Who is more than were counted is dealt out over all batches of the slot.
        planned = len(cut.waves) * cut.batch_size
        places[cut.slot] = first + case((number < planned, number // cut.batch_size), else_=number % len(cut.waves))
        first += len(cut.waves)
    if len(places) == 1:
        return next(iter(places.values()))
    return case(*((numbered.c.slot == slot, place) for slot, place in places.items()))


def open_waves(session: Session, issue_id: int, *, up_to: int, now: datetime) -> None:
    """Let the batches of these waves leave."""
    opens = case((Batch.not_before > now, Batch.not_before), else_=now)
    opened = session.execute(
        update(Batch)
        .where(Batch.issue_id == issue_id, Batch.wave <= up_to, Batch.queued > 0, Batch.due_at.is_(None))
        .values(due_at=opens, opened_at=opens)
        .returning(Batch.id)
        .execution_options(synchronize_session=False)
    ).all()
    _wake(session, issue_id, min(WAKES, len(opened)))


def _wake(session: Session, issue_id: int, workers: int) -> None:
    for turn in range(workers):
        jobs.wake(session, jobs.SEND_BATCHES, issue_id, turn)
