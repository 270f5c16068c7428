"""TLS to the relay: a verified certificate or no message, and no password in the clear."""

import ssl
from pathlib import Path

import pytest

from newsletter.mail.replies import Phase, ReplyClass
from newsletter.mail.smtp import SmtpConnection
from newsletter.mail.transport import Outcome, OutcomeKind, Relay
from tests.support.certificates import Authority
from tests.support.smtp_client import ENVELOPE, FAST, MESSAGE, Mailer, judge
from tests.support.smtp_server import Conversation, Script, ScriptedServer

NO_TLS = (OutcomeKind.DEFERRED, ReplyClass.SENDER, Phase.STARTTLS)


def send(
    mailer: Mailer, script: Script, authority: Authority, scheme: str, user: str = ""
) -> tuple[Outcome, Conversation]:
    with ScriptedServer(script) as server:
        relay = Relay.parse(f"{scheme}://{user}{server.host}:{server.port}")
        with mailer(relay, timeouts=FAST, context=authority.client_context()) as transport:
            outcome = transport.send(ENVELOPE, MESSAGE)
    return outcome, server.conversations[0]


def starttls(context: ssl.SSLContext, *after: str) -> Script:
    def script(server: Conversation) -> None:
        server.greet("STARTTLS", "X-PLAIN-ONLY")
        server.hear("STARTTLS")
        server.say("220 go ahead")
        server.start_tls(context)
        server.hear("EHLO")
        server.say("250-server.example", *(f"250-{line}" for line in after), "250 SIZE 0")
        if after:
            server.hear("AUTH PLAIN ")
            server.say("235 ok")
        server.take()
        server.leave()

    return script


def test_starttls_then_everything_under_tls(mailer: Mailer, authority: Authority) -> None:
    outcome, server = send(mailer, starttls(authority.server_context("127.0.0.1")), authority, "smtp+starttls")
    assert outcome.kind is OutcomeKind.SENT
    assert [line.partition(" ")[0] for line in server.lines[:4]] == ["EHLO", "STARTTLS", "EHLO", "MAIL"]


def test_implicit_tls(mailer: Mailer, authority: Authority) -> None:
    def script(server: Conversation) -> None:
        server.start_tls(authority.server_context("127.0.0.1"))
        server.greet("AUTH PLAIN")
        server.hear("AUTH PLAIN ")
        server.say("235 ok")
        server.take()
        server.leave()

    assert send(mailer, script, authority, "smtps", "me:secret@")[0].kind is OutcomeKind.SENT


def test_many_messages_go_over_one_tls_connection(mailer: Mailer, authority: Authority) -> None:
    def script(server: Conversation) -> None:
        server.start_tls(authority.server_context("127.0.0.1"))
        server.greet()
        for _ in range(3):
            server.take()
        server.leave()

    with ScriptedServer(script) as server:
        relay = Relay.parse(f"smtps://{server.host}:{server.port}")
        with mailer(relay, timeouts=FAST, context=authority.client_context()) as transport:
            assert [transport.send(ENVELOPE, MESSAGE).kind for _ in range(3)] == [OutcomeKind.SENT] * 3
    assert len(server.conversations) == 1


def test_a_big_message_goes_through_tls(mailer: Mailer, authority: Authority) -> None:
    big = b"Subject: a\r\n\r\n" + (b"x" * 900 + b"\r\n") * 500

    def script(server: Conversation) -> None:
        server.start_tls(authority.server_context("127.0.0.1"))
        server.greet()
        assert server.take() == big
        server.leave()

    with ScriptedServer(script) as server:
        relay = Relay.parse(f"smtps://{server.host}:{server.port}")
        with mailer(relay, timeouts=FAST, context=authority.client_context()) as transport:
            assert transport.send(ENVELOPE, big).kind is OutcomeKind.SENT


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
@pytest.mark.parametrize("wrong", ["name", "expired", "unknown authority"])
def test_a_certificate_that_does_not_hold_gets_no_message(
    mailer: Mailer, authority: Authority, tmp_path: Path, scheme: str, wrong: str
) -> None:
    contexts = {
        "name": lambda: authority.server_context("other.example"),
        "expired": lambda: authority.server_context("127.0.0.1", expired=True),
        "unknown authority": lambda: Authority(tmp_path).server_context("127.0.0.1"),
    }
    context = contexts[wrong]()

    def implicit(server: Conversation) -> None:
        server.start_tls(context)

    outcome, server = send(
        mailer, implicit if scheme == "smtps" else starttls(context), authority, scheme, "me:secret@"
    )
    assert judge(outcome) == NO_TLS
    assert b"MAIL" not in server.raw
    assert b"AUTH" not in server.raw


