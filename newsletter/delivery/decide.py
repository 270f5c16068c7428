"""What an outcome means for a delivery: pure, from what the relay said to what the ledger will say."""

import random
from dataclasses import dataclass
from datetime import datetime

from newsletter.delivery import retry
from newsletter.delivery.models import DeliveryStatus, SkipReason
from newsletter.mail.replies import BEFORE_MESSAGE, ReplyClass
from newsletter.mail.transport import Outcome, OutcomeKind


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery in `sending`: how often it has been tried, this time included, and what its batch says of it."""

    delivery_id: int
    attempts: int
    repeated: bool
    resend_unknown: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """Where a delivery goes from `sending`. `uncharged`: the attempt does not count against it."""

    delivery_id: int
    target: DeliveryStatus
    reply: str | None = None
    next_attempt_at: datetime | None = None
    skip_reason: SkipReason | None = None
    repeated: bool = False
    uncharged: bool = False


def decide(taken: Taken, outcome: Outcome, *, now: datetime, rng: random.Random) -> Change:
    """What becomes of a delivery whose message ended so."""
    reply = outcome.detail
    if outcome.kind is OutcomeKind.SENT:
        return Change(taken.delivery_id, DeliveryStatus.SENT, reply)
    if is_about_relay(outcome):
        # The relay spoke of itself, not of this message: the reader is not charged with an attempt.
        return Change(taken.delivery_id, DeliveryStatus.QUEUED, reply, uncharged=True)
    if outcome.kind is OutcomeKind.AMBIGUOUS:
        return in_doubt(taken, reply=reply, next_attempt_at=now + retry.AFTER_UNKNOWN, now=now)
    if outcome.kind is OutcomeKind.DEFERRED or outcome.reply_class is ReplyClass.SENDER:
        steps = retry.LOST if outcome.reply is None else retry.BULK
        again = retry.next_attempt(steps, taken.attempts, now=now, rng=rng)
        if again < taken.expires_at:
            return Change(taken.delivery_id, DeliveryStatus.DEFERRED, reply, again)
        if now >= taken.expires_at:  # `ledger.expire` says whether it is out of date or was cancelled
            return Change(taken.delivery_id, DeliveryStatus.DEFERRED, reply, now)
        given_up = DeliveryStatus.UNKNOWN if taken.repeated else DeliveryStatus.FAILED
        return Change(taken.delivery_id, given_up, reply)
    return Change(taken.delivery_id, DeliveryStatus.FAILED, reply)


def in_doubt(taken: Taken, *, reply: str, next_attempt_at: datetime | None, now: datetime) -> Change:
    """The relay may have taken it, and nobody knows: sent again once if the issue says so, with the same Message-ID,
    and marked as repeated; otherwise, and the second time, left, and said to be unknown.
    """
    if not taken.resend_unknown or taken.repeated or now >= taken.expires_at:
        return Change(taken.delivery_id, DeliveryStatus.UNKNOWN, reply, repeated=True)
    target = DeliveryStatus.DEFERRED if next_attempt_at else DeliveryStatus.QUEUED
    return Change(taken.delivery_id, target, reply, next_attempt_at, repeated=True)


def not_begun(delivery_id: int) -> Change:
    """Nothing of it has left: as if nobody had taken it."""
    return Change(delivery_id, DeliveryStatus.QUEUED, uncharged=True)


def is_about_relay(outcome: Outcome) -> bool:
    """Whether an outcome is about the way out, so that trying the next message now would end the same."""
    if outcome.kind in (OutcomeKind.SENT, OutcomeKind.AMBIGUOUS):
        return False
    return outcome.reply_class is ReplyClass.LANE or outcome.phase in BEFORE_MESSAGE
