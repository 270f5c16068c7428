"""What Mailgun signed is taken, and nothing else."""

import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

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


MAILGUN = PROVIDERS["mailgun"]
SIGNING_KEY = "3d2f5e1c7b9a48d0a1b2c3d4e5f60718"
TOKEN = "123ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de"


def mailgun(when: Any = AT, token: str = TOKEN, key: str = SIGNING_KEY) -> dict[str, Any]:
    signature = hmac.new(key.encode(), f"{when}{token}".encode(), "sha256").hexdigest()
    return {"timestamp": when, "token": token, "signature": signature}


def in_json(signature: Any, **event: Any) -> Request:
    return Request({}, json.dumps({"signature": signature, "event-data": {"event": "failed", **event}}).encode())


def in_form(signature: dict[str, Any], **event: Any) -> Request:
    body = urlencode({**signature, "event": "bounced", **event}).encode()
    return Request({"content-type": "application/x-www-form-urlencoded"}, body)


def take_mailgun(request: Request) -> None:
    MAILGUN.verify(request, SIGNING_KEY, now=NOW, fetch=None)


BOTH = pytest.mark.parametrize("written", [in_json, in_form])
Written = Callable[..., Request]


@BOTH
def test_mailgun_signs_a_time_and_a_token(written: Written) -> None:
    take_mailgun(written(mailgun()))


def test_mailguns_time_may_be_a_number() -> None:
    take_mailgun(in_json(mailgun(int(AT))))


@BOTH
@pytest.mark.parametrize("missing", ["timestamp", "token", "signature"])
def test_mailgun_without_a_part_is_forged(written: Written, missing: str) -> None:
    signature = mailgun()
    del signature[missing]
    with pytest.raises(ForgedError, match="no signature"):
        take_mailgun(written(signature))


@BOTH
def test_mailgun_with_another_key_is_forged(written: Written) -> None:
    with pytest.raises(ForgedError, match="signature"):
        take_mailgun(written(mailgun(key="x" * 32)))


@BOTH
@pytest.mark.parametrize(
    "changed", [{"token": TOKEN[:-1] + "f"}, {"timestamp": at(1)}, {"signature": "é"}, {"signature": "0" * 64}]
)
def test_mailgun_with_another_part_is_forged(written: Written, changed: dict[str, str]) -> None:
    with pytest.raises(ForgedError, match="signature"):
        take_mailgun(written(mailgun() | changed))


@BOTH
@pytest.mark.parametrize("seconds", TIMES)
def test_mailgun_of_another_time_is_forged(written: Written, seconds: int) -> None:
    with pytest.raises(ForgedError, match="time"):
        take_mailgun(written(mailgun(at(seconds))))


@BOTH
@pytest.mark.parametrize("when", NO_TIMES[1:])
def test_mailgun_with_a_time_that_is_none_is_forged(written: Written, when: str) -> None:
    with pytest.raises(ForgedError, match="time"):
        take_mailgun(written(mailgun(when)))


@BOTH
def test_a_signature_makes_one_token_only(written: Written) -> None:
    """Time and token are signed as one text: where the one ends must not be for a forger to choose, who could send the
    same signature again as if it were another. "1795539660" and "123c…" read as milliseconds would be such a pair.
    """
    signature = mailgun()
    for moved in range(1, 4):
        again = signature | {"timestamp": AT + TOKEN[:moved], "token": TOKEN[moved:]}
        with pytest.raises(ForgedError, match="time"):
            take_mailgun(written(again))
        again = signature | {"timestamp": AT[:-moved], "token": AT[-moved:] + TOKEN}
        with pytest.raises(ForgedError, match="time"):
            take_mailgun(written(again))


@BOTH
def test_a_token_of_mailgun_is_the_same_whatever_is_said_with_it(written: Written) -> None:
    first, again = written(mailgun(), recipient="a@x.example"), written(mailgun(), recipient="b@x.example")
    assert MAILGUN.sameness(first) == MAILGUN.sameness(again)
    assert MAILGUN.sameness(first) == MAILGUN.sameness(written(mailgun(token=TOKEN + " ")))
    assert MAILGUN.sameness(first) != MAILGUN.sameness(written(mailgun(token=TOKEN[::-1])))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[" * 100_000, b"7", b"\xff\xfe=\x00", b"a=b&" * 10_000, b'{"signature": 7}', b'{"signature": [{}]}'],
)
def test_what_is_not_mailguns_is_forged(body: bytes) -> None:
    with pytest.raises(ForgedError):
        take_mailgun(Request({}, body))


def test_mailguns_key_is_told_from_others() -> None:
    MAILGUN.check_secret(SIGNING_KEY)
    for secret in ("", "short", "é" * 40, "x" * 31 + "\n"):
        with pytest.raises(RefusedError, match="32"):
            MAILGUN.check_secret(secret)
