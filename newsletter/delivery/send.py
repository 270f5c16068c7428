"""Sending a batch: claim, commit, send, record. One message is in hand at a time.

Each message costs one transaction, which writes down what became of the last one and takes the next. A process killed
at any moment so leaves at most one delivery in `sending`, and the next worker settles it.
"""

import logging
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from newsletter.core.database import Database
from newsletter.delivery import claim, ledger, retry
from newsletter.delivery.models import Delivery, DeliveryStatus, SkipReason
from newsletter.delivery.personalise import Content, Recipient, write_message
from newsletter.mail.replies import BEFORE_MESSAGE, ReplyClass
from newsletter.mail.transport import Envelope, Outcome, OutcomeKind

log = logging.getLogger(__name__)


class Contents(Protocol):
    """Where the engine gets what a variant's messages share."""

    def content(self, session: Session, variant_id: int) -> Content: ...


class Recipients(Protocol):
    """Where the engine looks a reader up, at the moment of sending."""

    def find(
        self, session: Session, subscriber_id: int, *, newsletter_id: int, issue_id: int
    ) -> Recipient | SkipReason: ...


class Mailer(Protocol):
    """What hands a message to a relay."""

    def send(self, envelope: Envelope, message: bytes) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Worker:
    """What one sending process works with. `stopping` is asked before each message."""

    database: Database
    contents: Contents
    recipients: Recipients
    mailer: Mailer
    secret: bytes
    holder: str
    clock: Callable[[], datetime]
    rng: random.Random
    stopping: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class InHand:
    """A delivery in `sending`, ready to leave."""

    delivery_id: int
    attempts: int
    repeated: bool
    envelope: Envelope
    message: bytes


def send_next_batch(worker: Worker) -> int | None:
    """Claim the batch that is due and send what is due in it; returns its issue, None when nothing is due."""
    with worker.database.unit() as session:
        taken = claim.claim(session, holder=worker.holder, now=worker.clock())
    if taken is None:
        return None
    with _heartbeat(worker, taken) as lost:
        _send(worker, taken, lost)
    return taken.issue_id


def _send(worker: Worker, taken: claim.Claim, lost: threading.Event) -> None:
    in_hand: InHand | None = None
    outcome: Outcome | None = None
    while True:
        with worker.database.unit() as session:
            now = worker.clock()
            if in_hand is not None and outcome is not None:
                record(session, in_hand, outcome, taken, now=now, rng=worker.rng)
            relay_down = outcome is not None and is_about_relay(outcome)
            may_go_on = claim.renew(session, taken, now=now) and not lost.is_set()
            in_hand = None
            if may_go_on and not relay_down and not worker.stopping():
                in_hand = _take(session, worker, taken, now=now)
            if in_hand is None:
                due_at = claim.next_due(session, taken.batch_id, now=now)
                if relay_down and due_at is not None:
                    due_at = max(due_at, retry.next_attempt(retry.RELAY_DOWN, 2, now=now, rng=worker.rng))
                claim.release(session, taken, due_at=due_at)
                return
        outcome = worker.mailer.send(in_hand.envelope, in_hand.message)


def _take(session: Session, worker: Worker, taken: claim.Claim, *, now: datetime) -> InHand | None:
    """Move the next delivery that is due to `sending` and write its message; readers who have left are skipped on the
    way.
    """
    if now >= taken.expires_at:
        ledger.expire(session, taken.batch_id, now=now)
        return None
    due = (
        select(Delivery.id, Delivery.subscriber_id, Delivery.variant_id, Delivery.attempts, Delivery.repeated)
        .where(
            Delivery.batch_id == taken.batch_id,
            or_(
                Delivery.status == DeliveryStatus.QUEUED,
                and_(Delivery.status == DeliveryStatus.DEFERRED, Delivery.next_attempt_at <= now),
            ),
        )
        .order_by(Delivery.id)
        .limit(1)
    )
    while (row := session.execute(due).first()) is not None:
        reader = worker.recipients.find(
            session, row.subscriber_id, newsletter_id=taken.newsletter_id, issue_id=taken.issue_id
        )
        if isinstance(reader, SkipReason):
            ledger.move(session, row.id, DeliveryStatus.SKIPPED, now=now, skip_reason=reader)
            continue
        attempts = row.attempts + 1
        if not ledger.move(session, row.id, DeliveryStatus.SENDING, now=now, attempts=attempts):
            continue
        try:
            content = worker.contents.content(session, row.variant_id)
            envelope, message = write_message(content, reader, delivery_id=row.id, secret=worker.secret)
        except ValueError as error:
            # One reader's data that cannot be written must not hold up the others.
            log.exception("delivery %d cannot be written", row.id)
            ledger.move(session, row.id, DeliveryStatus.FAILED, now=now, reply=f"message not written: {error}")
            continue
        return InHand(row.id, attempts, row.repeated, envelope, message)
    return None


