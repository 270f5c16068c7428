"""Delivery status notifications: what a mail server says about each recipient in a form of its own (RFC 3464; for
addresses beyond ASCII RFC 6533).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from newsletter.mail.commands import unxtext
from newsletter.mail.mime import Part, Received

TYPES = ("message/delivery-status", "message/global-delivery-status", "text/delivery-status")
MOST_RECIPIENTS = 200

_FIELD = re.compile(r"([A-Za-z][\w-]{1,40})[ \t]*:[ \t]*(.*)")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_ADDRESS = re.compile(r"[^\s<>;,:\"'()\[\]]+@[^\s<>;,:\"'()]+|<([^<>\s]+)>")
_LOOKS_LIKE_ONE = re.compile(r"^[ \t>]*(?:final-recipient|original-recipient)[ \t]*:.*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """What is said of one recipient. `action`: failed, delayed, delivered, relayed, expanded, or empty."""

    original: str
    final: str
    action: str
    status: str
    diagnostic: str


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """A whole notification. `envelope_id`: what we said with ENVID (RFC 3461), if the server gives it back."""

    envelope_id: str = ""
    recipients: list[RecipientStatus] = field(default_factory=list)


def find(message: Received) -> DeliveryStatus | None:
    """The notification of a message, also where it stands in a part of another type; None where there is none."""
    for part in message.of_type(*TYPES):
        if (found := parse(part.text)).recipients:
            return found
    for part in message.of_type("text/plain", "application/octet-stream", "message/rfc822", "text/html"):
        if part.content_type == "message/rfc822" and not _LOOKS_LIKE_ONE.search(_beginning(part)):
            continue
        text = part.text if part.content_type != "message/rfc822" else _beginning(part)
        if at := _LOOKS_LIKE_ONE.search(text):
            start = text.rfind("\n\n", 0, at.start()) + 1
            found = parse(text[start:])
            # In the middle of a sentence or of a quoted bounce nothing is said of an outcome.
            if any(item.action or item.status for item in found.recipients):
                return found
    return None


def parse(text: str) -> DeliveryStatus:
    """Groups of fields, divided by empty lines. Servers put empty lines in wrong places, so a group begins where a
    field comes that the group before has already.
    """
    envelope_id = ""
    recipients: list[RecipientStatus] = []
    for group in _groups(text):
        envelope_id = envelope_id or _value(group.get("original-envelope-id", ""))
        if ("final-recipient" in group or "original-recipient" in group) and len(recipients) < MOST_RECIPIENTS:
            recipients.append(_recipient(group))
    return DeliveryStatus(unxtext(envelope_id.strip()), recipients)


def _groups(text: str) -> Iterator[dict[str, str]]:
    group: dict[str, str] = {}
    last = ""
    for line in text.split("\n")[:4000]:
        if line[:1] in (" ", "\t") and last:
            group[last] = (group[last] + " " + line.strip())[:4000]
            continue
        found = _FIELD.match(line.lstrip("> \t"))
        if not found:
            last = ""
            continue
        name = found[1].lower()
        about_recipient = name in ("final-recipient", "original-recipient")
        if name in group and (about_recipient or name == "action"):
            yield group
            group = {}
        if about_recipient and "reporting-mta" in group:
            yield group
            group = {}
        group.setdefault(name, found[2].strip()[:4000])
        last = name
    yield group


def _recipient(group: dict[str, str]) -> RecipientStatus:
    diagnostic = group.get("diagnostic-code", "")
    found = _STATUS.search(group.get("status", ""))
    action = re.match(r"\w+", group.get("action", "").lower())
    return RecipientStatus(
        original=_address(group.get("original-recipient", "")),
        final=_address(group.get("final-recipient", "")) or _address(group.get("x-actual-recipient", "")),
        action=action[0] if action else "",
        status=found[1] if found else "",
        diagnostic=_value(diagnostic) or group.get("x-supplementary-info", ""),
    )


def _value(text: str) -> str:
    """What follows the type, as in `smtp; 550 no such user`."""
    before, semicolon, after = text.partition(";")
    return after.strip() if semicolon and re.fullmatch(r"[\w-]{1,30}", before.strip()) else text.strip()


def _address(text: str) -> str:
    """The address of `rfc822; <user@example.org> (comment)`; xtext undone (RFC 3461 section 4)."""
    value = re.sub(r"\([^()]*\)", "", _value(text)).strip()
    found = _ADDRESS.search(value)
    address = (found[1] or found[0]) if found else value.split(" ")[0] if "@" in value else ""
    return unxtext(address.strip("<>\"'").rstrip(".,"))[:320]


def _beginning(part: Part) -> str:
    return part.text[:8000]
