"""Twilio SendGrid: the signed event webhook (its page "Getting Started with the Event Webhook Security Features")."""

import base64
from datetime import datetime
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.feedback.providers.events import bounce, told
from newsletter.feedback.providers.shared import (
    Fetch,
    ForgedError,
    Reading,
    Request,
    check_time,
    read_each,
    seconds,
)
from newsletter.feedback.providers.values import address, text
from newsletter.mail.evidence import Evidence, Kind
from newsletter.mail.replies import ReplyClass

_SILENT = ("processed", "open", "click", "group_resubscribe", "account_status_change")
_TOLD: Final = {
    "spamreport": Kind.COMPLAINT,
    "unsubscribe": Kind.UNSUBSCRIBE,
    "group_unsubscribe": Kind.UNSUBSCRIBE,
    "delivered": Kind.DELIVERED,
    "deferred": Kind.DELAYED,
}
# What `bounce_classification` makes of a bounce; the others ("Unclassified") say nothing.
_CLASSIFIED: Final = {
    "invalid address": ReplyClass.HARD,
    "mailbox unavailable": ReplyClass.SOFT,
    "technical": ReplyClass.SOFT,
    "content": ReplyClass.CONTENT,
    "reputation": ReplyClass.SENDER,
    "frequency or volume too high": ReplyClass.SENDER,
    "frequency/volume": ReplyClass.SENDER,
}
# How the reason of what SendGrid did not try begins; "Invalid SMTPAPI header" is nobody's address.
_DROPPED: Final[tuple[tuple[str, Kind, ReplyClass | None], ...]] = (
    ("bounced address", Kind.BOUNCE, ReplyClass.HARD),
    ("unsubscribed address", Kind.UNSUBSCRIBE, None),
    ("spam reporting address", Kind.COMPLAINT, None),
    ("spam content", Kind.BOUNCE, ReplyClass.CONTENT),
    ("invalid smtpapi", Kind.BOUNCE, ReplyClass.MESSAGE),
    ("invalid", Kind.BOUNCE, ReplyClass.HARD),
    ("recipient list over package quota", Kind.BOUNCE, ReplyClass.SENDER),
)
_NO_ROUTE = "unable to get mx info"


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
        except (InvalidSignature, ValueError):
            raise ForgedError("the signature is not valid") from None
        check_time(seconds(at), now=now)

    def sameness(self, request: Request) -> bytes:
        return request.body

    def read(self, body: bytes) -> Reading:
        return read_each(body, _read)


def _key(secret: str) -> EllipticCurvePublicKey:
    """The key on P-256, as SendGrid shows it or in PEM; ValueError for anything else."""
    written = secret.partition("KEY-----")[2].partition("-----")[0] if "-----" in secret else secret
    try:
        key = load_der_public_key(base64.b64decode("".join(written.split()), validate=True))
    except UnsupportedAlgorithm as error:
        raise ValueError("another kind of key") from error
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError("another kind of key")
    return key


def _read(event: dict[str, Any]) -> list[Evidence] | None:
    kind, who = text(event, "event"), address(event, "email")
    about: dict[str, Any] = {
        "proofs": [text(event, "smtp-id")],
        "event_id": text(event, "sg_event_id"),
        "at": text(event, "timestamp"),
        "reason": text(event, "reason") or text(event, "response"),
    }
    if kind == "bounce":
        return [_bounced(event, who, about)]
    if kind == "dropped":
        return [_dropped(who, about)]
    if kind in _TOLD:
        return [told(_TOLD[kind], who, **about)]
    return [] if kind in _SILENT else None


def _bounced(event: dict[str, Any], who: str, about: dict[str, Any]) -> Evidence:
    """`blocked` is what SendGrid goes on sending to, so no words make it hard."""
    status = text(event, "status")
    if about["reason"].lower().startswith(_NO_ROUTE):
        return bounce(who, ReplyClass.SOFT, status=status, sure=True, **about)
    own = _CLASSIFIED.get(text(event, "bounce_classification").lower())
    if text(event, "type").lower() == "blocked":
        own = ReplyClass.SENDER if own in (None, ReplyClass.HARD) else own
    return bounce(who, own or ReplyClass.HARD, status=status, **about)


def _dropped(who: str, about: dict[str, Any]) -> Evidence:
    """SendGrid did not even try: it has the address on a list of its own, and says on which."""
    reason = about["reason"].lower()
    for begins, kind, own in _DROPPED:
        if reason.startswith(begins):
            return bounce(who, own, sure=True, **about) if own else told(kind, who, **about)
    return bounce(who, ReplyClass.SOFT, sure=True, **about)
