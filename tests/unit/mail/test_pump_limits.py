"""Relays that bear only so much, and relays that are not there."""

import time
from collections import Counter

from newsletter.mail.pump import Ended, Pump
from newsletter.mail.replies import BEFORE_MESSAGE, Phase, ReplyClass
from newsletter.mail.transport import OutcomeKind, Relay
from tests.support.pumping import Clock, feed, kinds, post, turn_until
from tests.support.smtp_client import judge, run, wait_until
from tests.support.smtp_server import Conversation, ScriptedServer, SmtpSink

SENT, DEFERRED, AMBIGUOUS = OutcomeKind.SENT, OutcomeKind.DEFERRED, OutcomeKind.AMBIGUOUS


class TestLimits:
    def test_a_limit_of_messages_per_connection_is_learned(self, pump: Pump, sink: SmtpSink) -> None:
        sink.per_connection = 5
        pump.line("a", Relay.parse(sink.url), connections=2)
        assert kinds(feed(pump, "a", 100)) == {SENT: 100}
        assert len(sink.received) == 100
        wait_until(lambda: sink.now_connected <= 2)
        ends = [conversation.lines[-1] for conversation in sink.conversations[:-2]]
        assert ends[-5:] == ["QUIT"] * 5
        assert len(sink.conversations) < 26

    def test_a_limit_that_is_known_is_kept(self, pump: Pump, sink: SmtpSink) -> None:
        pump.line("a", Relay.parse(sink.url), connections=1, per_connection=4)
        feed(pump, "a", 20)
        assert len(sink.conversations) in (5, 6)
        for conversation in sink.conversations[:4]:
            assert Counter(line[:4] for line in conversation.lines)["MAIL"] == 4
            wait_until(lambda lines=conversation.lines: lines[-1] == "QUIT")  # type: ignore[misc]

    def test_a_server_that_hangs_up_after_each_message_gets_all_of_them(self, pump: Pump) -> None:
        def one(server: Conversation) -> None:
            server.greet("PIPELINING")
            server.take()

        with ScriptedServer(one) as server:
            pump.line("a", Relay.parse(server.url), connections=2)
            assert kinds(feed(pump, "a", 40)) == {SENT: 40}

    def test_too_many_connections_are_not_asked_for_again_and_again(
        self, pump: Pump, sink: SmtpSink, clock: Clock
    ) -> None:
        sink.most_connections = 3
        pump.line("a", Relay.parse(sink.url), connections=12)
        assert kinds(feed(pump, "a", 200)) == {SENT: 200}
        tried = len(sink.conversations)
        assert 3 < tried <= 12
        feed(pump, "a", 100)
        assert len(sink.conversations) == tried
        assert pump.room("a") == 9
        sink.most_connections = 0
        clock.ahead += 16
        feed(pump, "a", 100)
        assert len(sink.conversations) == tried + 1

    def test_fewer_connections_are_kept_when_the_line_is_changed(self, pump: Pump, sink: SmtpSink) -> None:
        pump.line("a", Relay.parse(sink.url), connections=4)
        feed(pump, "a", 50)
        pump.line("a", Relay.parse(sink.url), connections=1)
        turn_until(pump, lambda: sink.now_connected == 1)
        feed(pump, "a", 10)
        turn_until(pump, lambda: sink.now_connected == 1)

    def test_another_relay_is_used_from_the_next_message_on(self, pump: Pump, sink: SmtpSink) -> None:
        pump.line("a", Relay.parse(sink.url), connections=1)
        feed(pump, "a", 2)
        with SmtpSink() as other:
            pump.line("a", Relay.parse(other.url), connections=1)
            feed(pump, "a", 3)
            assert (len(sink.received), len(other.received)) == (2, 3)


class TestNoConnection:
    def test_parcels_end_and_the_line_rests_before_it_tries_again(
        self, pump: Pump, sink: SmtpSink, clock: Clock
    ) -> None:
        sink.down = True
        pump.line("a", Relay.parse(sink.url), connections=4)
        post(pump, "a", 4)
        ended = run(pump, 4)
        assert kinds(ended) == {DEFERRED: 4}
        assert all(one.outcome.phase in BEFORE_MESSAGE for one in ended)
        assert {one.outcome.reply_class for one in ended} == {ReplyClass.LANE}
        tried = len(sink.conversations)
        assert tried <= 2
        assert pump.room("a") == 0
        post(pump, "a", 1)
        assert kinds(run(pump, 1)) == {DEFERRED: 1}
        assert len(sink.conversations) == tried
        clock.ahead += 10
        assert pump.room("a") == 1
        sink.down = False
        assert kinds(feed(pump, "a", 20)) == {SENT: 20}
        assert pump.room("a") > 4

    def test_a_relay_that_takes_nothing_is_not_hammered(self, pump: Pump) -> None:
        def busy(server: Conversation) -> None:
            server.greet("PIPELINING")
            server.hear("MAIL")
            server.say("421 4.3.2 not now")

        with ScriptedServer(busy) as server:
            pump.line("a", Relay.parse(server.url), connections=1)
            post(pump, "a", 5)
            deadline = time.monotonic() + 1.5
            ended: list[Ended] = []
            while time.monotonic() < deadline:
                ended += pump.turn(0.05)
            assert 1 <= len(ended) <= 2
            assert {judge(one.outcome) for one in ended} == {(DEFERRED, ReplyClass.LANE, Phase.MAIL)}
            assert len(server.conversations) <= 2

    def test_nobody_listens(self, pump: Pump) -> None:
        with SmtpSink() as gone:
            url = gone.url
        pump.line("a", Relay.parse(url), connections=4)
        post(pump, "a", 2)
        assert {judge(one.outcome) for one in run(pump, 2)} == {(DEFERRED, ReplyClass.LANE, Phase.CONNECT)}
