"""Providers that sign nothing are known by the user and the password in the address that they were given."""

import base64
from datetime import UTC, datetime

import pytest

from newsletter.core.errors import RefusedError
from newsletter.feedback.providers import PROVIDERS, ForgedError, Request

NOW = datetime(2026, 11, 24, 17, 1, tzinfo=UTC)
SECRET = "zio:correct-horse-battery"
EACH = pytest.mark.parametrize("slug", ["postmark", "brevo", "mailjet", "sparkpost"])


def basic(secret: str | bytes) -> str:
    raw = secret.encode() if isinstance(secret, str) else secret
    return "Basic " + base64.b64encode(raw).decode()


def verify(slug: str, headers: dict[str, str]) -> None:
    PROVIDERS[slug].verify(Request(headers, b"{}"), SECRET, now=NOW, fetch=None)


@EACH
@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
def test_the_password_is_enough(slug: str, name: str) -> None:
    verify(slug, {name: basic(SECRET)})
    verify(slug, {name: basic(SECRET).replace("Basic", "basic")})


@EACH
@pytest.mark.parametrize(
    "headers", [{}, {"authorization": ""}, {"authorization": "Basic"}, {"x-authorization": basic(SECRET)}]
)
def test_without_a_password_it_is_forged(slug: str, headers: dict[str, str]) -> None:
    with pytest.raises(ForgedError):
        verify(slug, headers)


@EACH
@pytest.mark.parametrize(
    "given",
    [
        basic("zio:correct-horse-batterz"),
        basic("zio:correct-horse-batter"),
        basic("zio:correct-horse-battery "),
        basic("Zio:correct-horse-battery"),
        basic("zio"),
        basic(":correct-horse-battery"),
        basic(""),
        basic("zio:correct-horse-battery\0"),
        basic("zio:é"),
        basic(b"zio:\xff\xfe"),
        basic(SECRET).replace("Basic", "Bearer"),
        basic(SECRET).replace("Basic ", "Basic"),
        basic(SECRET)[:-1],
        basic(SECRET) + "=",
        basic(SECRET) + "é",
        "Basic zio:correct-horse-battery",
        "Basic ****",
        "Basic é",
        "é",
    ],
)
def test_with_another_password_it_is_forged(slug: str, given: str) -> None:
    with pytest.raises(ForgedError):
        verify(slug, {"authorization": given})


@EACH
def test_the_same_body_is_the_same_event(slug: str) -> None:
    provider = PROVIDERS[slug]
    assert provider.sameness(Request({"a": "b"}, b"x")) == provider.sameness(Request({}, b"x"))
    assert provider.sameness(Request({}, b"x")) != provider.sameness(Request({}, b"y"))


@EACH
def test_a_password_is_told_from_what_is_none(slug: str) -> None:
    PROVIDERS[slug].check_secret(SECRET)
    PROVIDERS[slug].check_secret("zio:with:colons:within")
    for secret in (
        "",
        "zio",
        ":correct-horse-battery",
        "zio:",
        "zio:short",
        "zio:corréct-horse-battery",
        f"{SECRET}\n",
    ):
        with pytest.raises(RefusedError, match="user:password"):
            PROVIDERS[slug].check_secret(secret)


def test_each_provider_says_what_it_asks_for() -> None:
    assert sorted(PROVIDERS) == ["brevo", "mailgun", "mailjet", "postmark", "resend", "sendgrid", "ses", "sparkpost"]
    for provider in PROVIDERS.values():
        assert provider.name
        assert provider.asks_for()
        with pytest.raises(RefusedError):
            provider.check_secret("")
