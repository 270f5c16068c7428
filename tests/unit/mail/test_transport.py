"""A message on its way to a relay that behaves, and the login there."""

import base64
import hmac
import time
from dataclasses import replace

import pytest

from newsletter.mail.replies import Phase, ReplyClass
from newsletter.mail.transport import OutcomeKind, Relay, Transport
from tests.support.smtp_client import ENVELOPE, FAST, MESSAGE, Mailer, judge, send, wait_until
from tests.support.smtp_server import Conversation, Script, ScriptedServer, SmtpSink


def test_many_messages_go_over_one_connection(mailer: Mailer, sink: SmtpSink) -> None:
    with mailer(Relay.parse(sink.url), timeouts=FAST) as transport:
        for n in range(20):
            outcome = transport.send(replace(ENVELOPE, recipient=f"r{n}@x.example"), MESSAGE)
            assert judge(outcome) == (OutcomeKind.SENT, ReplyClass.ACCEPTED, Phase.DOT)
    assert sink.recipients == [f"r{n}@x.example" for n in range(20)]
    assert {message.data for message in sink.received} == {MESSAGE}
    assert {message.sender for message in sink.received} == {ENVELOPE.sender}
    assert len(sink.conversations) == 1
    wait_until(lambda: sink.conversations[0].lines[-1] == "QUIT")


def test_a_server_without_extensions_gets_the_plain_protocol(mailer: Mailer, sink: SmtpSink) -> None:
    sink.extensions = ()
    with mailer(Relay.parse(sink.url), timeouts=FAST) as transport:
        assert transport.send(ENVELOPE, MESSAGE).kind is OutcomeKind.SENT
    assert sink.conversations[0].lines[1:4] == [f"MAIL FROM:<{ENVELOPE.sender}>", "RCPT TO:<b@x.example>", "DATA"]


def test_extensions_are_used_when_they_are_announced(mailer: Mailer, sink: SmtpSink) -> None:
    sink.extensions = ("PIPELINING", "SIZE 1000", "DSN", "8BITMIME", "SMTPUTF8")
    with mailer(Relay.parse(sink.url), timeouts=FAST) as transport:
        assert transport.send(replace(ENVELOPE, recipient="b+=c@x.example"), MESSAGE).kind is OutcomeKind.SENT
    assert sink.conversations[0].lines[1:3] == [
        f"MAIL FROM:<{ENVELOPE.sender}> SIZE={len(MESSAGE)} RET=HDRS ENVID=d42",
        "RCPT TO:<b+=c@x.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;b+2B+3Dc@x.example",
    ]


def test_the_null_sender_asks_for_no_report(mailer: Mailer, sink: SmtpSink) -> None:
    sink.extensions = ("DSN",)
    with mailer(Relay.parse(sink.url), timeouts=FAST) as transport:
        assert transport.send(replace(ENVELOPE, sender=""), MESSAGE).kind is OutcomeKind.SENT
    assert sink.received[0].sender == ""
    assert sink.conversations[0].lines[2] == "RCPT TO:<b@x.example> NOTIFY=NEVER"


def test_a_server_that_does_not_know_ehlo_is_greeted_with_helo(mailer: Mailer) -> None:
    def old(server: Conversation) -> None:
        server.say("220 old")
        server.hear("EHLO")
        server.say("500 what")
        server.hear("HELO")
        server.say("250 hello")
        server.take()
        server.leave()

    assert send(mailer, old)[0].kind is OutcomeKind.SENT


def test_a_greeting_that_comes_late_is_waited_for(mailer: Mailer) -> None:
    def late(server: Conversation) -> None:
        time.sleep(0.2)
        server.greet("PIPELINING")
        server.take()
        server.leave()

    assert send(mailer, late)[0].kind is OutcomeKind.SENT


def test_replies_in_any_lawful_shape_are_read(mailer: Mailer) -> None:
    def odd(server: Conversation) -> None:
        server.say("220-many", "220-lines", "220 of greeting")
        server.hear("EHLO")
        server.drip("250-server.example\r\n250 SIZE\r\n")
        server.hear("MAIL")
        server.say("250", end="\n")
        server.hear("RCPT")
        server.say("299 a code nobody knows")
        server.hear("DATA")
        server.say("354")
        assert server.hear_message() == MESSAGE
        server.say("250-2.0.0 taken", "250 2.0.0 truly")
        server.leave()

    assert send(mailer, odd)[0].kind is OutcomeKind.SENT


def test_a_long_reply_line_is_cut(mailer: Mailer) -> None:
    def verbose(server: Conversation) -> None:
        server.greet()
        server.hear("MAIL")
        server.say("550 " + "x" * 20_000)
        server.leave()

    [outcome] = send(mailer, verbose)
    assert outcome.kind is OutcomeKind.DEFERRED
    assert outcome.reply is not None
    assert len(outcome.reply.text) == 1000


