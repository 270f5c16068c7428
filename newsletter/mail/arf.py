"""Complaints of a feedback loop (RFC 5965), also those that follow the form only about: a type that is misspelt, no
report-type, the original as a part of any type, fields in the text of the notice.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from newsletter.mail import mime
from newsletter.mail.mime import Received

TYPES = ("message/feedback-report", "text/feedback-report", "application/feedback-report")
_TYPE = re.compile(r"^[ \t]*feedback-type[ \t]*:[ \t]*([\w-]{1,40})", re.IGNORECASE | re.MULTILINE)
_FIELD = re.compile(r"([A-Za-z][\w-]{1,40})[ \t]*:[ \t]*(.*)")
_ADDRESS = re.compile(r"[^\s<>;,:\"'()]+@[^\s<>;,:\"'()]+")


@dataclass(frozen=True, slots=True)
class FeedbackReport:
    """`kind` in lower case: abuse, fraud, virus, other, not-spam, opt-out, auth-failure… `recipient` is empty where it
    was blacked out. `original` are the fields of the message that was complained about.
    """

    kind: str
    recipient: str
    mail_from: str
    user_agent: str
    source_ip: str
    arrived_at: datetime | None
    original: tuple[tuple[str, str], ...]


def find(message: Received) -> FeedbackReport | None:
    """The complaint that a message is, or None."""
    fields: dict[str, str] = {}
    for part in message.parts:
        if part.content_type in TYPES:
            # Some put the fields where a part's own belong.
            fields = _fields(part.text) or dict(part.fields)
            break
    if "feedback-type" not in fields:
        fields = _in_text(message) or fields
    declared = "feedback-report" in message.get("content-type").lower()
    if not fields and not declared and not _is_juno(message):
        return None
    original = _original(message)
    original = _original(message)
    said = (
        fields.get("original-rcpt-to", ""),
        fields.get("removal-recipient", ""),
        dict(reversed(original)).get("to", ""),
    )
    return FeedbackReport(
        kind=_word(fields.get("feedback-type", "abuse")),
        recipient=next(filter(None, map(_address, said)), ""),
        mail_from=_address(fields.get("original-mail-from", "")),
        user_agent=fields.get("user-agent", "")[:200],
        source_ip=fields.get("source-ip", "")[:60],
        arrived_at=_date(fields.get("arrival-date", "") or fields.get("received-date", "")),
        original=original,
    )


def _in_text(message: Received) -> dict[str, str]:
    for part in message.of_type("text/plain", "text/rfc822-headers", "application/octet-stream"):
        if _TYPE.search(part.text[:4000]):
            return _fields(part.text[:8000])
    return {}


def _is_juno(message: Received) -> bool:
    """Microsoft's junk mail reporting sends the message itself, under a subject and a sender of its own."""
    known = (
        "staff@hotmail.com",
        "junkreport",
        "complaints@",
        "fbl@",
        "feedbackloop@",
        "abuse-report@",
        "scomp@aol.net",
    )
    sender = message.get("from").lower()
    return any(word in sender for word in known) and any(
        part.content_type.startswith("message/") for part in message.parts
    )


def _fields(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    last = ""
    for line in text.split("\n")[:300]:
        if line[:1] in (" ", "\t") and last:
            found[last] = (found[last] + " " + line.strip())[:2000]
        elif match := _FIELD.match(line.strip()):
            last = match[1].lower()
            found.setdefault(last, match[2].strip()[:2000])
        else:
            last = ""
    return found


def _original(message: Received) -> tuple[tuple[str, str], ...]:
    """The fields of the message complained about: the last part that holds some."""
    for part in reversed(message.parts):
        if part.content_type.startswith(("message/rfc822", "text/rfc822", "message/partial")) or (
            part.content_type in ("text/plain", "application/octet-stream") and len(message.parts) > 1
        ):
            fields, _body = mime.split(part.data)
            names = {name for name, _value in fields}
            if len(names & {"from", "to", "subject", "message-id", "date", "received", "list-unsubscribe"}) >= 2:
                return fields
    return ()


def _word(text: str) -> str:
    found = re.match(r"[\w-]+", text.strip().lower())
    return found[0] if found else "other"


def _address(text: str) -> str:
    found = _ADDRESS.search(text)
    address = found[0].strip(".") if found else ""
    return "" if "redacted" in address.lower() or "xxx" in address.lower() else address[:320]


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else None
