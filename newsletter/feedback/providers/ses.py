"""Amazon SES, through Amazon SNS (the pages "Verifying the signatures of Amazon SNS messages" and "Amazon SNS
notification contents for Amazon SES").
"""

import base64
import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

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

RETRIES = timedelta(hours=2)  # it tries again for about an hour
MOST_CERTIFICATE = 64 * 1024
_HOST = re.compile(r"sns\.[a-z0-9-]{1,30}\.amazonaws\.com(?:\.cn)?")
_TOPIC = re.compile(r"arn:aws[a-z-]{0,10}:sns:[a-z0-9-]{1,30}:\d{12}:[\w-]{1,256}")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_SIGNED["UnsubscribeConfirmation"] = _SIGNED["SubscriptionConfirmation"]

_SOFT = {
    "MailboxFull": ReplyClass.SOFT,
    "MessageTooLarge": ReplyClass.MESSAGE,
    "ContentRejected": ReplyClass.CONTENT,
    "AttachmentRejected": ReplyClass.CONTENT,
    "CustomTimeoutExceeded": ReplyClass.SOFT,
}


class Ses:
    name = "Amazon SES"

    def asks_for(self) -> str:
        return _("the ARN of the SNS topic, arn:aws:sns:REGION:ACCOUNT:TOPIC; several by commas")

    def check_secret(self, secret: str) -> None:
        if not _topics(secret) or not all(_TOPIC.fullmatch(topic) for topic in _topics(secret)):
            raise RefusedError(
                _("This is no ARN of an SNS topic. It looks like arn:aws:sns:eu-west-3:123456789012:bounces.")
            )

    def verify(self, request: Request, secret: str, *, now: datetime, fetch: Fetch | None) -> None:
        """The topic first: nothing is fetched for anybody else's."""
        envelope = _envelope(request.body)
        kind = text(envelope, "Type")
        if text(envelope, "TopicArn") not in _topics(secret):
            raise ForgedError("another topic")
        if kind not in _SIGNED or request.get("x-amz-sns-message-type") != kind:
            raise ForgedError("the type of the message is not the one that was announced")
        check_time(text(envelope, "Timestamp"), now=now, window=RETRIES)
        version = text(envelope, "SignatureVersion")
        if version not in ("1", "2") or fetch is None:
            raise ForgedError("no signature that can be checked")
        key = _certified(_certificate_url(envelope), fetch, now)
        algorithm: HashAlgorithm = SHA256() if version == "2" else SHA1()  # noqa: S303 - what version 1 signs with
        try:
            signature = base64.b64decode(text(envelope, "Signature"), validate=True)
            key.verify(signature, _signed(envelope, kind), padding.PKCS1v15(), algorithm)
        except (InvalidSignature, ValueError):
            raise ForgedError("the signature is not valid") from None

    def sameness(self, request: Request) -> bytes:
        return b"sns:" + text(_envelope(request.body), "MessageId").encode()

    def read(self, body: bytes) -> Reading:
        envelope = _envelope(body)
        if text(envelope, "Type") == "SubscriptionConfirmation":
            return Reading(subscribe_url=_subscribe_url(envelope))
        try:
            event = parse_json((dig(envelope, "Message") or "").encode())
        except (RefusedError, AttributeError, UnicodeEncodeError):
            return Reading()  # "Successfully validated SNS topic…"
        found = _events(event, text(envelope, "MessageId"))
        return Reading(found) if found is not None else Reading(unknown=1)


def _topics(secret: str) -> list[str]:
    return [part for part in re.split(r"[,\s]+", secret) if part]


def _envelope(body: bytes) -> dict[str, Any]:
    try:
        found = parse_json(body)
    except RefusedError:
        raise ForgedError("this is no message of SNS") from None
    if not isinstance(found, dict):
        raise ForgedError("this is no message of SNS")
    return found


def _raw(envelope: dict[str, Any], name: str) -> str:
    """A field as it was signed, not shortened."""
    found = envelope.get(name)
    return found if isinstance(found, str) else ""


def _signed(envelope: dict[str, Any], kind: str) -> bytes:
    """What the signature covers: the fields there are, in this order."""
    names = [name for name in _SIGNED[kind] if name in envelope and not (name == "Subject" and not envelope[name])]
    return "".join(f"{name}\n{_raw(envelope, name)}\n" for name in names).encode("utf-8", "replace")