def record(
    session: Session, in_hand: InHand, outcome: Outcome, taken: claim.Claim, *, now: datetime, rng: random.Random
) -> None:
    """Write down what became of a message in hand."""
    reply = outcome.detail
    if outcome.kind is OutcomeKind.SENT:
        ledger.move(session, in_hand.delivery_id, DeliveryStatus.SENT, now=now, reply=reply)
        return
    ledger.note_attempt(
        session,
        in_hand.delivery_id,
        outcome=outcome.kind,
        reply_class=outcome.reply_class,
        phase=outcome.phase,
        reply=reply,
        now=now,
    )
    if is_about_relay(outcome):
        # The relay spoke of itself, not of this message: the reader is not charged with an attempt.
        ledger.move(
            session,
            in_hand.delivery_id,
            DeliveryStatus.QUEUED,
            now=now,
            reply=reply,
            attempts=in_hand.attempts - 1,
        )
    elif outcome.kind is OutcomeKind.AMBIGUOUS:
        _record_ambiguous(session, in_hand, taken, reply=reply, now=now)
    elif outcome.kind is OutcomeKind.DEFERRED or outcome.reply_class is ReplyClass.SENDER:
        steps = retry.LOST if outcome.reply is None else retry.BULK
        again = retry.next_attempt(steps, in_hand.attempts, now=now, rng=rng)
        late = again >= taken.expires_at
        given_up = DeliveryStatus.UNKNOWN if in_hand.repeated else DeliveryStatus.FAILED
        ledger.move(
            session,
            in_hand.delivery_id,
            given_up if late else DeliveryStatus.DEFERRED,
            now=now,
            reply=reply,
            next_attempt_at=None if late else again,
        )
    else:
        ledger.move(session, in_hand.delivery_id, DeliveryStatus.FAILED, now=now, reply=reply)


def is_about_relay(outcome: Outcome) -> bool:
    """Whether an outcome is about the way out, so that trying the next message now would end the same."""
    if outcome.kind in (OutcomeKind.SENT, OutcomeKind.AMBIGUOUS):
        return False
    return outcome.reply_class is ReplyClass.LANE or outcome.phase in BEFORE_MESSAGE


def _record_ambiguous(session: Session, in_hand: InHand, taken: claim.Claim, *, reply: str, now: datetime) -> None:
    """The connection died after the final dot: sent again once if the issue says so, else left and said to be
    unknown.
    """
    again = taken.resend_unknown and not in_hand.repeated and now < taken.expires_at
    ledger.move(
        session,
        in_hand.delivery_id,
        DeliveryStatus.DEFERRED if again else DeliveryStatus.UNKNOWN,
        now=now,
        reply=reply,
        next_attempt_at=now + retry.AFTER_UNKNOWN if again else None,
        repeated=True,
    )


@contextmanager
def _heartbeat(worker: Worker, taken: claim.Claim) -> Iterator[threading.Event]:
    """Keep the lease while a slow relay keeps a message waiting; sets the event when the lease was lost or the issue
    held.
    """
    lost, done = threading.Event(), threading.Event()

    def beat() -> None:
        while not done.wait(claim.HEARTBEAT.total_seconds()):
            try:
                with worker.database.unit() as session:
                    if not claim.renew(session, taken, now=worker.clock()):
                        lost.set()
            except Exception:
                log.exception("the lease of batch %d could not be renewed", taken.batch_id)

    thread = threading.Thread(target=beat, name=f"lease-{taken.batch_id}", daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        done.set()
        thread.join()
