"""Connections that die: what is safe to repeat, what is in doubt, and what is nobody's fault."""

import time

import pytest

from newsletter.mail import session
from newsletter.mail.replies import Phase, ReplyClass
from newsletter.mail.transport import OutcomeKind, Relay, Transport
from tests.support.smtp_client import ENVELOPE, FAST, MESSAGE, Mailer, judge, send
from tests.support.smtp_server import Conversation, Script, ScriptedServer, SmtpSink


@pytest.mark.parametrize("end", [Conversation.close, Conversation.reset, Conversation.stall])
@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("steps", range(5))
def test_a_connection_lost_before_the_message_is_safe_to_repeat(
    mailer: Mailer, steps: int, pipelining: bool, end: Script
) -> None:
    def script(server: Conversation) -> None:
        if steps > 0:
            server.greet(*(["PIPELINING"] if pipelining else []))
        for verb in ("MAIL", "RCPT")[: max(0, steps - 1)]:
            server.hear(verb)
            server.say("250 ok")
        if steps == 4:
            server.hear("DATA")
            server.say("354 go on")
            server.hear_bytes(5)
            if end is Conversation.stall:
                time.sleep(1)  # without reading, so that the end of the message stays behind in the client
        elif steps > 0:
            server.hear(("MAIL", "RCPT", "DATA")[steps - 1])
        end(server)

    big = MESSAGE + b"x" * 900 + b"\r\n" + (b"y" * 900 + b"\r\n") * 20_000
    [outcome] = send(mailer, script, message=big)
    assert outcome.kind is OutcomeKind.DEFERRED
    greeting = outcome.phase in (Phase.CONNECT, Phase.GREETING)  # a reset may already strike the handshake of TCP
    assert greeting if steps == 0 else outcome.phase is (Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.BODY)[steps - 1]
    assert outcome.reply is None
    assert outcome.reply_class is (ReplyClass.LANE if steps == 0 else ReplyClass.TEMPORARY)


@pytest.mark.parametrize("end", [Conversation.close, Conversation.reset, Conversation.stall])
def test_a_connection_lost_after_the_dot_is_ambiguous_and_not_repeated(mailer: Mailer, end: Script) -> None:
    def script(server: Conversation) -> None:
        server.greet("PIPELINING")
        server.take(final="")
        end(server)

    with ScriptedServer(script) as server, mailer(Relay.parse(server.url), timeouts=FAST) as transport:
        outcome = transport.send(ENVELOPE, MESSAGE)
    assert judge(outcome) == (OutcomeKind.AMBIGUOUS, ReplyClass.TEMPORARY, Phase.DOT)
    assert len(server.conversations) == 1


@pytest.mark.parametrize("answer", ["garbage", "150 eh", "354 go on", "\0\1\2", "25", "250_ok"])
def test_nonsense_after_the_dot_is_ambiguous_too(mailer: Mailer, answer: str) -> None:
    def script(server: Conversation) -> None:
        server.greet()
        server.take(final=answer)
        server.stall()

    assert send(mailer, script)[0].kind is OutcomeKind.AMBIGUOUS


@pytest.mark.parametrize("answer", ["garbage", "150 eh", "354 go on", "\xff\xfe"])
def test_nonsense_before_the_message_closes_the_connection(mailer: Mailer, answer: str) -> None:
    def script(server: Conversation) -> None:
        server.greet()
        server.hear("MAIL")
        server.say(answer)
        server.stall()

    assert judge(send(mailer, script)[0]) == (OutcomeKind.DEFERRED, ReplyClass.DESYNC, Phase.MAIL)


def test_data_answered_with_250_is_nonsense(mailer: Mailer) -> None:
    def script(server: Conversation) -> None:
        server.greet()
        server.hear("MAIL")
        server.say("250 ok")
        server.hear("RCPT")
        server.say("250 ok")
        server.hear("DATA")
        server.say("250 ok")
        server.stall()
        assert b"hello" not in server.raw

    assert judge(send(mailer, script)[0]) == (OutcomeKind.DEFERRED, ReplyClass.DESYNC, Phase.DATA)


def test_a_reply_that_never_ends_is_left(mailer: Mailer) -> None:
    def script(server: Conversation) -> None:
        server.greet()
        server.hear("MAIL")
        while True:
            server.say("250-more")

    assert judge(send(mailer, script)[0]) == (OutcomeKind.DEFERRED, ReplyClass.DESYNC, Phase.MAIL)


