"""Reading the delivery ledger."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select
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


@dataclass(frozen=True, slots=True)
class Counts:
    """Deliveries by state; `hard`, `content` and `complained` are some of those that have been tried."""

    queued: int = 0
    sending: int = 0
    sent: int = 0
    deferred: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0
    hard: int = 0
    content: int = 0
    complained: int = 0

    @property
    def total(self) -> int:
        return self.not_tried + self.tried + self.skipped

    @property
    def not_tried(self) -> int:
        """Those of which nothing is known yet."""
        return self.queued + self.sending

    @property
    def tried(self) -> int:
        """Those that a server has answered to once at least."""
        return self.sent + self.deferred + self.failed + self.unknown

    @property
    def open(self) -> int:
        """Those that may still leave."""
        return self.queued + self.sending + self.deferred

    @property
    def through(self) -> int:
        """Those that have come to an end, but for those that were left out."""
        return self.sent + self.failed + self.unknown

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def by_wave(session: Session, issue_id: int) -> dict[int, Counts]:
    """How many deliveries of an issue are in each state, wave by wave: the sums of its batches, so some thousand rows
    for a million readers.
    """
    columns = [*(status.value for status in DeliveryStatus), "hard", "content", "complained"]
    sums = [func.sum(getattr(Batch, name)) for name in columns]
    rows = session.execute(select(Batch.wave, *sums).where(Batch.issue_id == issue_id).group_by(Batch.wave))
    return {wave: Counts(**{name: int(n) for name, n in zip(columns, row, strict=True)}) for wave, *row in rows}


def counts(session: Session, issue_id: int) -> Counts:
    """The same for the whole issue."""
    return sum(by_wave(session, issue_id).values(), Counts())


def work_left(session: Session, issue_id: int) -> bool:
    """Whether anything of an issue is queued, being sent or deferred."""
    open_counts = Batch.queued + Batch.sending + Batch.deferred
    return bool(session.scalar(select(Batch.id).where(Batch.issue_id == issue_id, open_counts > 0).limit(1)))


def page(
    session: Session,
    issue_id: int,
    *,
    status: DeliveryStatus | None,
    before: int | None,
    limit: int,
) -> list[DeliveryRow]:
    """Deliveries of an issue batch by batch, the last one first, after the delivery `before`.

    The batches' counts tell where deliveries in a state are, so that a few in a million are found without an index on
    what changes all the time.
    """
    cursor = None if before is None else session.scalar(select(Delivery.batch_id).where(Delivery.id == before))
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
        .order_by(Delivery.batch_id.desc(), Delivery.id.desc())
        .limit(limit)
    )
    if status is not None:
        query = query.where(Delivery.status == status)
    query = query.where(Delivery.batch_id.in_(_batches(session, issue_id, status, up_to=cursor, rows=limit)))
    if cursor is not None:
        query = query.where(or_(Delivery.batch_id < cursor, and_(Delivery.batch_id == cursor, Delivery.id < before)))
    return [DeliveryRow(*row) for row in session.execute(query)]


def _batches(
    session: Session, issue_id: int, status: DeliveryStatus | None, *, up_to: int | None, rows: int
) -> list[int]:
    """The last batches that hold so many deliveries in a state, below and beside `up_to`, which may be read to its end
    already.
    """
    names = [status.value] if status else [status.value for status in DeliveryStatus]
    found = sum((getattr(Batch, name) for name in names[1:]), start=getattr(Batch, names[0]))
    query = select(Batch.id, found).where(Batch.issue_id == issue_id, found > 0).order_by(Batch.id.desc())
    if up_to is not None:
        query = query.where(Batch.id <= up_to)
    ids: list[int] = []
    for batch_id, count in session.execute(query.limit(rows + 1)):
        ids.append(batch_id)
        rows -= count if batch_id != up_to else 0
        if rows <= 0:
            break
    return ids