def logs_in(*announced: str, answers: dict[str, str]) -> Script:
    def script(server: Conversation) -> None:
        server.greet("AUTH " + " ".join(announced))
        for expected, answer in answers.items():
            assert server.hear() == expected
            server.say(answer)
        if answer.startswith("235"):
            server.take()
        server.leave()

    return script


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "script",
    [
        logs_in("LOGIN", "PLAIN", answers={"AUTH PLAIN " + b64("\0me\0p@ss/é"): "235 ok"}),
        logs_in("LOGIN", answers={"AUTH LOGIN": "334 VXNlcm5hbWU6", b64("me"): "334", b64("p@ss/é"): "235 ok"}),
        logs_in(
            "CRAM-MD5",
            answers={
                "AUTH CRAM-MD5": "334 " + b64("<1.2@x>"),
                b64("me " + hmac.digest("p@ss/é".encode(), b"<1.2@x>", "md5").hex()): "235 ok",
            },
        ),
    ],
    ids=["plain", "login", "cram-md5"],
)
def test_logs_in_on_this_machine(mailer: Mailer, script: Script) -> None:
    with ScriptedServer(script) as server:
        url = f"smtp://me:p%40ss%2F%C3%A9@{server.host}:{server.port}"
        with mailer(Relay.parse(url), timeouts=FAST) as transport:
            assert transport.send(ENVELOPE, MESSAGE).kind is OutcomeKind.SENT


def token(user: str, value: str) -> str:
    return b64(f"user={user}\x01auth=Bearer {value}\x01\x01")


@pytest.mark.parametrize(
    ("script", "query"),
    [
        (logs_in("XOAUTH2", answers={"AUTH XOAUTH2 " + token("me@x", "ya29.t"): "235 ok"}), ""),
        (logs_in("PLAIN", "XOAUTH2", answers={"AUTH XOAUTH2 " + token("me@x", "ya29.t"): "235 ok"}), "?auth=xoauth2"),
        (logs_in("PLAIN", "XOAUTH2", answers={"AUTH PLAIN " + b64("\0me@x\0ya29.t"): "235 ok"}), ""),
    ],
    ids=["nothing else offered", "asked for", "not asked for"],
)
def test_a_token_is_used_where_nothing_else_is_offered_or_where_it_is_asked_for(script: Script, query: str) -> None:
    with ScriptedServer(script) as server:
        url = f"smtp://me%40x:ya29.t@{server.host}:{server.port}{query}"
        with Transport(Relay.parse(url), timeouts=FAST) as transport:
            assert transport.send(ENVELOPE, MESSAGE).kind is OutcomeKind.SENT


@pytest.mark.parametrize(
    ("announced", "answers", "text"),
    [
        (
            "XOAUTH2",
            {
                "AUTH XOAUTH2 " + token("me", "old"): "334 " + b64('{"status":"400"}'),
                "": "535 5.7.8 the token has expired",
            },
            "expired",
        ),
        ("PLAIN", {"QUIT": "221 bye"}, "no way to log in"),
    ],
    ids=["refused", "not offered"],
)
def test_a_token_that_is_not_taken_leaves_the_message_waiting(
    announced: str, answers: dict[str, str], text: str
) -> None:
    with (
        ScriptedServer(logs_in(announced, answers=answers)) as server,
        Transport(Relay.parse(f"smtp://me:old@{server.host}:{server.port}?auth=xoauth2"), timeouts=FAST) as transport,
    ):
        outcome = transport.send(ENVELOPE, MESSAGE)
    assert judge(outcome) == (OutcomeKind.DEFERRED, ReplyClass.SENDER, Phase.AUTH)
    assert text in outcome.detail


def test_a_wrong_password_leaves_the_message_waiting_and_calls_for_the_operator() -> None:
    script = logs_in("PLAIN", answers={"AUTH PLAIN " + b64("\0me\0no"): "535 5.7.8 wrong"})
    with (
        ScriptedServer(script) as server,
        Transport(Relay.parse(f"smtp://me:no@{server.host}:{server.port}"), timeouts=FAST) as transport,
    ):
        outcome = transport.send(ENVELOPE, MESSAGE)
        assert "wrong" in transport.check()
    assert judge(outcome) == (OutcomeKind.DEFERRED, ReplyClass.SENDER, Phase.AUTH)


def test_the_relay_can_be_asked_whether_it_is_there(sink: SmtpSink) -> None:
    with Transport(Relay.parse(sink.url), timeouts=FAST) as transport:
        assert transport.check() == ""
        assert transport.check() == ""
        sink.down = True
        transport.close()
        assert "closed" in transport.check()
        sink.down = False
        assert transport.send(ENVELOPE, MESSAGE).kind is OutcomeKind.SENT