def _is_theirs(url: str) -> bool:
    """Whether an address leads to SNS itself, and nowhere else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and parts.netloc == (parts.hostname or "")
        and port is None
        and _HOST.fullmatch(parts.netloc) is not None
        and url.isascii()
        and url.isprintable()
        and " " not in url
    )


def _certificate_url(envelope: dict[str, Any]) -> str:
    url = text(envelope, "SigningCertURL")
    parts = urlsplit(url)
    if not _is_theirs(url) or not parts.path.endswith(".pem") or parts.query or parts.fragment:
        raise ForgedError("the certificate is not from SNS")
    return url


def _subscribe_url(envelope: dict[str, Any]) -> str:
    """Where a topic is confirmed; RefusedError for an address that leads anywhere else."""
    url = text(envelope, "SubscribeURL")
    asked = parse_qs(urlsplit(url).query)
    if not _is_theirs(url) or asked.get("Action") != ["ConfirmSubscription"]:
        raise RefusedError(_("The address to confirm does not lead to SNS."))
    if asked.get("TopicArn") != [text(envelope, "TopicArn")]:
        raise RefusedError(_("The address to confirm is of another topic."))
    return url


_keys: dict[str, x509.Certificate] = {}
_MOST_KEYS = 20


def _certified(url: str, fetch: Fetch, now: datetime) -> RSAPublicKey:
    """The key of SNS, from its certificate, which is fetched once."""
    certificate = _keys.get(url)
    if certificate is None:
        try:
            pem = fetch(url)
        except (OSError, RefusedError) as error:
            raise ForgedError(f"the certificate cannot be fetched: {error}") from None
        certificate = _read_certificate(pem)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise ForgedError("the certificate is not valid at present")
    if not _is_of_amazon(certificate):
        raise ForgedError("the certificate is somebody else's")
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise ForgedError("the certificate has another kind of key")
    if len(_keys) >= _MOST_KEYS:
        _keys.clear()
    _keys[url] = certificate
    return key


@lru_cache(maxsize=20)
def _read_certificate(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem[:MOST_CERTIFICATE])
    except ValueError:
        raise ForgedError("what was fetched is no certificate") from None


def _is_of_amazon(certificate: x509.Certificate) -> bool:
    names = [str(item.value) for item in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    try:
        further = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names += further.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        pass
    return any(name.endswith((".amazonaws.com", ".amazonaws.com.cn")) for name in names)


def _events(event: Any, message_id: str) -> list[Evidence] | None:
    """The events of a notification; None for a kind that is not known."""
    kind = (text(event, "eventType") or text(event, "notificationType")).lower()
    proofs = _proofs(dig(event, "mail"))
    if kind == "bounce":
        return [_bounced(event, item, proofs, message_id) for item in _list(event, "bounce", "bouncedRecipients")]
    if kind == "complaint":
        at, about = text(event, "complaint", "timestamp"), text(event, "complaint", "complaintFeedbackType")
        said = Kind.OTHER if about == "not-spam" else Kind.COMPLAINT
        return [
            told(said, address(item, "emailAddress"), reason=about, proofs=proofs, event_id=message_id, at=at)
            for item in _list(event, "complaint", "complainedRecipients")
        ]
    if kind in ("delivery", "deliverydelay"):
        said, name = (Kind.DELIVERED, "delivery") if kind == "delivery" else (Kind.DELAYED, "deliveryDelay")
        at = text(event, name, "timestamp")
        recipients = _list(event, name, "recipients") or _list(event, name, "delayedRecipients")
        return [
            told(said, address([item], 0) or address(item, "emailAddress"), proofs=proofs, event_id=message_id, at=at)
            for item in recipients
        ]
    if kind in ("reject", "send", "open", "click", "rendering failure", "subscription"):
        return []
    return None


def _bounced(event: Any, item: Any, proofs: list[str], message_id: str) -> Evidence:
    kind, detail = text(event, "bounce", "bounceType"), text(event, "bounce", "bounceSubType")
    found = _SOFT.get(detail, ReplyClass.HARD if kind == "Permanent" else ReplyClass.SOFT)
    return bounce(
        address(item, "emailAddress"),
        found,
        reason=text(item, "diagnosticCode") or f"{kind} {detail}".strip(),
        status=text(item, "status"),
        proofs=proofs,
        event_id=message_id,
        at=text(event, "bounce", "timestamp"),
    )


def _list(event: Any, *path: str) -> list[Any]:
    found = dig(event, *path)
    return found[:1000] if isinstance(found, list) else []


def _proofs(mail: Any) -> list[str]:
    fields = dig(mail, "headers")
    wanted = ("message-id", "list-unsubscribe", "return-path")
    said = [
        text(item, "value")
        for item in (fields if isinstance(fields, list) else [])[:200]
        if text(item, "name").lower() in wanted
    ]
    return [
        text(mail, "source"),
        text(mail, "commonHeaders", "messageId"),
        text(mail, "commonHeaders", "returnPath"),
        *said,
    ]
