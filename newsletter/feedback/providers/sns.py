"""Amazon SNS, which carries what SES says: who signed a message, and where a topic is confirmed (its page "Verifying
the signatures of Amazon SNS messages").
"""

import base64
import re
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.feedback.providers.shared import Fetch, ForgedError, Request, UncertainError, check_time
from newsletter.feedback.providers.values import moment, parse_json, text

RETRIES = timedelta(hours=2)
"""SNS sends again for an hour at most, with the time of the first."""
CONFIRMATION = "SubscriptionConfirmation"
_MOST_CERTIFICATE = 64 * 1024
_HOST = re.compile(r"sns\.[a-z0-9-]{3,30}\.amazonaws\.com(?:\.cn)?")
_TOPIC = re.compile(r"arn:aws[a-z-]{0,10}:sns:[a-z0-9-]{1,30}:\d{12}:[\w-]{1,256}", re.ASCII)
_OF_AMAZON = (".amazonaws.com", ".amazonaws.com.cn")
_CONFIRMED = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED: Final = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: _CONFIRMED,
    "UnsubscribeConfirmation": _CONFIRMED,
}


def check_topics(secret: str) -> None:
    """RefusedError unless it lists ARNs of topics."""
    topics = _topics(secret)
    if not topics or not all(_TOPIC.fullmatch(topic) for topic in topics):
        raise RefusedError(
            _("This is no ARN of an SNS topic. It looks like arn:aws:sns:eu-west-3:123456789012:bounces.")
        )


def verify(request: Request, topics: str, *, now: datetime, fetch: Fetch | None) -> None:
    """ForgedError unless SNS sent it for one of these topics. The topic is looked at first: nothing is fetched for
    anybody else's. UncertainError when the certificate is not to be had.
    """
    try:
        envelope = envelope_of(request.body)
    except RefusedError:
        raise ForgedError("this is no message of SNS") from None
    kind = text(envelope, "Type")
    if text(envelope, "TopicArn") not in _topics(topics):
        raise ForgedError("another topic")
    if kind not in _SIGNED or request.get("x-amz-sns-message-type") != kind:
        raise ForgedError("the type of the message is not the one that was announced")
    check_time(moment(text(envelope, "Timestamp")), now=now, oldest=RETRIES)
    version = text(envelope, "SignatureVersion")
    if version not in ("1", "2"):
        raise ForgedError("no signature that can be checked")
    key = _certified(_certificate_url(envelope), fetch, now)
    algorithm: HashAlgorithm = SHA256() if version == "2" else SHA1()  # noqa: S303 - what version 1 signs with
    try:
        signature = base64.b64decode(text(envelope, "Signature"), validate=True)
        key.verify(signature, _signed(envelope, kind), padding.PKCS1v15(), algorithm)
    except (InvalidSignature, ValueError):
        raise ForgedError("the signature is not valid") from None


def envelope_of(body: bytes) -> dict[str, Any]:
    """The message of SNS; RefusedError for anything else."""
    found = parse_json(body)
    if not isinstance(found, dict):
        raise RefusedError(_("This is no JSON."))
    return found


def subscribe_url(envelope: dict[str, Any]) -> str:
    """Where a topic is confirmed; RefusedError for an address that leads anywhere else, or that does anything else."""
    url = text(envelope, "SubscribeURL")
    if not _is_theirs(url):
        raise RefusedError(_("The address to confirm does not lead to SNS."))
    asked = parse_qs(urlsplit(url).query)
    if asked.get("Action") != ["ConfirmSubscription"]:
        raise RefusedError(_("The address to confirm does not lead to SNS."))
    if asked.get("TopicArn") != [text(envelope, "TopicArn")]:
        raise RefusedError(_("The address to confirm is of another topic."))
    return url


def _topics(secret: str) -> list[str]:
    return [part for part in re.split(r"[,\s]+", secret) if part]


def _signed(envelope: dict[str, Any], kind: str) -> bytes:
    """What the signature covers: the fields there are, in this order. ValueError for what is no text of Unicode."""
    fields = [(name, envelope[name]) for name in _SIGNED[kind] if envelope.get(name) is not None]
    return "".join(f"{name}\n{value if isinstance(value, str) else ''}\n" for name, value in fields).encode()


def _is_theirs(url: str) -> bool:
    """Whether an address leads to SNS itself, and nowhere else."""
    if not url.isascii() or not url.isprintable() or any(sign in url for sign in ' \\"<>'):
        return False
    try:
        found = urlsplit(url)
    except ValueError:
        return False
    # The whole of the authority: a user, a port or capitals would be one more way to read it.
    return found.scheme == "https" and _HOST.fullmatch(found.netloc) is not None and not found.fragment


def _certificate_url(envelope: dict[str, Any]) -> str:
    url = text(envelope, "SigningCertURL")
    if not _is_theirs(url) or not urlsplit(url).path.endswith(".pem") or "?" in url or "#" in url:
        raise ForgedError("the certificate is not from SNS")
    return url


_certificates: dict[str, x509.Certificate] = {}
_MOST_KEPT = 20


def _certified(url: str, fetch: Fetch | None, now: datetime) -> RSAPublicKey:
    """The key of SNS. Its certificate is fetched once, for a new one gets a new address."""
    certificate = _certificates.get(url)
    if certificate is None:
        certificate = _fetched(url, fetch)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise ForgedError("the certificate is not valid at present")
    if not _is_of_amazon(certificate):
        raise ForgedError("the certificate is somebody else's")
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey):
        raise ForgedError("the certificate has another kind of key")
    if url not in _certificates and len(_certificates) >= _MOST_KEPT:
        _certificates.clear()
    _certificates[url] = certificate
    return key


def _fetched(url: str, fetch: Fetch | None) -> x509.Certificate:
    if fetch is None:
        raise UncertainError("the certificate cannot be fetched")
    try:
        written = fetch(url)
    except (OSError, RefusedError) as error:
        raise UncertainError(f"the certificate cannot be fetched: {error}") from error
    try:
        return x509.load_pem_x509_certificate(written[:_MOST_CERTIFICATE])
    except ValueError:
        raise ForgedError("what was fetched is no certificate") from None


def _is_of_amazon(certificate: x509.Certificate) -> bool:
    try:
        names = [str(item.value) for item in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
        further = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names += further.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        pass
    except ValueError:
        return False
    return any(name.lower().endswith(_OF_AMAZON) for name in names)
