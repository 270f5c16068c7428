"""Resend, which signs as Svix does: HMAC over an identifier, the time and the body; several keys may be valid."""

import base64
import binascii
import hmac
from datetime import datetime
from typing import Any

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

_PREFIX = "whsec_"
_SILENT = frozenset({"email.sent", "email.opened", "email.clicked", "email.scheduled"})
_TOLD = {
    "email.complained": Kind.COMPLAINT,
    "email.delivered": Kind.DELIVERED,
    "email.delivery_delayed": Kind.DELAYED,
}


class Resend:
    name = "Resend"

    def asks_for(self) -> str:
        return _("the signing secret of the webhook, whsec_…")

    def check_secret(self, secret: str) -> None:
        try:
            enough = len(_key(secret)) >= 16
        except ValueError:
            enough = False
        if not enough:
            raise RefusedError(_("This is no signing secret of Resend. It begins with whsec_."))

    def verify(self, request: Request, secret: str, *, now: datetime, fetch: Fetch | None) -> None:
        number, at, given = (request.get(f"svix-{name}") for name in ("id", "timestamp", "signature"))
        if not number or not at or not given:
            raise ForgedError("no signature")
        signed = f"{number}.{at}.".encode("utf-8", "replace") + request.body
        expected = base64.b64encode(hmac.digest(_key(secret), signed, "sha256"))
        offered = [item.partition(",") for item in given.split(" ")[:20]]
        # All are compared, so that the time tells nothing.
        valid = [
            version == "v1" and hmac.compare_digest(expected, value.encode("utf-8", "replace"))
            for version, _comma, value in offered
        ]
        if not any(valid):
            raise ForgedError("the signature is not valid")
        check_time(at, now=now)

    def sameness(self, request: Request) -> bytes:
        return b"svix:" + request.get("svix-id").encode("utf-8", "replace")

    def read(self, body: bytes) -> Reading:
        event = parse_json(body)
        kind = text(event, "type")
        found = _read(event, kind)
        return Reading(found, unknown=0 if found or kind in _SILENT else 1)


def _key(secret: str) -> bytes:
    """ValueError for what is no secret."""
    if not secret.startswith(_PREFIX):
        raise ValueError("no prefix")
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _read(event: Any, kind: str) -> list[Evidence]:
    data = dig(event, "data")
    to = dig(data, "to")
    recipients = [address(to, at) for at in range(min(len(to), 100))] if isinstance(to, list) else [address(data, "to")]
    about: dict[str, Any] = {
        "proofs": _proofs(data),
        "event_id": text(data, "email_id") + kind,
        "at": text(event, "created_at"),
        "reason": text(data, "bounce", "message") or text(data, "bounce", "subType"),
    }
    if kind == "email.bounced":
        permanent = text(data, "bounce", "type").lower() == "permanent"
        found = ReplyClass.HARD if permanent else ReplyClass.SOFT
        return [bounce(who, found, **about) for who in recipients]
    if kind == "email.failed":
        return [bounce(who, ReplyClass.SENDER, **about) for who in recipients]
    if kind == "email.suppressed":
        return [bounce(who, ReplyClass.HARD, **about) for who in recipients]
    return [told(_TOLD[kind], who, **about) for who in recipients] if kind in _TOLD else []


def _proofs(data: Any) -> list[str]:
    fields = dig(data, "headers")
    items = fields if isinstance(fields, list) else []
    said = [
        text(item, "value") for item in items[:200] if text(item, "name").lower() in ("message-id", "list-unsubscribe")
    ]
    return [text(data, "message_id"), *said]