def test_starttls_stripped_on_the_way_gets_no_message(mailer: Mailer, authority: Authority) -> None:
    def script(server: Conversation) -> None:
        server.greet("PIPELINING", "AUTH PLAIN")
        server.stall()

    outcome, server = send(mailer, script, authority, "smtp+starttls", "me:secret@")
    assert judge(outcome) == NO_TLS
    assert len(server.raw.splitlines()) == 1


def test_starttls_refused_gets_no_message(mailer: Mailer, authority: Authority) -> None:
    def script(server: Conversation) -> None:
        server.greet("STARTTLS")
        server.hear("STARTTLS")
        server.say("454 4.7.0 not available")
        server.stall()
        assert b"MAIL" not in server.raw

    outcome, _ = send(mailer, script, authority, "smtp+starttls")
    assert judge(outcome) == (OutcomeKind.DEFERRED, ReplyClass.LANE, Phase.STARTTLS)


def test_a_handshake_that_fails_gets_no_message(mailer: Mailer, authority: Authority) -> None:
    def script(server: Conversation) -> None:
        server.greet("STARTTLS")
        server.hear("STARTTLS")
        server.say("220 go ahead")
        server.say_bytes(b"this is no TLS at all\r\n" * 20)
        server.stall()
        assert b"MAIL" not in server.raw

    assert judge(send(mailer, script, authority, "smtp+starttls")[0]) == NO_TLS


def test_answers_injected_behind_the_reply_to_starttls_end_the_connection(mailer: Mailer, authority: Authority) -> None:
    def script(server: Conversation) -> None:
        server.greet("STARTTLS")
        server.hear("STARTTLS")
        server.say("220 go ahead", "250-server.example", "250 AUTH PLAIN")
        server.start_tls(authority.server_context("127.0.0.1"))
        server.hear("EHLO")
        server.say("250 server.example")
        server.take()

    outcome, _ = send(mailer, script, authority, "smtp+starttls")
    assert judge(outcome) == NO_TLS
    assert "before TLS" in outcome.detail


def test_what_was_announced_in_the_clear_is_forgotten_under_tls(mailer: Mailer, authority: Authority) -> None:
    def script(server: Conversation) -> None:
        server.greet("STARTTLS", "PIPELINING", "AUTH PLAIN")
        server.hear("STARTTLS")
        server.say("220 go ahead")
        server.start_tls(authority.server_context("127.0.0.1"))
        server.hear("EHLO")
        server.say("250 server.example")
        server.stall()
        assert b"AUTH" not in server.raw

    outcome, _ = send(mailer, script, authority, "smtp+starttls", "me:secret@")
    assert judge(outcome) == (OutcomeKind.DEFERRED, ReplyClass.SENDER, Phase.AUTH)


class TestToAnotherMachine:
    """Loopback is the only network here, so that one question is answered for it: is the server on this machine?"""

    @pytest.fixture(autouse=True)
    def _far_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(SmtpConnection, "_is_local", lambda self: False)

    def test_a_password_asks_for_starttls_by_itself(self, mailer: Mailer, authority: Authority) -> None:
        script = starttls(authority.server_context("127.0.0.1"), "AUTH PLAIN")
        assert send(mailer, script, authority, "smtp", "me:secret@")[0].kind is OutcomeKind.SENT

    def test_a_password_is_never_sent_in_the_clear(self, mailer: Mailer, authority: Authority) -> None:
        def script(server: Conversation) -> None:
            server.greet("AUTH PLAIN LOGIN CRAM-MD5")
            server.stall()
            assert b"AUTH" not in server.raw

        assert judge(send(mailer, script, authority, "smtp", "me:secret@")[0]) == NO_TLS
