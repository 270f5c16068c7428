"""What Resend signed is taken, and nothing else."""

import base64
import hmac
from datetime import UTC, datetime, timedelta

import pytest

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


RESEND = PROVIDERS["resend"]
RAW = bytes(range(24))
SECRET = "whsec_" + base64.b64encode(RAW).decode()
NUMBER = "msg_p5jXN8AQM9LWM0D4loKWxJek"


def svix(body: bytes = BODY, when: str = AT, number: str = NUMBER, key: bytes = RAW) -> str:
    signed = f"{number}.{when}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def resend(signature: str | None = None, *, body: bytes = BODY, when: str = AT, number: str = NUMBER) -> Request:
    signature = svix(when=when, number=number) if signature is None else signature
    return Request({"svix-id": number, "svix-timestamp": when, "svix-signature": signature}, body)


def take_resend(request: Request) -> None:
    RESEND.verify(request, SECRET, now=NOW, fetch=None)


def test_resend_signs_an_identifier_the_time_and_the_body() -> None:
    take_resend(resend())


def test_a_signature_that_svix_publishes_is_taken() -> None:
    secret, moment = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", datetime.fromtimestamp(1614265330, UTC)
    headers = {
        "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "svix-timestamp": "1614265330",
        "svix-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    RESEND.verify(Request(headers, b'{"test": 2432232314}'), secret, now=moment, fetch=None)


@pytest.mark.parametrize(
    "around",
    ["{old} {good}", "{good} {old}", "v1a,AAAA {good}", "v2,{value} {good}", "  {good}"],
)
def test_one_of_several_signatures_of_resend_is_enough(around: str) -> None:
    good = svix()
    take_resend(resend(around.format(old=svix(key=b"old"), good=good, value=good[3:])))


@pytest.mark.parametrize("header", ["svix-id", "svix-timestamp", "svix-signature"])
def test_resend_without_a_header_is_forged(header: str) -> None:
    left = {name: value for name, value in resend().headers.items() if name != header}
    with pytest.raises(ForgedError, match="no signature"):
        take_resend(Request(left, BODY))


def test_resend_with_another_key_is_forged() -> None:
    with pytest.raises(ForgedError, match="signature"):
        take_resend(resend(svix(key=b"x" * 24)))


def test_resend_with_another_body_is_forged() -> None:
    for changed in (BODY + b"\n", BODY[:-1], BODY.replace(b"\r\n", b"\n"), b""):
        with pytest.raises(ForgedError, match="signature"):
            take_resend(resend(body=changed))


def test_resend_with_another_identifier_or_time_is_forged() -> None:
    for changed in (resend(svix(), number="msg_2"), resend(svix(), when=at(1))):
        with pytest.raises(ForgedError, match="signature"):
            take_resend(changed)


@pytest.mark.parametrize(
    "signature", ["v1,", "v1", "v1,é", "é", "v2," + svix()[3:], svix()[3:], "v1 " + svix()[3:], ",", " "]
)
def test_resend_with_a_signature_that_is_none_is_forged(signature: str) -> None:
    with pytest.raises(ForgedError, match="signature"):
        take_resend(resend(signature))


@pytest.mark.parametrize("seconds", TIMES)
def test_resend_of_another_time_is_forged(seconds: int) -> None:
    with pytest.raises(ForgedError, match="time"):
        take_resend(resend(when=at(seconds)))


@pytest.mark.parametrize("when", NO_TIMES[1:])
def test_resend_with_a_time_that_is_none_is_forged(when: str) -> None:
    with pytest.raises(ForgedError, match="time"):
        take_resend(resend(when=when))


def test_a_request_of_resend_is_known_by_its_identifier() -> None:
    assert RESEND.sameness(resend()) == RESEND.sameness(resend(when=at(60))) == b"svix:" + NUMBER.encode()


def test_resends_secret_is_told_from_others() -> None:
    RESEND.check_secret(SECRET)
    for secret in ("", "whsec_", SECRET.removeprefix("whsec_"), "whsec_not base64", "whsec_AAAA", "whsec_é", "whsec_A"):
        with pytest.raises(RefusedError, match="whsec_"):
            RESEND.check_secret(secret)
