"""What became of a message: from a reply, or the lack of one, to what it calls for."""

from dataclasses import dataclass
from enum import StrEnum

from newsletter.mail.replies import BEFORE_MESSAGE, Phase, Reply, ReplyClass, classify
from newsletter.mail.wire import ConnectionLost, Desync, Refused, SmtpError, TlsFailed

# A refusal of these kinds is about the way out or about us, so the message waits until that is mended, even after a
# 5yz.
_NOT_ABOUT_THE_MESSAGE = frozenset(
    {ReplyClass.TEMPORARY, ReplyClass.LANE, ReplyClass.TRANSACTION, ReplyClass.OURS, ReplyClass.DESYNC}
)


class OutcomeKind(StrEnum):
    """What became of a message."""

    SENT = "sent"
    """The next hop took it."""
    DEFERRED = "deferred"
    """It was not taken, surely; send it again later."""
    REJECTED = "rejected"
    """It will never be taken."""
    AMBIGUOUS = "ambiguous"
    """The connection died between the final dot and its reply: it may have been taken."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message, with the server's reply where there was one, and what it calls for (`reply_class`).

    `detail` is one line for people; `phase` is where it was decided.
    """

    kind: OutcomeKind
    reply: Reply | None
    phase: Phase
    reply_class: ReplyClass
    detail: str


def accepted(reply: Reply) -> Outcome:
    """The outcome of a message that was taken with this reply."""
    return Outcome(OutcomeKind.SENT, reply, Phase.DOT, ReplyClass.ACCEPTED, str(reply))


def failed(error: SmtpError) -> Outcome:
    """The outcome of a message that came to this end."""
    if isinstance(error, Refused):
        reply_class = classify(error.reply, error.phase)
        kind = _kind(error.reply, reply_class, error.phase)
        return Outcome(kind, error.reply, error.phase, reply_class, str(error))
    if isinstance(error, ConnectionLost) and error.ambiguous:
        return Outcome(OutcomeKind.AMBIGUOUS, None, error.phase, ReplyClass.TEMPORARY, str(error))
    if isinstance(error, TlsFailed):
        reply_class = ReplyClass.SENDER
    elif isinstance(error, Desync):
        reply_class = ReplyClass.DESYNC
    else:
        reply_class = ReplyClass.LANE if error.phase in BEFORE_MESSAGE else ReplyClass.TEMPORARY
    return Outcome(OutcomeKind.DEFERRED, None, error.phase, reply_class, str(error))


def _kind(reply: Reply, reply_class: ReplyClass, phase: Phase) -> OutcomeKind:
    """Rejected only by a 5yz about this message or its recipient; a refusal of our own self can be mended and waits."""
    about_us = reply_class is ReplyClass.SENDER and (phase in BEFORE_MESSAGE or phase is Phase.MAIL)
    if reply.digit != 5 or about_us or reply.code in (530, 535) or reply_class in _NOT_ABOUT_THE_MESSAGE:
        return OutcomeKind.DEFERRED
    return OutcomeKind.REJECTED
