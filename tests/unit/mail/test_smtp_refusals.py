"""Servers that say no, at every step."""

import pytest

from newsletter.mail.replies import Phase, ReplyClass
from newsletter.mail.transport import OutcomeKind
from tests.support.smtp_client import MESSAGE, Mailer, judge, send
from tests.support.smtp_server import Conversation


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("phase", "reply", "kind", "reply_class"),
    [
        (Phase.MAIL, "550 5.7.1 not you", OutcomeKind.DEFERRED, ReplyClass.SENDER),
        (Phase.MAIL, "552 5.3.4 too big", OutcomeKind.REJECTED, ReplyClass.MESSAGE),
        (Phase.MAIL, "451 4.3.0 later", OutcomeKind.DEFERRED, ReplyClass.LANE),
        (Phase.RCPT, "550 5.1.1 nobody", OutcomeKind.REJECTED, ReplyClass.HARD),
        (Phase.RCPT, "550 5.7.1 policy", OutcomeKind.REJECTED, ReplyClass.SENDER),
        (Phase.RCPT, "552 5.2.2 full", OutcomeKind.REJECTED, ReplyClass.SOFT),
        (Phase.RCPT, "450 4.7.1 greylisted", OutcomeKind.DEFERRED, ReplyClass.TEMPORARY),
        (Phase.RCPT, "503 5.5.1 order", OutcomeKind.DEFERRED, ReplyClass.OURS),
        (Phase.DATA, "451 4.7.1 later", OutcomeKind.DEFERRED, ReplyClass.TEMPORARY),
        (Phase.DATA, "554 5.6.0 no", OutcomeKind.REJECTED, ReplyClass.CONTENT),
        (Phase.DOT, "554 spam", OutcomeKind.REJECTED, ReplyClass.CONTENT),
        (Phase.DOT, "451 4.7.1 later", OutcomeKind.DEFERRED, ReplyClass.TEMPORARY),
    ],
)
def test_a_refusal_is_judged_and_the_connection_goes_on(
    mailer: Mailer, phase: Phase, reply: str, kind: OutcomeKind, reply_class: ReplyClass, pipelining: bool
) -> None:
    def script(server: Conversation) -> None:
        server.greet(*(["PIPELINING"] if pipelining else []))
        for step, verb, good in (
            (Phase.MAIL, "MAIL", "250 ok"),
            (Phase.RCPT, "RCPT", "250 ok"),
            (Phase.DATA, "DATA", "354 go"),
        ):
            server.hear(verb)
            server.say(reply if step is phase else good)
            if step is phase and pipelining:
                for _ in {Phase.MAIL: "12", Phase.RCPT: "1", Phase.DATA: ""}[phase]:
                    server.hear()
                    server.say("503 5.5.1 no transaction")
            if step is phase:
                break
        if phase is Phase.DOT:
            server.hear_message()
            server.say(reply)
        server.hear("RSET")
        server.say("250 ok")
        assert server.take() == MESSAGE
        server.leave()

    first, second = send(mailer, script, times=2)
    assert judge(first) == (kind, reply_class, phase)
    assert str(first.reply).startswith(reply[:3])
    assert second.kind is OutcomeKind.SENT


def test_a_server_that_wants_a_message_for_nobody_gets_an_empty_one(mailer: Mailer) -> None:
    def script(server: Conversation) -> None:
        server.greet("PIPELINING")
        server.hear("MAIL")
        server.say("250 ok")
        server.hear("RCPT")
        server.say("550 5.1.1 nobody")
        server.hear("DATA")
        server.say("354 go on")
        assert server.hear_message() == b""
        server.say("554 no recipients")
        server.hear("RSET")
        server.say("250 ok")
        server.take()
        server.leave()

    first, second = send(mailer, script, times=2)
    assert judge(first) == (OutcomeKind.REJECTED, ReplyClass.HARD, Phase.RCPT)
    assert second.kind is OutcomeKind.SENT


def test_a_refusal_stands_although_the_connection_dies_behind_it(mailer: Mailer) -> None:
    def script(server: Conversation) -> None:
        server.greet("PIPELINING")
        server.hear("MAIL")
        server.hear("RCPT")
        server.hear("DATA")
        server.say("250 ok", "550 5.1.1 nobody")

    assert judge(send(mailer, script)[0]) == (OutcomeKind.REJECTED, ReplyClass.HARD, Phase.RCPT)


def test_a_refusal_in_the_middle_of_the_message_is_read(mailer: Mailer) -> None:
    def script(server: Conversation) -> None:
        server.greet()
        server.hear("MAIL")
        server.say("250 ok")
        server.hear("RCPT")
        server.say("250 ok")
        server.hear("DATA")
        server.say("354 go on", "550 5.7.1 this violates SMTP")
        server.hear_message()

    [outcome] = send(mailer, script)
    assert judge(outcome) == (OutcomeKind.REJECTED, ReplyClass.SENDER, Phase.BODY)


@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "dot"])
def test_421_anywhere_blames_nobody_and_ends_the_connection(mailer: Mailer, step: str) -> None:
    def script(server: Conversation) -> None:
        if step == "greeting":
            server.say("421 4.7.0 too many connections")
            server.stall()
        server.say("220 hello")
        for verb, good in (("EHLO", "250 hello"), ("MAIL", "250 ok"), ("RCPT", "250 ok"), ("DATA", "354 go on")):
            server.hear(verb)
            server.say("421 4.3.2 closing" if verb == step else good)
            if verb == step:
                server.stall()
        server.hear_message()
        server.say("421 4.3.2 closing")
        server.stall()

    def good(server: Conversation) -> None:
        server.greet()
        server.take()
        server.leave()

    first, second = send(mailer, script, good, times=2)
    assert (first.kind, first.reply_class) == (OutcomeKind.DEFERRED, ReplyClass.LANE)
    assert second.kind is OutcomeKind.SENT


def test_refusals_of_our_own_self_leave_the_message_waiting(mailer: Mailer) -> None:
    def banner(server: Conversation) -> None:
        server.say("554 5.7.1 your address is blocked")

    assert judge(send(mailer, banner)[0]) == (OutcomeKind.DEFERRED, ReplyClass.SENDER, Phase.GREETING)
