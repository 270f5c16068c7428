"""Mailgun: HMAC over a time and a token. The body itself is not signed, so a token is heard once."""

import hmac
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.feedback.providers.shared import (
    Fetch,
    ForgedError,
    Reading,
    Request,
    address,
    bounce,
    check_time,
    dig,
    parse_json,
    text,
    told,
)
from newsletter.mail.evidence import Evidence, Kind
from newsletter.mail.replies import ReplyClass

_SILENT = frozenset({"accepted", "opened", "clicked", "stored", "list_member_uploaded"})
_TOLD = {
    "complained": Kind.COMPLAINT,
    "unsubscribed": Kind.UNSUBSCRIBE,
    "delivered": Kind.DELIVERED,
}
_OLD_NAMES = {"bounced": "failed", "dropped": "failed"}


class Mailgun:
    name = "Mailgun"

    def asks_for(self) -> str:
        return _("the HTTP webhook signing key of Mailgun")

    def check_secret(self, secret: str) -> None:
        if len(secret) < 16 or not secret.isascii() or not secret.isprintable():
            raise RefusedError(_("This is no signing key of Mailgun: it has 32 characters or more."))

    def verify(self, request: Request, secret: str, *, now: datetime, fetch: Fetch | None) -> None:
        at, token, given = _signature(request.body)
        if not at or not token or not given:
            raise ForgedError("no signature")
        expected = hmac.new(secret.encode(), (at + token).encode("utf-8", "replace"), "sha256").hexdigest()
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
            raise ForgedError("the signature is not valid")
        check_time(at, now=now)

    def sameness(self, request: Request) -> bytes:
        return b"mailgun:" + _signature(request.body)[1].encode("utf-8", "replace")

    def read(self, body: bytes) -> Reading:
        event = _event(body)
        found = _read(event)
        if found is not None:
            return Reading([found])
        return Reading(unknown=0 if text(event, "event") in _SILENT else 1)


def _parse(body: bytes) -> Any:
    """JSON, or a form as Mailgun posted it formerly."""
    if body.lstrip()[:1] == b"{":
        return parse_json(body)
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=200)
    except ValueError:
        raise RefusedError(_("This is neither JSON nor a form.")) from None
    return {name: values[0] for name, values in fields.items()}


def _signature(body: bytes) -> tuple[str, str, str]:
    try:
        given = _parse(body)
    except RefusedError:
        return "", "", ""
    where = dig(given, "signature") if isinstance(dig(given, "signature"), dict) else given
    return text(where, "timestamp"), text(where, "token"), text(where, "signature")


def _event(body: bytes) -> Any:
    given = _parse(body)
    if isinstance(dig(given, "event-data"), dict):
        return given["event-data"]
    name = text(given, "event")
    return {
        "event": _OLD_NAMES.get(name, name),
        "severity": "permanent",
        "recipient": text(given, "recipient"),
        "timestamp": text(given, "timestamp"),
        "delivery-status": {
            "code": text(given, "code"),
            "message": text(given, "error") or text(given, "description") or text(given, "reason"),
        },
        "message": {"headers": {"message-id": text(given, "Message-Id") or text(given, "message-id")}},
    }


def _read(event: Any) -> Evidence | None:
    kind, who = text(event, "event"), address(event, "recipient")
    said = text(event, "delivery-status", "message") or text(event, "delivery-status", "description")
    code = text(event, "delivery-status", "code")
    about: dict[str, Any] = {
        "proofs": [text(event, "message", "headers", "message-id"), text(event, "envelope", "sender")],
        "event_id": text(event, "id"),
        "at": text(event, "timestamp"),
        "reason": said if said[:3].isdigit() or not code else f"{code} {said}",
    }
    if kind == "failed":
        status = text(event, "delivery-status", "enhanced-code")
        if text(event, "severity") == "temporary":
            return told(Kind.DELAYED, who, **about)
        if text(event, "reason") in ("suppress-complaint", "suppress-unsubscribe"):
            left = Kind.COMPLAINT if text(event, "reason").endswith("complaint") else Kind.UNSUBSCRIBE
            return told(left, who, **about)
        # Beside the severity only the words tell a mailbox that is gone from a message that was not wanted.
        known = ReplyClass.HARD if text(event, "reason") == "suppress-bounce" else None
        return bounce(who, known, status=status, **about)
    if kind == "rejected":
        return bounce(who, ReplyClass.CONTENT, **about)
    return told(_TOLD[kind], who, **about) if kind in _TOLD else None
