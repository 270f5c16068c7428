"""Many connections to several relays in one thread: what they share, and what they must not do to each other."""

import threading
import time

import pytest

from newsletter.mail.pump import Pump
from newsletter.mail.replies import Phase, ReplyClass
from newsletter.mail.transport import OutcomeKind, Relay
from tests.support.certificates import Authority
from tests.support.pumping import Clock, feed, kinds, parcel, post, turn_until
from tests.support.smtp_client import FAST, MESSAGE, judge, run
from tests.support.smtp_server import Conversation, Received, ScriptedServer, SmtpSink

SENT, DEFERRED, AMBIGUOUS = OutcomeKind.SENT, OutcomeKind.DEFERRED, OutcomeKind.AMBIGUOUS


class TestManyConnections:
    @pytest.mark.parametrize("pipelining", [True, False])
    def test_everything_arrives_once(self, pump: Pump, sink: SmtpSink, pipelining: bool) -> None:
        sink.extensions = ("PIPELINING",) if pipelining else ()
        pump.line("a", Relay.parse(sink.url), connections=4)
        ended = feed(pump, "a", 200)
        assert kinds(ended) == {SENT: 200}
        assert {one.line for one in ended} == {"a"}
        assert sorted(one.parcel.key for one in ended) == list(range(200))
        assert sorted(sink.recipients) == sorted(f"r{n}@x.example" for n in range(200))
        assert {message.data for message in sink.received} == {MESSAGE}
        assert 1 < len(sink.conversations) <= 4

    def test_room_is_what_the_connections_can_take(self, pump: Pump, sink: SmtpSink) -> None:
        pump.line("a", Relay.parse(sink.url), connections=3)
        assert pump.room("a") == 3
        assert pump.room("b") == 0
        post(pump, "a", 3)
        assert pump.room("a") == 0
        assert pump.in_hand() == 3
        run(pump, 3)
        assert pump.in_hand() == 0
        assert pump.room("a") >= 3

    def test_leaving_is_said_once_for_each_and_before_the_server_can_have_it(self, sink: SmtpSink) -> None:
        left: list[str] = []
        told_late: list[str] = []

        def check(received: Received) -> None:
            if received.recipient not in left:
                told_late.append(received.recipient)

        sink.on_message = check
        pump = Pump(leaving=lambda parcel: left.append(parcel.envelope.recipient), timeouts=FAST)
        pump.line("a", Relay.parse(sink.url), connections=4)
        feed(pump, "a", 100)
        pump.close()
        assert told_late == []
        assert sorted(left) == sorted(sink.recipients)

    def test_a_relay_that_stalls_does_not_hold_up_the_others(self, sink: SmtpSink) -> None:
        def reads_nothing(server: Conversation) -> None:
            server.greet("PIPELINING")
            server.hear_envelope()
            done.wait(20)

        done = threading.Event()
        patient = Pump(leaving=lambda parcel: None)
        with ScriptedServer(Conversation.stall) as silent, ScriptedServer(reads_nothing) as full:
            patient.line("silent", Relay.parse(silent.url), connections=2)
            patient.line("full", Relay.parse(full.url), connections=1)
            patient.line("good", Relay.parse(sink.url), connections=2)
            post(patient, "silent", 2)
            post(patient, "full", 1, MESSAGE + (b"y" * 900 + b"\r\n") * 20_000)
            turn_until(patient, lambda: bool(full.conversations) and len(full.conversations[0].lines) == 4)
            assert kinds(feed(patient, "good", 100)) == {SENT: 100}
            late = patient.close()
            done.set()
        assert {(one.line, one.parcel.key): judge(one.outcome) for one in late} == {
            ("silent", 0): (DEFERRED, ReplyClass.LANE, Phase.IDLE),
            ("silent", 1): (DEFERRED, ReplyClass.LANE, Phase.IDLE),
            ("full", 0): (DEFERRED, ReplyClass.TEMPORARY, Phase.BODY),
        }

    def test_a_relay_that_never_greets_ends_what_waits_for_it(self, pump: Pump) -> None:
        with ScriptedServer(Conversation.stall) as server:
            pump.line("a", Relay.parse(server.url), connections=2)
            post(pump, "a", 2)
            ended = run(pump, 2)
        assert {judge(one.outcome) for one in ended} == {(DEFERRED, ReplyClass.LANE, Phase.GREETING)}

    def test_an_idle_connection_is_kept_for_a_while_and_left_with_quit(
        self, pump: Pump, sink: SmtpSink, clock: Clock
    ) -> None:
        pump.line("a", Relay.parse(sink.url), connections=1)
        feed(pump, "a", 1)
        clock.ahead += 20
        feed(pump, "a", 1)
        clock.ahead += 31
        turn_until(pump, lambda: sink.conversations[0].lines[-1] == "QUIT")
        feed(pump, "a", 1)
        assert len(sink.conversations) == 2

    def test_waiting_ends_when_another_thread_says_so(self, pump: Pump) -> None:
        threading.Timer(0.05, pump.wake).start()
        started = time.monotonic()
        pump.turn(5)
        assert time.monotonic() - started < 2

    def test_a_parcel_for_no_line_is_a_defect(self, pump: Pump) -> None:
        with pytest.raises(KeyError):
            pump.post("nowhere", parcel(1))

    def test_what_an_idle_relay_says_unasked_is_no_answer(self, pump: Pump) -> None:
        spoken = threading.Event()

        def script(server: Conversation) -> None:
            server.greet("PIPELINING")
            server.take()
            asked.wait(5)
            server.say("250 an answer that would pass for the next one")
            spoken.set()
            server.stall()

        def good(server: Conversation) -> None:
            server.greet("PIPELINING")
            server.take()
            server.leave()

        asked = threading.Event()
        with ScriptedServer(script, good) as server:
            pump.line("a", Relay.parse(server.url), connections=1)
            feed(pump, "a", 1)
            asked.set()
            assert spoken.wait(5)
            post(pump, "a", 1)
            assert kinds(run(pump, 1)) == {SENT: 1}
            assert server.conversations[0].raw.count(b"MAIL") == 1

    def test_a_connection_closed_while_idle_harms_nothing(self, pump: Pump, sink: SmtpSink) -> None:
        pump.line("a", Relay.parse(sink.url), connections=1)
        for _ in range(3):
            feed(pump, "a", 1)
            sink.conversations[-1].close()
        assert len(sink.received) == 3


