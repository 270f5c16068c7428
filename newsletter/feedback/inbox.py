"""What comes in is written down as it is before anybody hears that it was taken; reading it comes later."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from newsletter.core import jobs
from newsletter.core.database import among, held, insert_into
from newsletter.feedback.models import FeedbackReport, InboundMail
from newsletter.mail import mime

KEPT = timedelta(days=30)
REPORTS_KEPT = timedelta(days=400)
LEASE = timedelta(minutes=5)
MOST_DROPPED = 2000
WEBHOOK = "webhook:"
MOST_ADDRESS = 320


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message or a webhook's body, as it came. `data` is cut where nobody reads on; `size` is what it was.

    `sameness`: what makes a second one the same, where that is not the whole.
    """

    source: str
    data: bytes
    envelope_sender: str = ""
    envelope_recipient: str = ""
    size: int = 0
    sameness: bytes = b""

    @property
    def digest(self) -> str:
        """SHA-256 of what makes it the same one: a message, and to whom it came."""
        kind = b"webhook" if self.source.startswith(WEBHOOK) else b"mail"
        recipient = self.envelope_recipient.lower().encode("utf-8", "surrogateescape")
        return hashlib.sha256(b"\0".join((kind, recipient, self.sameness or self.data))).hexdigest()


def store(session: Session, incoming: Sequence[Incoming], *, now: datetime, wake: bool = True) -> list[int]:
    """Write down what has come, and wake who reads it unless the caller does; returns the numbers of what is new."""
    if not incoming:
        return []
    rows = {item.digest: _row(item, now) for item in incoming}
    numbers = session.scalars(
        insert_into(session, InboundMail)
        .values([rows[digest] for digest in sorted(rows)])
        .on_conflict_do_nothing()
        .returning(InboundMail.id)
    ).all()
    if numbers and wake:
        jobs.wake(session, jobs.READ_INBOUND)
    return list(numbers)


def known(session: Session, item: Incoming) -> int | None:
    """The number under which a message was stored before; None for a new one."""
    return session.scalar(select(InboundMail.id).where(InboundMail.digest == item.digest))


def claim(session: Session, *, most: int, now: datetime) -> list[int]:
    """Take what waits to be read, the oldest first; the numbers are the caller's until the lease ends."""
    free = or_(InboundMail.lease_until.is_(None), InboundMail.lease_until < now)
    waiting = (
        select(InboundMail.id)
        .where(InboundMail.read_at.is_(None), free)
        .order_by(InboundMail.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    numbers = held(session, waiting)
    session.execute(
        update(InboundMail)
        .where(among(session, InboundMail.id, numbers))
        .values(lease_until=now + LEASE)
        .execution_options(synchronize_session=False)
    )
    return numbers


def anything_waits(session: Session, *, now: datetime) -> bool:
    """Whether there is something to read that nobody is at."""
    free = or_(InboundMail.lease_until.is_(None), InboundMail.lease_until < now)
    return session.scalar(select(InboundMail.id).where(InboundMail.read_at.is_(None), free).limit(1)) is not None


def forget(session: Session, *, now: datetime) -> int:
    """Drop what is old: the messages after a month, what was read in them after a year. A bounded number at a time."""
    old = select(InboundMail.id).where(InboundMail.received_at < now - KEPT, InboundMail.read_at.is_not(None))
    dropped = session.scalars(
        delete(InboundMail)
        .where(InboundMail.id.in_(old.order_by(InboundMail.received_at).limit(MOST_DROPPED).scalar_subquery()))
        .returning(InboundMail.id)
        .execution_options(synchronize_session=False)
    ).all()
    ancient = select(FeedbackReport.id).where(FeedbackReport.received_at < now - REPORTS_KEPT)
    session.execute(
        delete(FeedbackReport)
        .where(
            FeedbackReport.id.in_(ancient.order_by(FeedbackReport.received_at).limit(MOST_DROPPED).scalar_subquery())
        )
        .execution_options(synchronize_session=False)
    )
    return len(dropped)


def _row(item: Incoming, now: datetime) -> dict[str, object]:
    return {
        "source": item.source[:80],
        "digest": item.digest,
        "envelope_sender": _text(item.envelope_sender),
        "envelope_recipient": _text(item.envelope_recipient),
        "size": item.size or len(item.data),
        "data": item.data if item.source.startswith(WEBHOOK) else item.data[: mime.MOST_BYTES],
        "received_at": now,
    }


def _text(address: str) -> str:
    """An address that both databases can keep: what came over the wire may be no text."""
    return address.encode("utf-8", "replace").decode().replace("\0", "")[:MOST_ADDRESS]