def test_a_reply_line_that_never_ends_is_left(mailer: Mailer) -> None:
    def script(server: Conversation) -> None:
        server.greet()
        server.hear("MAIL")
        server.say_bytes(b"250 ")
        while True:
            server.say_bytes(b"x" * 10_000)

    assert judge(send(mailer, script)[0]) == (OutcomeKind.DEFERRED, ReplyClass.DESYNC, Phase.MAIL)


def test_a_reply_sent_drop_by_drop_does_not_stretch_the_time_limit(mailer: Mailer) -> None:
    def script(server: Conversation) -> None:
        server.greet()
        server.hear("MAIL")
        server.drip("250-" + "x" * 1000, pause=0.05)

    started = time.monotonic()
    assert send(mailer, script)[0].kind is OutcomeKind.DEFERRED
    assert time.monotonic() - started < 2


def test_nobody_listens(mailer: Mailer) -> None:
    with SmtpSink() as sink:
        url = sink.url
    with mailer(Relay.parse(url), timeouts=FAST) as transport:
        assert judge(transport.send(ENVELOPE, MESSAGE)) == (OutcomeKind.DEFERRED, ReplyClass.LANE, Phase.CONNECT)


def test_a_name_without_an_address(mailer: Mailer) -> None:
    with mailer(Relay("relay.invalid", 25), timeouts=FAST) as transport:
        assert judge(transport.send(ENVELOPE, MESSAGE)) == (OutcomeKind.DEFERRED, ReplyClass.LANE, Phase.CONNECT)


def one_message_and(end: Script) -> Script:
    def script(server: Conversation) -> None:
        server.greet("PIPELINING")
        server.take()
        end(server)

    return script


def says_421_at_once(server: Conversation) -> None:
    server.say("421 4.4.2 idle")


def says_421_to_mail(server: Conversation) -> None:
    server.hear()
    server.say("421 4.7.0 enough")


def answers_unasked(server: Conversation) -> None:
    server.say("250 an answer that would pass for the next one")
    server.stall()


def closes_at_mail(server: Conversation) -> None:
    server.hear()


@pytest.mark.parametrize(
    "end", [Conversation.close, Conversation.reset, says_421_at_once, says_421_to_mail, closes_at_mail, answers_unasked]
)
def test_a_stale_connection_is_opened_again_without_charging_the_message(mailer: Mailer, end: Script) -> None:
    with ScriptedServer(one_message_and(end)) as server, mailer(Relay.parse(server.url), timeouts=FAST) as transport:
        for _ in range(4):
            assert transport.send(ENVELOPE, MESSAGE).kind is OutcomeKind.SENT
            time.sleep(0.02)
    assert len(server.conversations) == 4


def test_a_server_that_always_hangs_up_is_tried_twice_at_most(mailer: Mailer) -> None:
    def hangs_up(server: Conversation) -> None:
        server.greet()
        server.hear("MAIL")

    with (
        ScriptedServer(one_message_and(Conversation.close), hangs_up) as server,
        mailer(Relay.parse(server.url), timeouts=FAST) as transport,
    ):
        assert transport.send(ENVELOPE, MESSAGE).kind is OutcomeKind.SENT
        assert transport.send(ENVELOPE, MESSAGE).kind is OutcomeKind.DEFERRED
    assert len(server.conversations) == 2


def test_a_connection_lost_later_in_a_transaction_is_charged_and_not_repeated(mailer: Mailer, sink: SmtpSink) -> None:
    with mailer(Relay.parse(sink.url), timeouts=FAST) as transport:
        assert transport.send(ENVELOPE, MESSAGE).kind is OutcomeKind.SENT
        sink.drop_after_dot = 1
        assert transport.send(ENVELOPE, MESSAGE).kind is OutcomeKind.AMBIGUOUS
        assert transport.send(ENVELOPE, MESSAGE).kind is OutcomeKind.SENT
    assert len(sink.received) == 3


def test_a_worker_stopped_in_the_middle_never_reuses_its_connection(
    sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Transport(Relay.parse(sink.url), timeouts=FAST) as transport:
        with monkeypatch.context() as patch:
            patch.setattr(session, "dot_stuffed", lambda message: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                transport.send(ENVELOPE, MESSAGE)
        assert transport.send(ENVELOPE, MESSAGE).kind is OutcomeKind.SENT
    assert len(sink.conversations) == 2
