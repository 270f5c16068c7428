"""The address of a relay, and the small parts of a command."""

import pytest

from newsletter.core.errors import RefusedError
from newsletter.mail.commands import parse_extensions, xtext
from newsletter.mail.smtp import Security
from newsletter.mail.transport import Relay


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtp://relay.example", Relay("relay.example", 25, Security.NONE)),
        ("smtps://relay.example", Relay("relay.example", 465, Security.TLS)),
        ("smtp+starttls://relay.example/", Relay("relay.example", 587, Security.STARTTLS)),
        ("smtp://u%40x:p%3A%2F@[::1]:2525", Relay("::1", 2525, Security.NONE, "u@x", "p:/")),
        ("smtps://u:t@relay.example?auth=xoauth2", Relay("relay.example", 465, Security.TLS, "u", "t", "xoauth2")),
    ],
)
def test_the_address_of_a_relay_is_read(url: str, relay: Relay) -> None:
    assert Relay.parse(url) == relay


@pytest.mark.parametrize(
    "url",
    [
        "",
        "relay.example",
        "http://relay.example",
        "smtp://",
        "smtp://relay.example:port",
        "smtp://relay.example:99999",
        "smtps://relay.example?verify=no",
        "smtps://u:secret@relay.example?auth=plain",
        "smtps://relay.example?auth=xoauth2",
        "smtp://relay.example/path",
        "smtp://u:secret/x@relay.example",
        "smtp://u:secret%00@relay.example",
        "smtp://relay.example\r\n",
    ],
)
def test_an_address_that_makes_no_sense_is_refused_in_words_without_the_password(url: str) -> None:
    with pytest.raises(RefusedError) as refused:
        Relay.parse(url)
    assert "secret" not in str(refused.value)
    assert str(refused.value).startswith("The ")


def test_a_relay_does_not_show_its_password() -> None:
    relay = Relay.parse("smtps://u:secret@relay.example")
    assert "secret" not in repr(relay) + str(relay)
    assert str(relay) == "smtps://u@relay.example:465"
    assert str(Relay.parse("smtps://u:t@relay.example?auth=xoauth2")) == "smtps://u@relay.example:465?auth=xoauth2"


def test_extensions_are_read_in_any_case_and_nonsense_is_passed_over() -> None:
    found = parse_extensions(["host", "size 100", "Auth=login PLAIN", "AUTH CRAM-MD5", "", "=", "SIZE x", "PIPELINING"])
    assert found.size == 100
    assert found.auth == ("LOGIN", "PLAIN", "CRAM-MD5")
    assert "PIPELINING" in found.names


def test_xtext_hides_what_a_parameter_cannot_hold() -> None:
    assert xtext("a+b=c d", 100) == "a+2Bb+3Dc+20d"
    for bad in ("é", "x" * 101):
        with pytest.raises(ValueError, match="parameter"):
            xtext(bad, 100)
