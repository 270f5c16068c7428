"""Connections that end in the middle, with messages in every state on them."""

import time
from collections import Counter
from collections.abc import Callable

import pytest

from newsletter.mail.link import REPLIES
from newsletter.mail.pump import Pump
from newsletter.mail.replies import Phase, ReplyClass
from newsletter.mail.transport import OutcomeKind, Relay
from tests.support.pumping import feed, kinds, post, turn_until
from tests.support.smtp_client import MESSAGE, judge, run
from tests.support.smtp_server import Conversation, ScriptedServer, SmtpSink

SENT, DEFERRED, AMBIGUOUS = OutcomeKind.SENT, OutcomeKind.DEFERRED, OutcomeKind.AMBIGUOUS


class TestLosses:
    def test_only_the_message_whose_dot_was_on_the_way_is_in_doubt(self, pump: Pump, sink: SmtpSink) -> None:
        sink.drop_after_dot = 1
        pump.line("a", Relay.parse(sink.url), connections=1)
        post(pump, "a", 5)
        ended = run(pump, 5)
        assert kinds(ended) == {AMBIGUOUS: 1, SENT: 4}
        assert len(sink.received) == 5

    @pytest.mark.parametrize("end", [Conversation.close, Conversation.reset, Conversation.close_half])
    def test_a_connection_that_ends_in_the_middle_of_a_message_leaves_no_doubt(
        self, pump: Pump, end: Callable[[Conversation], None]
    ) -> None:
        def script(server: Conversation) -> None:
            server.greet("PIPELINING")
            server.hear_envelope()
            server.hear_bytes(5)
            end(server)

        big = MESSAGE + (b"y" * 900 + b"\r\n") * 20_000
        with ScriptedServer(script) as server:
            pump.line("a", Relay.parse(server.url), connections=1)
            post(pump, "a", 1, big)
            [ended] = run(pump, 1)
        assert ended.outcome.phase in (Phase.BODY, Phase.DOT)
        if end is not Conversation.close_half:
            assert judge(ended.outcome) == (DEFERRED, ReplyClass.TEMPORARY, Phase.BODY)

    def test_a_server_that_says_nothing_more_after_the_dot_leaves_it_in_doubt(self, pump: Pump) -> None:
        def script(server: Conversation) -> None:
            server.greet("PIPELINING")
            server.take(final="")
            server.close_half()

        with ScriptedServer(script) as server:
            pump.line("a", Relay.parse(server.url), connections=1)
            post(pump, "a", 1)
            [ended] = run(pump, 1)
        assert ended.outcome.kind is AMBIGUOUS

    def test_an_early_refusal_of_a_big_message_is_heard(self, pump: Pump) -> None:
        def script(server: Conversation) -> None:
            server.greet("PIPELINING")
            server.hear_envelope()
            server.hear_bytes(5)
            server.say("550 5.7.1 this violates SMTP")
            server.stall()

        big = MESSAGE + (b"y" * 900 + b"\r\n") * 20_000
        with ScriptedServer(script) as server:
            pump.line("a", Relay.parse(server.url), connections=1)
            post(pump, "a", 1, big)
            [ended] = run(pump, 1)
        assert judge(ended.outcome) == (OutcomeKind.REJECTED, ReplyClass.SENDER, Phase.BODY)

    def test_a_refusal_is_heard_although_sending_fails_first(self, pump: Pump) -> None:
        go_on = "".join("354-" + "x" * 4090 + "\r\n" for _ in range(3)) + "354 " + "x" * 4090 + "\r\n"
        assert len(go_on) == REPLIES

        def script(server: Conversation) -> None:
            server.greet("PIPELINING")
            server.hear_envelope("250 ok", "250 ok")
            time.sleep(0.05)
            server.say_bytes(go_on.encode() + b"550 5.7.1 this violates SMTP\r\n")
            server.reset()

        with ScriptedServer(script) as server:
            pump.line("a", Relay.parse(server.url), connections=1)
            post(pump, "a", 1)
            [ended] = run(pump, 1)
        assert ended.outcome.kind is OutcomeKind.REJECTED

    def test_a_server_that_reads_slowly_gets_everything(self) -> None:
        big = MESSAGE + (b"y" * 900 + b"\r\n") * 10_000

        def script(server: Conversation) -> None:
            server.greet("PIPELINING")
            for _ in range(2):
                server.hear_envelope()
                time.sleep(0.2)
                assert server.hear_message() == big
                server.say("250 taken")
            server.leave()

        with ScriptedServer(script) as server:
            pump = Pump(leaving=lambda parcel: None)
            pump.line("a", Relay.parse(server.url), connections=1)
            post(pump, "a", 2, big)
            assert kinds(run(pump, 2)) == {SENT: 2}
            pump.drop("a")
            turn_until(pump, lambda: server.conversations[0].lines[-1] == "QUIT")
            pump.close()


class TestChunking:
    @pytest.fixture(autouse=True)
    def _far_away(self, sink: SmtpSink) -> None:
        sink.extensions = ("PIPELINING", "CHUNKING")
        sink.ehlo_takes = 0.02

    def test_messages_go_as_chunks_over_a_long_way(self, pump: Pump, sink: SmtpSink) -> None:
        pump.line("a", Relay.parse(sink.url), connections=2)
        assert kinds(feed(pump, "a", 60)) == {SENT: 60}
        assert {message.data for message in sink.received} == {MESSAGE}
        assert not any(line == "DATA" for conversation in sink.conversations for line in conversation.lines)

    def test_refusals_among_chunks_hit_the_right_message(self, pump: Pump, sink: SmtpSink) -> None:
        sink.refuse = {f"r{n}@x.example": "550 5.1.1 nobody" for n in (3, 4, 7, 30)}
        pump.line("a", Relay.parse(sink.url), connections=1)
        ended = feed(pump, "a", 40)
        refused = {one.parcel.key: judge(one.outcome) for one in ended if one.outcome.kind is not SENT}
        assert refused == dict.fromkeys((3, 4, 7, 30), (OutcomeKind.REJECTED, ReplyClass.HARD, Phase.RCPT))
        assert len(sink.received) == 36

    def test_a_limit_of_messages_per_connection_costs_nothing(self, pump: Pump, sink: SmtpSink) -> None:
        sink.per_connection = 6
        pump.line("a", Relay.parse(sink.url), connections=2)
        assert kinds(feed(pump, "a", 60)) == {SENT: 60}

    def test_a_connection_lost_leaves_in_doubt_what_was_complete(self, pump: Pump, sink: SmtpSink) -> None:
        sink.drop_after_dot = 1
        pump.line("a", Relay.parse(sink.url), connections=1)
        ended = feed(pump, "a", 20)
        found = kinds(ended)
        assert found[AMBIGUOUS] >= 1
        assert found[SENT] + found[AMBIGUOUS] == 20
        sent = {one.parcel.envelope.recipient for one in ended if one.outcome.kind is SENT}
        assert sent <= set(sink.recipients)
        assert max(Counter(sink.recipients).values()) == 1
