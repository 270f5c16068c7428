"""Mailgun: HMAC over a time and a token (its pages "Securing webhooks" and "Event structure"). The body itself is not
signed, so a token is heard once.
"""

import hmac
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.feedback.providers.events import bounce, told
from newsletter.feedback.providers.shared import (
    Fetch,
    ForgedError,
    Reading,
    Request,
    check_time,
    seconds,
)
from newsletter.feedback.providers.values import address, dig, parse_json, text
from newsletter.mail.evidence import Evidence, Kind
from newsletter.mail.replies import ReplyClass

_LEAST_KEY = 32
_MOST_FIELDS = 200
_SILENT = ("accepted", "opened", "clicked", "stored", "list_member_uploaded", "list_uploaded")
_TOLD: Final = {
    "complained": Kind.COMPLAINT,
    "unsubscribed": Kind.UNSUBSCRIBE,
    "delivered": Kind.DELIVERED,
}
# The reason of a failure for good. What is not here says nothing ("generic", "old"): codes and words do.
_REASONS: Final = {
    "bounce": ReplyClass.HARD,
    "hardfail": ReplyClass.HARD,
    "suppress-bounce": ReplyClass.HARD,
    "espblock": ReplyClass.SENDER,
}
_LISTED: Final = {"suppress-complaint": Kind.COMPLAINT, "suppress-unsubscribe": Kind.UNSUBSCRIBE}
_OLD_NAMES: Final = {"bounced": "failed", "dropped": "failed"}


class Mailgun:
    name = "Mailgun"

    def asks_for(self) -> str:
        return _("the HTTP webhook signing key of Mailgun")

    def check_secret(self, secret: str) -> None:
        if len(secret) < _LEAST_KEY or not secret.isascii() or not secret.isprintable():
            raise RefusedError(_("This is no signing key of Mailgun: it has 32 characters or more."))

    def verify(self, request: Request, secret: str, *, now: datetime, fetch: Fetch | None) -> None:
        at, token, given = _signature(request.body)
        if not at or not token or not given:
            raise ForgedError("no signature")
        expected = hmac.new(secret.encode(), (at + token).encode(), "sha256").hexdigest()
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise ForgedError("the signature is not valid")
        check_time(seconds(at), now=now)

    def sameness(self, request: Request) -> bytes:
        return b"mailgun:" + _signature(request.body)[1].encode()

    def read(self, body: bytes) -> Reading:
        event = _event(body)
        found = _read(event)
        if found is not None:
            return Reading([found])
        return Reading(unknown=0 if text(event, "event") in _SILENT else 1)


def _parse(body: bytes) -> Any:
    """JSON, or a form as Mailgun posted it formerly."""
    if body.lstrip()[:1] in (b"{", b"["):
        return parse_json(body)
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=_MOST_FIELDS)
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
    """An event as it is written today."""
    given = _parse(body)
    if isinstance(dig(given, "event-data"), dict):
        return given["event-data"]
    name = text(given, "event")
    return {
        "event": _OLD_NAMES.get(name, name),
        "severity": "permanent",
        # Of a bounce that comes back later, "reason" says nothing and "error" is what the server wrote.
        "reason": text(given, "reason") if name == "dropped" else "bounce",
        "recipient": text(given, "recipient"),
        "timestamp": text(given, "timestamp"),
        "delivery-status": {
            "code": text(given, "code"),
            "message": text(given, "error") or text(given, "description") or text(given, "notification"),
        },
        "message": {"headers": {"message-id": text(given, "Message-Id") or text(given, "message-id")}},
    }


def _read(event: Any) -> Evidence | None:
    kind, who = text(event, "event"), address(event, "recipient")
    about: dict[str, Any] = {
        "proofs": [text(event, "message", "headers", "message-id"), text(event, "envelope", "sender")],
        "event_id": text(event, "id"),
        "at": text(event, "timestamp"),
        "reason": _said(dig(event, "delivery-status")),
    }
    if kind == "failed":
        return _failed(event, who, about)
    if kind == "rejected":  # by Mailgun, before it was sent
        about["reason"] = text(event, "reject", "reason") or about["reason"]
        return bounce(who, ReplyClass.CONTENT, sure=True, **about)
    return told(_TOLD[kind], who, **about) if kind in _TOLD else None


def _failed(event: Any, who: str, about: dict[str, Any]) -> Evidence:
    reason = text(event, "reason")
    if text(event, "severity") == "temporary":  # Mailgun tries again; when it gives up, it says "permanent"
        return told(Kind.DELAYED, who, **about)
    if reason in _LISTED:
        return told(_LISTED[reason], who, **about)
    return bounce(
        who,
        _REASONS.get(reason),
        status=text(event, "delivery-status", "enhanced-code"),
        sure=reason == "suppress-bounce",
        **about,
    )


def _said(status: Any) -> str:
    """The words of the server, behind its code where they do not begin with it."""
    words, code = text(status, "message") or text(status, "description"), text(status, "code")
    return words if not code or code == "0" or words[:3].isdigit() else f"{code} {words}".strip()
