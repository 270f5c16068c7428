"""Twilio SendGrid: the signed event webhook (ECDSA over the time and the body)."""

import base64
import binascii
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

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
    events_of,
    parse_json,
    text,
    told,
)
from newsletter.mail.evidence import Evidence, Kind
from newsletter.mail.replies import ReplyClass

_SILENT = frozenset({"processed", "open", "click", "group_resubscribe", "account_status_change"})
_TOLD = {
    "spamreport": Kind.COMPLAINT,
    "unsubscribe": Kind.UNSUBSCRIBE,
    "group_unsubscribe": Kind.UNSUBSCRIBE,
    "delivered": Kind.DELIVERED,
    "deferred": Kind.DELAYED,
}
_DROPPED = {
    "bounced address": ReplyClass.HARD,
    "invalid": ReplyClass.HARD,
    "spam content": ReplyClass.CONTENT,
    "recipient list over package quota": ReplyClass.SENDER,
}


class SendGrid:
    name = "SendGrid"

    def asks_for(self) -> str:
        return _("the verification key that SendGrid shows for the signed event webhook")

    def check_secret(self, secret: str) -> None:
        try:
            _key(secret)
        except ValueError:
            raise RefusedError(_("This is no verification key of SendGrid. It begins with MFkwEwYHKoZIzj0.")) from None

    def verify(self, request: Request, secret: str, *, now: datetime, fetch: Fetch | None) -> None:
        at = request.get("x-twilio-email-event-webhook-timestamp")
        given = request.get("x-twilio-email-event-webhook-signature")
        if not at or not given:
            raise ForgedError("no signature")
        try:
            signature = base64.b64decode(given, validate=True)
            _key(secret).verify(signature, at.encode() + request.body, ECDSA(SHA256()))
        except (InvalidSignature, ValueError, binascii.Error):
            raise ForgedError("the signature is not valid") from None
        check_time(at, now=now)

    def sameness(self, request: Request) -> bytes:
        return request.body

    def read(self, body: bytes) -> Reading:
        reading = Reading()
        for event in events_of(parse_json(body)):
            found = _read(event)
            if found is not None:
                reading.evidence.append(found)
            elif text(event, "event") not in _SILENT:
                reading.unknown += 1
        return reading


def _key(secret: str) -> EllipticCurvePublicKey:
    """ValueError for anything but a key on P-256."""
    key = load_der_public_key(base64.b64decode("".join(secret.split()), validate=True))
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise ValueError("another kind of key")
    return key


def _read(event: dict[str, Any]) -> Evidence | None:
    kind, who = text(event, "event"), address(event, "email")
    about: dict[str, Any] = {
        "proofs": [text(event, "smtp-id")],
        "event_id": text(event, "sg_event_id"),
        "at": text(event, "timestamp"),
        "reason": text(event, "reason") or text(event, "response"),
    }
    if kind == "bounce":
        blocked = text(event, "type").lower() == "blocked"
        return bounce(who, None if blocked else ReplyClass.HARD, status=text(event, "status"), **about)
    if kind == "dropped":
        return _dropped(who, about)
    return told(_TOLD[kind], who, **about) if kind in _TOLD else None


def _dropped(who: str, about: dict[str, Any]) -> Evidence:
    """SendGrid did not even try: it has the address on a list of its own, and says on which."""
    reason = about["reason"].lower()
    if "unsubscribed" in reason:
        return told(Kind.UNSUBSCRIBE, who, **about)
    if "spam report" in reason:
        return told(Kind.COMPLAINT, who, **about)
    found = next((found for words, found in _DROPPED.items() if words in reason), ReplyClass.SOFT)
    evidence = bounce(who, found, **about)
    return Evidence(
        Kind.BOUNCE, who, found, "", evidence.reason, evidence.proofs, evidence.event_id, evidence.occurred_at
    )
