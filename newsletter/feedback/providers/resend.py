"""Resend, which signs as Svix does: HMAC over an identifier, the time and the body; several keys may be valid (the page
"Verifying Webhooks Manually" of Svix, "Webhooks" of Resend).
"""

import base64
import hmac
from datetime import datetime
from typing import Any, Final

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.feedback.providers.events import bounce, told
from newsletter.feedback.providers.ses import bounced_for_good, class_of, headers_of
from newsletter.feedback.providers.shared import (
    Fetch,
    ForgedError,
    Reading,
    Request,
    check_time,
    read_each,
    seconds,
)
from newsletter.feedback.providers.values import address, parts, text, texts
from newsletter.mail.evidence import Evidence, Kind
from newsletter.mail.replies import ReplyClass

_PREFIX = "whsec_"
_LEAST_KEY = 16
_MOST_SIGNATURES = 20
_SILENT = ("email.sent", "email.opened", "email.clicked", "email.scheduled", "email.received")
_OTHER_ROOMS = ("contact.", "domain.")
_TOLD: Final = {
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
            enough = len(_key(secret)) >= _LEAST_KEY
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
        offered = [item.partition(",") for item in given.split(" ")[:_MOST_SIGNATURES]]
        # All are compared, so that the time tells nothing.
        valid = [
            version == "v1" and hmac.compare_digest(expected, value.encode("utf-8", "replace"))
            for version, _comma, value in offered
        ]
        if not any(valid):
            raise ForgedError("the signature is not valid")
        check_time(seconds(at), now=now)

    def sameness(self, request: Request) -> bytes:
        return b"svix:" + request.get("svix-id").encode("utf-8", "replace")

    def read(self, body: bytes) -> Reading:
        return read_each(body, _read)


def _key(secret: str) -> bytes:
    """ValueError for what is no secret."""
    if not secret.startswith(_PREFIX):
        raise ValueError("no prefix")
    return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)


def _read(event: dict[str, Any]) -> list[Evidence] | None:
    kind, data = text(event, "type"), event.get("data")
    if kind in _SILENT or kind.startswith(_OTHER_ROOMS):
        return []
    message = text(data, "email_id")
    about: dict[str, Any] = {
        "proofs": [*headers_of(data), text(data, "message_id"), *texts(data, "tags"), message],
        "event_id": f"{kind}:{message}" if message else "",
        "at": text(event, "created_at"),
        "reason": _reason(data),
    }
    # Whose it is of several is not said; ours have one.
    recipients = [who for item in parts(data, "to") if (who := address(item))] or [address(data, "to")]
    return [found for who in recipients if (found := _one(kind, data, who, about)) is not None] or None


def _one(kind: str, data: Any, who: str, about: dict[str, Any]) -> Evidence | None:
    if kind == "email.bounced":
        # It bounces only for good; those that are not say so.
        name, detail = text(data, "bounce", "type") or "Permanent", text(data, "bounce", "subType")
        return bounce(who, class_of(name, detail), sure=bounced_for_good(detail), **about)
    if kind == "email.failed":
        return bounce(who, ReplyClass.SENDER, sure=True, **about)
    if kind == "email.suppressed":
        return bounce(who, ReplyClass.HARD, sure=True, **about)
    return told(_TOLD[kind], who, **about) if kind in _TOLD else None


def _reason(data: Any) -> str:
    """What the recipient's server said, else what Resend says of it."""
    said = " ".join(texts(data, "bounce", "diagnosticCode"))
    return (
        said
        or text(data, "bounce", "message")
        or text(data, "bounce", "subType")
        or text(data, "failed", "reason")
        or text(data, "suppressed", "message")
    )