class TestTakingBack:
    def test_withdraw_gives_back_exactly_what_has_not_begun(self, pump: Pump) -> None:
        def script(server: Conversation) -> None:
            server.greet("PIPELINING")
            server.take(final="")
            server.hear("MAIL")
            released.wait(5)
            server.say("250 taken", "250 ok")
            for verb, reply in (("RCPT", "250 ok"), ("DATA", "354 go on")):
                server.hear(verb)
                server.say(reply)
            server.hear_message()
            server.say("250 taken")
            server.leave()

        released = threading.Event()
        with ScriptedServer(script) as server:
            pump.line("a", Relay.parse(server.url), connections=1)
            post(pump, "a", 5)
            turn_until(pump, lambda: bool(server.conversations) and len(server.conversations[0].lines) == 5)
            assert [one.key for one in pump.withdraw()] == [2, 3, 4]
            assert pump.in_hand() == 2
            assert pump.withdraw() == []
            released.set()
            assert sorted(one.parcel.key for one in run(pump, 2)) == [0, 1]

    def test_what_waits_for_a_connection_can_be_withdrawn(self, pump: Pump) -> None:
        with ScriptedServer(Conversation.stall) as server:
            pump.line("a", Relay.parse(server.url), connections=2)
            post(pump, "a", 2)
            turn_until(pump, lambda: bool(server.conversations))
            assert [one.key for one in pump.withdraw()] == [0, 1]
            assert pump.in_hand() == 0

    def test_closing_ends_everything(self, sink: SmtpSink) -> None:
        def script(server: Conversation) -> None:
            server.greet("PIPELINING")
            server.take(final="")
            server.hear("MAIL")
            server.stall()

        pump = Pump(leaving=lambda parcel: None, timeouts=FAST)
        with ScriptedServer(script) as server:
            pump.line("a", Relay.parse(server.url), connections=1)
            pump.line("b", Relay.parse(sink.url), connections=1)
            post(pump, "a", 3)
            turn_until(pump, lambda: bool(server.conversations) and len(server.conversations[0].lines) == 5)
            post(pump, "b", 1)
            ended = {(one.line, one.parcel.key): one.outcome for one in pump.close()}
        assert ended["a", 0].kind is AMBIGUOUS
        assert {key: outcome.kind for key, outcome in ended.items() if key != ("a", 0)} == {
            ("a", 1): DEFERRED,
            ("a", 2): DEFERRED,
            ("b", 0): DEFERRED,
        }
        pump.wake()

    def test_a_line_that_is_dropped_sends_what_it_has_and_says_goodbye(self, pump: Pump, sink: SmtpSink) -> None:
        pump.line("a", Relay.parse(sink.url), connections=1)
        post(pump, "a", 3)
        pump.drop("a")
        assert pump.room("a") == 0
        assert kinds(run(pump, 3)) == {SENT: 3}
        turn_until(pump, lambda: sink.conversations[0].lines[-1] == "QUIT")
        turn_until(pump, lambda: sink.now_connected == 0)
        with pytest.raises(KeyError):
            post(pump, "a", 1)


class TestTls:
    def test_many_big_messages_are_pipelined_under_tls(self, authority: Authority) -> None:
        big = MESSAGE + (b"y" * 900 + b"\r\n") * 1000
        left: list[int] = []

        def script(server: Conversation) -> None:
            server.start_tls(authority.server_context("127.0.0.1"))
            server.greet("PIPELINING")
            for number in range(20):
                server.hear_envelope()
                time.sleep(0.01)
                assert server.hear_message() == big
                assert len(left) == number + 1
                server.drip("250 taken\r\n", pause=0)
            server.leave()

        with ScriptedServer(script) as server:
            pump = Pump(leaving=lambda parcel: left.append(parcel.key), context=authority.client_context())
            pump.line("a", Relay.parse(f"smtps://{server.host}:{server.port}"), connections=1)
            assert kinds(feed(pump, "a", 20, big)) == {SENT: 20}
            assert len(server.conversations) == 1
            pump.drop("a")
            turn_until(pump, lambda: server.conversations[0].lines[-1] == "QUIT")
            pump.close()

    def test_a_wrong_certificate_ends_what_waits_and_no_other_line(self, authority: Authority, sink: SmtpSink) -> None:
        def script(server: Conversation) -> None:
            server.start_tls(authority.server_context("other.example"))

        with ScriptedServer(script) as server:
            pump = Pump(leaving=lambda parcel: None, timeouts=FAST, context=authority.client_context())
            pump.line("bad", Relay.parse(f"smtps://{server.host}:{server.port}"), connections=2)
            pump.line("good", Relay.parse(sink.url), connections=2)
            post(pump, "bad", 2)
            post(pump, "good", 2)
            ended = run(pump, 4)
            pump.close()
        assert {one.line: judge(one.outcome) for one in ended} == {
            "bad": (DEFERRED, ReplyClass.SENDER, Phase.STARTTLS),
            "good": (SENT, ReplyClass.ACCEPTED, Phase.DOT),
        }
