"""What a message that came back says: one reader for delivery status notifications, complaints in ARF, bounces in free
text, automatic answers and wishes to leave.

Nothing here believes anything: what is read counts only after a token of ours in it has been found to be valid.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from newsletter.mail import answers, arf, dsn, freetext, mime, returned, verdict
from newsletter.mail.arf import FeedbackReport
from newsletter.mail.dsn import DeliveryStatus, RecipientStatus
from newsletter.mail.evidence import MAX_REASON, Evidence, Kind
from newsletter.mail.mime import Received
from newsletter.mail.replies import ReplyClass
from newsletter.mail.returned import Bounced

_COMPLAINTS = frozenset(
    {"abuse", "fraud", "virus", "other", "opt-out", "opt-out-list", "miscategorized", "unsubscribe", "dkim"}
)
_TO = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc", "x-delivered-to", "resent-to")
_ANSWERED = ("in-reply-to", "references")
_RETURNED = (
    "message-id",
    "return-path",
    "list-unsubscribe",
    "x-envelope-from",
    "envelope-from",
    "errors-to",
    "sender",
    "in-reply-to",
    "references",
)
_TOKENS = re.compile(
    r"[a-z]{1,5}\+[0-9a-f]{40}@[\w.-]{1,255}|<[\w.+-]{1,120}@[\w.-]{1,255}>|https?://[^\s<>\"']{1,400}/u/[\w-]{20,80}",
    re.IGNORECASE,
)
_ACTIONS = {"delivered": Kind.DELIVERED, "relayed": Kind.DELIVERED, "expanded": Kind.DELIVERED, "delayed": Kind.DELAYED}


@dataclass(frozen=True, slots=True)
class Report:
    """A message as read. `evidence` has one entry for each recipient that it speaks of, and one at least."""

    message: Received
    kind: Kind
    evidence: tuple[Evidence, ...]


def read_report(raw: bytes, *, envelope_recipient: str = "") -> Report:
    """Read whatever came back. `envelope_recipient` is to whom it came, where that is known: it may hold our token.

    Never raises; what is not understood is OTHER.
    """
    message = mime.read(raw)
    bounced = returned.take_apart(message)
    evidence = tuple(_read(message, bounced, envelope_recipient))
    return Report(message, evidence[0].kind, evidence)


def _read(message: Received, bounced: Bounced, envelope_recipient: str) -> list[Evidence]:
    proofs = (*([envelope_recipient] if envelope_recipient else []), *_addressed(message))
    if (complaint := arf.find(message)) is not None:
        return [_complaint(complaint, bounced, proofs)]
    if answers.is_receipt(message):
        return [Evidence(Kind.AUTO_REPLY, proofs=proofs)]
    addressed, proofs = proofs, proofs + tuple(_quoted(bounced))
    if (status := dsn.find(message)) is not None:
        return _from_status(status, message, bounced, proofs)
    if not freetext.is_from_machine(message) and answers.is_automatic(message):
        return [Evidence(Kind.AUTO_REPLY, proofs=proofs)]
    if freetext.seems_bounce(message, bounced):
        found = [_from_words(item, proofs) for item in freetext.failures(message, bounced)]
        return found or [_nobody_named(message, bounced, proofs)]
    if answers.is_automatic(message):
        return [Evidence(Kind.AUTO_REPLY, proofs=proofs)]
    if answers.wants_to_leave(message):
        return [Evidence(Kind.UNSUBSCRIBE, recipient=_sender(message), proofs=addressed)]
    submitted = message.get("auto-submitted").lower()
    kind = Kind.AUTO_REPLY if submitted.startswith(("auto-generated", "auto-notified")) else Kind.ANSWER
    return [Evidence(kind, recipient=_sender(message), proofs=addressed)]


def _complaint(found: FeedbackReport, bounced: Bounced, proofs: tuple[str, ...]) -> Evidence:
    original = dict(reversed(found.original))
    said = tuple(original[name] for name in _RETURNED if name in original)
    return Evidence(
        Kind.COMPLAINT if found.kind in _COMPLAINTS else Kind.OTHER,
        recipient=found.recipient,
        reason=found.kind,
        proofs=(*proofs, found.mail_from, *said, *_quoted(bounced)),
        occurred_at=found.arrived_at,
    )


def _from_status(
    status: DeliveryStatus, message: Received, bounced: Bounced, proofs: tuple[str, ...]
) -> list[Evidence]:
    envelope = (status.envelope_id,) if status.envelope_id else ()
    # Some servers say the same of one recipient once for each attempt.
    distinct = {
        (item.original.lower(), item.final.lower(), item.action, item.status): item for item in status.recipients
    }
    return [_of_recipient(item, message, bounced, (*envelope, *proofs)) for item in distinct.values()]


def _of_recipient(item: RecipientStatus, message: Received, bounced: Bounced, proofs: tuple[str, ...]) -> Evidence:
    recipient = item.original if "@" in item.original else item.final
    said = item.diagnostic
    action = item.action
    if action not in _ACTIONS and action != "failed":
        delayed = item.status.startswith("4") and freetext.failures(message, bounced)
        action = "delayed" if delayed and delayed[0].delayed else "failed"
    if action in _ACTIONS:
        return Evidence(_ACTIONS[action], recipient, status=item.status, reason=said[:MAX_REASON], proofs=proofs)
    about = "" if _tells(said) else _notice_about(recipient or item.final, message, bounced)
    found = verdict.judge(item.status, said, about)
    reason = f"{said} {about}".strip()[:MAX_REASON]
    return Evidence(Kind.BOUNCE, recipient, found.reply_class, found.status or item.status, reason, proofs)


def _tells(said: str) -> bool:
    """Whether a diagnostic says more than its codes."""
    return len(re.sub(r"[\d.\W]+", "", said)) > 6


def _notice_about(recipient: str, message: Received, bounced: Bounced) -> str:
    found = freetext.failures(message, bounced)
    exact = next((item.reason for item in found if item.recipient.lower() == recipient.lower()), "")
    return exact or freetext.reason_in(bounced.notice)


def _from_words(item: freetext.Failure, proofs: tuple[str, ...]) -> Evidence:
    if item.delayed:
        return Evidence(Kind.DELAYED, item.recipient, reason=item.reason[:MAX_REASON], proofs=proofs)
    found = verdict.judge("", item.reason)
    return Evidence(Kind.BOUNCE, item.recipient, found.reply_class, found.status, item.reason[:MAX_REASON], proofs)


def _nobody_named(message: Received, bounced: Bounced, proofs: tuple[str, ...]) -> Evidence:
    said = freetext.reason_in(bounced.notice)
    found = verdict.judge("", said)
    return Evidence(Kind.BOUNCE, "", found.reply_class or ReplyClass.SOFT, found.status, said[:MAX_REASON], proofs)


def _addressed(message: Received) -> Iterator[str]:
    """The fields that say to whom a message came, where the envelope sender of ours stands, and what it answers."""
    return (value for name, value in message.fields if name in _TO or name in _ANSWERED)


def _quoted(bounced: Bounced) -> Iterator[str]:
    """What may hold a token of ours in the copy that came back, or in the words before it."""
    for name, value in bounced.original:
        if name in _RETURNED:
            yield value
    yield from (found[0] for found in _TOKENS.finditer(bounced.notice))


def _sender(message: Received) -> str:
    return _address(message.get("reply-to")) or _address(message.get("from"))


def _address(text: str) -> str:
    found = re.search(r"[^\s<>;,:\"'()]+@[^\s<>;,:\"'()]+", text)
    return found[0].strip(".")[:320] if found else ""
