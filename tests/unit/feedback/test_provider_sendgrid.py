"""What SendGrid signed is taken, and nothing else."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from newsletter.core.errors import RefusedError
from newsletter.feedback.providers import PROVIDERS, ForgedError, Request

NOW = datetime(2026, 11, 24, 17, 1, tzinfo=UTC)
AT = str(int(NOW.timestamp()))
BODY = '[{"event": "bounce",\r\n "reason": "Été"}]'.encode()
TIMES = [-301, 301, -86_400, -(10**9)]
NO_TIMES = [
    "",
    "yesterday",
    "nan",
    AT + ".5",
    AT + "e0",
    f"{AT}000",
    AT[:5] + "_" + AT[5:],
    "+" + AT,
    "١٧٩٥٥٣٩٦٦٠",
    "9" * 400,
]


def at(seconds: int) -> str:
    return str(int((NOW + timedelta(seconds=seconds)).timestamp()))


SENDGRID = PROVIDERS["sendgrid"]
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def shown(key: Any) -> str:
    """A public key as SendGrid shows it."""
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def sendgrid(body: bytes = BODY, when: str = AT, key: ec.EllipticCurvePrivateKey = EC_KEY) -> Request:
    signature = key.sign(when.encode() + body, ec.ECDSA(SHA256()))
    return Request(
        {
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": when,
        },
        body,
    )


def take_sendgrid(request: Request) -> None:
    SENDGRID.verify(request, shown(EC_KEY), now=NOW, fetch=None)


def test_sendgrid_signs_the_time_and_the_body() -> None:
    take_sendgrid(sendgrid())
    SENDGRID.verify(
        sendgrid(),
        EC_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        now=NOW,
        fetch=None,
    )


def test_a_signature_that_sendgrid_publishes_is_taken() -> None:
    """The one that its own libraries are tested with."""
    key = (
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEDr2LjtURuePQzplybdC+u4CwrqDqBaWjcMMsTbhdbcwHBcepxo7yAQGhHPTnlvFYPAZFceEu"
        "/1FwCM/QmGUhA=="
    )
    headers = {
        "x-twilio-email-event-webhook-signature": (
            "MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xonZGi6BpSzoQsbVRamr2nlxFDWYNH2j/0="
        ),
        "x-twilio-email-event-webhook-timestamp": "1588788367",
    }
    body = b'{"category":"example_payload","event":"test_event","message_id":"message_id"}'
    SENDGRID.verify(Request(headers, body), key, now=datetime.fromtimestamp(1588788367, UTC), fetch=None)


@pytest.mark.parametrize("header", ["Signature", "Timestamp"])
def test_sendgrid_without_a_header_is_forged(header: str) -> None:
    request = sendgrid()
    left = {name: value for name, value in request.headers.items() if not name.endswith(header)}
    with pytest.raises(ForgedError, match="no signature"):
        take_sendgrid(Request(left, request.body))


def test_sendgrid_with_another_key_is_forged() -> None:
    with pytest.raises(ForgedError, match="signature"):
        take_sendgrid(sendgrid(key=ec.generate_private_key(ec.SECP256R1())))


def test_sendgrid_with_another_body_is_forged() -> None:
    for changed in (BODY + b"\n", BODY[:-1], BODY.replace(b"\r\n", b"\n"), b""):
        with pytest.raises(ForgedError, match="signature"):
            take_sendgrid(Request(sendgrid().headers, changed))


def test_sendgrid_with_another_time_is_forged() -> None:
    with pytest.raises(ForgedError, match="signature"):
        take_sendgrid(Request({**sendgrid().headers, "X-Twilio-Email-Event-Webhook-Timestamp": at(1)}, BODY))


@pytest.mark.parametrize("signature", ["é", "not base64!", "QUJD", "A" * 100_000, "=", "MEUCIQ\0"])
def test_sendgrid_with_a_signature_that_is_none_is_forged(signature: str) -> None:
    with pytest.raises(ForgedError, match="signature"):
        take_sendgrid(Request({**sendgrid().headers, "X-Twilio-Email-Event-Webhook-Signature": signature}, BODY))


@pytest.mark.parametrize("seconds", TIMES)
def test_sendgrid_of_another_time_is_forged(seconds: int) -> None:
    with pytest.raises(ForgedError, match="time"):
        take_sendgrid(sendgrid(when=at(seconds)))


@pytest.mark.parametrize("when", NO_TIMES[1:])
def test_sendgrid_with_a_time_that_is_none_is_forged(when: str) -> None:
    with pytest.raises(ForgedError, match="time"):
        take_sendgrid(sendgrid(when=when))


@pytest.mark.parametrize("seconds", [-299, 299])
def test_clocks_may_be_minutes_apart(seconds: int) -> None:
    take_sendgrid(sendgrid(when=at(seconds)))


def test_sendgrids_key_is_told_from_others() -> None:
    SENDGRID.check_secret(shown(EC_KEY))
    for secret in (
        "",
        "MFkwEwYHKoZIzj0",
        "é",
        shown(ec.generate_private_key(ec.SECP384R1())),
        shown(ed25519.Ed25519PrivateKey.generate()),
    ):
        with pytest.raises(RefusedError, match="MFkwEwYHKoZIzj0"):
            SENDGRID.check_secret(secret)
