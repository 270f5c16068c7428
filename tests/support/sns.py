"""Messages as SNS signs them, certificates, and a web that hands them out."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from newsletter.feedback.providers import PROVIDERS, Request

SES = PROVIDERS["ses"]
NOW = datetime(2026, 11, 24, 17, 1, tzinfo=UTC)
TOPIC = "arn:aws:sns:eu-west-3:123456789012:bounces"
CERTIFICATE = "https://sns.eu-west-3.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
CONFIRM = "https://sns.eu-west-3.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" + TOPIC + "&Token=2336412f37"
KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = rsa.generate_private_key(65537, 2048)

Fields = dict[str, Any]


def certified(
    key: Any = KEY, *, name: str = "sns.amazonaws.com", san: str = "", ends: datetime = NOW + timedelta(days=300)
) -> bytes:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(days=60))
        .not_valid_after(ends)
    )
    if san:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(san)]), critical=False)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


class Web:
    """Hands out certificates, and remembers what was asked."""

    def __init__(self, found: bytes | Exception = b"") -> None:
        self.found = found or certified()
        self.asked: list[str] = []

    def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def envelope(**changed: Any) -> Fields:
    fields: Fields = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Message": '{"notificationType": "Delivery"}\nÉté',
        "Timestamp": "2026-11-24T17:00:30.123Z",
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE,
        "UnsubscribeURL": "https://sns.eu-west-3.amazonaws.com/?Action=Unsubscribe",
    }
    return fields | changed


def confirmation(**changed: Any) -> Fields:
    asked = envelope(Type="SubscriptionConfirmation", Token="2336412f37", SubscribeURL=CONFIRM)
    del asked["UnsubscribeURL"]
    return asked | changed


def signature_of(fields: Fields, key: rsa.RSAPrivateKey = KEY) -> str:
    """As the documentation words it: the fields there are, sorted by name, each name and value with a line feed."""
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    string = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields)
    algorithm = SHA1() if fields["SignatureVersion"] == "1" else SHA256()
    return base64.b64encode(key.sign(string.encode(), padding.PKCS1v15(), algorithm)).decode()


def signed(fields: Fields, key: rsa.RSAPrivateKey = KEY) -> Request:
    return posted(fields | {"Signature": signature_of(fields, key)})


def posted(fields: Fields) -> Request:
    kind = str(fields.get("Type"))
    return Request({"X-Amz-Sns-Message-Type": kind, "Content-Type": "text/plain"}, json.dumps(fields).encode())


def verify(request: Request, web: Web | None = None, *, topics: str = TOPIC, now: datetime = NOW) -> None:
    SES.verify(request, topics, now=now, fetch=web or Web())
