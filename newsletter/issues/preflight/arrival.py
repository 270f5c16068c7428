"""What has to be true of a message when it arrives: the bytes, the header fields, the signatures, who it is from.

The requirements are those that the large mailbox providers publish for mail to many, and RFC 5322, 6376, 8058.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses
from typing import Final

from newsletter.issues.preflight.findings import Finding, Level, all_of, found
from newsletter.mail import headers
from newsletter.mail.message import ONE_CLICK, check_lines
from newsletter.mail.rig import Arrived
from newsletter.mail.verify import Lookup, Verdict, verify

ONCE: Final = (
    headers.DATE,
    headers.FROM,
    headers.TO,
    headers.SUBJECT,
    headers.MESSAGE_ID,
    headers.MIME_VERSION,
    headers.CONTENT_TYPE,
    headers.LIST_ID,
    headers.LIST_UNSUBSCRIBE,
    headers.LIST_UNSUBSCRIBE_POST,
    headers.FEEDBACK_ID,
    headers.AUTO_SUBMITTED,
    headers.PRECEDENCE,
)
AT_MOST_ONCE: Final = (headers.REPLY_TO, headers.SENDER, headers.CC, headers.LIST_ARCHIVE, headers.LIST_POST)
SIGNED: Final = tuple(name for name in ONCE if name != headers.PRECEDENCE)

_NEXT_FIELD: Final = re.compile(rb"\r\n(?![ \t])")
_WEB: Final = re.compile(r"<\s*(https?://[^>\s]+)\s*>")


@dataclass(frozen=True, slots=True)
class Expected:
    """What was sent, and whom it is from: `domain` is the newsletter's."""

    sender: str
    recipient: str
    message: bytes
    domain: str
    unsubscribe_url: str


def check(expected: Expected, arrived: Arrived | None, lookup: Lookup, *, now: datetime) -> list[Finding]:
    """What is wrong with a message that has passed a mail server. `lookup`: the records of our own keys."""
    if arrived is None:
        return [found("lab_lost", Level.FATAL)]
    findings = []
    if (arrived.message, arrived.recipients) != (expected.message, (expected.recipient,)):
        findings.append(found("lab_changed", Level.FATAL))
    verdicts = verify(arrived.message, lookup, now=now)
    return [
        *findings,
        *_lines(arrived.message),
        *_fields(arrived.message, verdicts),
        *_signatures(verdicts),
        *_alignment(arrived, expected.domain, verdicts),
        *_one_click(arrived.message, expected.unsubscribe_url, verdicts),
        *_parts(arrived.message),
    ]


def _lines(message: bytes) -> list[Finding]:
    """Line ends, line lengths, NUL, and the size of the header block."""
    try:
        check_lines(message)
    except ValueError as error:
        return [found("lab_lines", Level.FATAL, str(error))]
    block = message.partition(b"\r\n\r\n")[0]
    if len(block) > headers.MAX_BLOCK:
        return [found("lab_block", Level.FATAL, kilobytes=len(block) // 1000, most=headers.MAX_BLOCK // 1000)]
    long = [line for line in block.split(b"\r\n") if len(line) > headers.MAX_TEXT]
    return all_of("lab_lines", Level.FATAL, [line[:60].decode("latin-1") for line in long])


def _fields(message: bytes, verdicts: Sequence[Verdict]) -> list[Finding]:
    """Each field once, and covered by each signature."""
    names = Counter(_names(message))
    wrong = [name for name in ONCE if names[name.lower()] != 1]
    wrong += [name for name in AT_MOST_ONCE if names[name.lower()] > 1]
    never = sorted(name for name in names if name in headers.NEVER_WRITTEN)
    open_ = [name for name in SIGNED if any(name.lower() not in verdict.signed for verdict in verdicts)]
    return [
        *all_of("lab_not_once", Level.FATAL, wrong),
        *all_of("lab_never", Level.FATAL, never),
        *all_of("lab_unsigned_field", Level.FATAL, open_),
    ]


def _signatures(verdicts: Sequence[Verdict]) -> list[Finding]:
    if not verdicts:
        return [found("lab_not_signed", Level.WARNING)]
    wrong = [f"{item.selector} ({item.algorithm}): {item.fault}" for item in verdicts if item.fault is not None]
    return all_of("lab_signature", Level.FATAL, wrong)


def _alignment(arrived: Arrived, domain: str, verdicts: Sequence[Verdict]) -> list[Finding]:
    """From, the signatures and the envelope belong to one domain (RFC 7489 section 3.1)."""
    message = _parsed(arrived.message)
    senders = [address.rpartition("@")[2].lower() for _name, address in getaddresses([str(message["From"])])]
    wrong = [f"From: {item}" for item in senders if item != domain] + ["From"] * (len(senders) != 1)
    wrong += [f"DKIM d={item.domain}" for item in verdicts if item.domain != domain]
    envelope = arrived.sender.rpartition("@")[2].lower()
    if envelope != domain and not envelope.endswith(f".{domain}"):
        wrong.append(f"MAIL FROM: {envelope or '<>'}")
    return all_of("lab_not_aligned", Level.FATAL, wrong, domain=domain)


def _one_click(message: bytes, unsubscribe_url: str, verdicts: Sequence[Verdict]) -> list[Finding]:
    """List-Unsubscribe has the reader's own address, and says that one request is enough (RFC 8058 section 3)."""
    parsed = _parsed(message)
    told = _WEB.findall(" ".join(str(parsed.get("List-Unsubscribe", "")).split()))
    if told != [unsubscribe_url] or str(parsed.get("List-Unsubscribe-Post", "")).strip() != ONE_CLICK:
        return [found("lab_no_one_click", Level.FATAL)]
    findings = [] if unsubscribe_url.startswith("https://") else [found("lab_leaves_openly", Level.WARNING)]
    valid = [item for item in verdicts if item.fault is None]
    both = ("list-unsubscribe", "list-unsubscribe-post")
    if valid and not any(all(name in item.signed for name in both) for item in valid):
        findings.append(found("lab_one_click_unsigned", Level.FATAL))
    return findings


def _parts(message: bytes) -> list[Finding]:
    """Plain text, alone or first, and the HTML last (RFC 2046 section 5.1.4)."""
    parsed = _parsed(message)
    kinds = [part.get_content_type() for part in parsed.walk() if not part.is_multipart()]
    if kinds in (["text/plain"], ["text/plain", "text/html"]):
        return []
    return [found("lab_parts", Level.FATAL, ", ".join(kinds))]


def _names(message: bytes) -> list[str]:
    block = message.partition(b"\r\n\r\n")[0]
    return [line.partition(b":")[0].strip().lower().decode("latin-1") for line in _NEXT_FIELD.split(block)]


def _parsed(message: bytes) -> Message:
    return message_from_bytes(message)
