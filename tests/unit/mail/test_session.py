"""What is said on a connection, byte by byte: which commands go together, and what each reply or loss means."""

from collections import deque

import pytest

from newsletter.mail.commands import Extensions
from newsletter.mail.outcomes import Outcome, OutcomeKind
from newsletter.mail.replies import Phase, ReplyClass
from newsletter.mail.session import CHUNKING_FROM, Parcel, Session
from newsletter.mail.transport import Envelope, Timeouts

TIMEOUTS = Timeouts(command=5, data=2, block=3, dot=10, transaction=20, drain=1)
SENT, DEFERRED, REJECTED, AMBIGUOUS = (
    OutcomeKind.SENT,
    OutcomeKind.DEFERRED,
    OutcomeKind.REJECTED,
    OutcomeKind.AMBIGUOUS,
)


class Line:
    """A session, and what a relay would see of it. `took` says how many bytes of each write the kernel takes."""

    def __init__(self, *extensions: str, parcels: int = 1, round_trip: float = 0.0) -> None:
        self.left: list[str] = []
        self.now = 100.0
        self.posted = deque(self.parcel(n) for n in range(1, parcels + 1))
        self.session = Session(
            Extensions(frozenset(extensions)),
            TIMEOUTS,
            lambda: self.posted.popleft() if self.posted else None,
            leaving=lambda parcel: self.left.append(parcel.key),
            round_trip=round_trip,
        )
        self.session.begin(self.now)

    def parcel(self, number: int) -> Parcel:
        return Parcel(f"p{number}", Envelope(f"s{number}@x", f"r{number}@x"), b"message %d\r\n" % number)

    def said(self, count: int = 1 << 30) -> str:
        """What leaves now, at most so many bytes of it."""
        block = bytes(b"".join(self.session.output))[:count]
        if block:
            self.session.about_to_send(len(block))
            self.session.took(len(block), self.now)
        return block.decode()

    def hears(self, *lines: str) -> None:
        self.session.feed("".join(f"{line}\r\n" for line in lines).encode(), self.now)

    @property
    def outcomes(self) -> dict[str, tuple[OutcomeKind, Phase]]:
        return {parcel.key: (outcome.kind, outcome.phase) for parcel, outcome in self.session.ended}

    @property
    def unharmed(self) -> list[str]:
        return [parcel.key for parcel in self.session.unharmed]

    def outcome(self, key: str) -> Outcome:
        return next(outcome for parcel, outcome in self.session.ended if parcel.key == key)


def envelope(number: int, end: str = "DATA") -> str:
    return f"MAIL FROM:<s{number}@x>\r\nRCPT TO:<r{number}@x>\r\n{end}\r\n"


def body(number: int) -> str:
    return f"message {number}\r\n.\r\n"


def chunk(number: int) -> str:
    return envelope(number, "BDAT 11 LAST") + f"message {number}\r\n"


def chunking(parcels: int) -> Line:
    return Line("PIPELINING", "CHUNKING", parcels=parcels, round_trip=CHUNKING_FROM)


TAKEN = ("250 ok", "250 ok", "354 go on")


class TestPipelining:
    def test_the_next_envelope_goes_with_the_message_before_it(self) -> None:
        line = Line("PIPELINING", parcels=3)
        assert line.said() == envelope(1)
        line.hears(*TAKEN)
        assert line.said() == body(1) + envelope(2)
        line.hears("250 first", *TAKEN)
        assert line.said() == body(2) + envelope(3)
        line.hears("250 second", *TAKEN)
        assert line.said() == body(3)
        line.hears("250 third")
        assert [str(outcome.reply) for _, outcome in line.session.ended] == ["250 first", "250 second", "250 third"]
        assert not line.session.busy

    def test_without_it_each_command_waits_for_the_answer_to_the_one_before(self) -> None:
        line = Line(parcels=2)
        for number in (1, 2):
            for command, reply in zip(envelope(number).splitlines(keepends=True), TAKEN, strict=True):
                assert line.said() == command
                line.hears(reply)
            assert line.said() == body(number)
            line.hears("250 taken")
        assert list(line.outcomes.values()) == [(SENT, Phase.DOT)] * 2

    def test_a_parcel_posted_while_a_dot_is_on_the_way_does_not_wait_for_its_reply(self) -> None:
        line = Line("PIPELINING")
        line.said()
        line.hears(*TAKEN)
        assert line.said() == body(1)
        line.posted.append(line.parcel(2))
        line.session.begin(line.now)
        assert line.said() == envelope(2)

    def test_a_connection_lost_leaves_only_the_message_in_doubt_whose_dot_had_left(self) -> None:
        line = Line("PIPELINING", parcels=2)
        line.said()
        line.hears(*TAKEN)
        line.said()
        line.session.lose("gone")
        assert line.outcomes == {"p1": (AMBIGUOUS, Phase.DOT)}
        assert line.unharmed == ["p2"]

    def test_until_the_last_byte_of_the_dot_has_left_nothing_is_in_doubt(self) -> None:
        whole = len(body(1))
        for taken in range(whole + 1):
            line = Line("PIPELINING")
            line.said()
            line.hears(*TAKEN)
            line.said(taken)
            line.session.lose("gone")
            assert line.outcomes == {"p1": (AMBIGUOUS, Phase.DOT) if taken == whole else (DEFERRED, Phase.BODY)}

    def test_leaving_is_said_before_the_dot_can_leave_and_not_much_sooner(self) -> None:
        line = Line("PIPELINING", parcels=2)
        line.said()
        line.hears(*TAKEN)
        line.session.about_to_send(len(body(1)) - 1)
        assert line.left == []
        line.session.about_to_send(len(body(1)))
        assert line.left == ["p1"]
        line.said()
        line.hears("250 ok", *TAKEN)
        line.session.about_to_send(1 << 20)
        assert line.left == ["p1", "p2"]

    def test_a_refused_message_does_not_hold_up_the_one_whose_envelope_is_on_the_way(self) -> None:
        line = Line("PIPELINING", parcels=2)
        line.said()
        line.hears(*TAKEN)
        line.said()
        line.hears("554 5.6.0 no", *TAKEN)
        assert line.said() == body(2)
        line.hears("250 ok")
        assert line.outcomes == {"p1": (REJECTED, Phase.DOT), "p2": (SENT, Phase.DOT)}

    def test_a_refused_envelope_does_not_touch_the_message_before_it(self) -> None:
        line = Line("PIPELINING", parcels=3)
        line.said()
        line.hears(*TAKEN)
        line.said()
        line.hears("250 ok", "250 ok", "550 5.1.1 nobody", "554 no recipients")
        assert line.said() == "RSET\r\n" + envelope(3)
        assert line.outcomes == {"p1": (SENT, Phase.DOT), "p2": (REJECTED, Phase.RCPT)}
        line.hears("250 reset", *TAKEN)
        assert line.said() == body(3)

    def test_421_to_a_dot_says_that_it_was_not_taken(self) -> None:
        line = Line("PIPELINING", parcels=2)
        line.said()
        line.hears(*TAKEN)
        line.said()
        line.hears("421 4.3.2 closing")
        assert line.outcomes == {"p1": (DEFERRED, Phase.DOT)}
        assert line.outcome("p1").reply_class is ReplyClass.LANE
        assert line.unharmed == ["p2"]

    def test_421_to_a_pipelined_envelope_charges_nobody(self) -> None:
        line = Line("PIPELINING", parcels=2)
        line.said()
        line.hears(*TAKEN)
        line.said()
        line.hears("250 ok", "421 4.7.0 enough for one connection")
        assert line.outcomes == {"p1": (SENT, Phase.DOT)}
        assert line.unharmed == ["p2"]
        assert line.session.blameless

    def test_421_to_the_first_envelope_is_its_outcome(self) -> None:
        line = Line("PIPELINING")
        line.said()
        line.hears("421 4.7.0 not now")
        assert line.outcomes == {"p1": (DEFERRED, Phase.MAIL)}

    def test_a_parcel_is_not_moved_for_ever(self) -> None:
        parcel = Line().parcel(9)
        for _ in range(3):
            line = Line("PIPELINING")
            line.said()
            line.hears(*TAKEN)
            line.posted.append(parcel)
            line.session.begin(line.now)
            line.said()
            line.session.lose("gone")
            assert line.session.unharmed == [parcel]
        line = Line("PIPELINING")
        line.said()
        line.hears(*TAKEN)
        line.posted.append(parcel)
        line.session.begin(line.now)
        line.said()
        line.session.lose("gone")
        assert line.outcomes["p9"] == (DEFERRED, Phase.MAIL)

    def test_a_sender_refused_and_a_recipient_taken_gets_no_empty_message(self) -> None:
        line = Line("PIPELINING", parcels=2)
        line.said()
        line.hears("550 5.7.1 not you", "250 ok", "354 go on")
        assert line.said() == ""
        assert line.session.closed
        assert line.outcomes == {"p1": (DEFERRED, Phase.MAIL)}

    def test_a_reply_before_the_end_of_the_message_ends_the_connection(self) -> None:
        for reply, outcome in (("550 5.7.1 no", (REJECTED, Phase.BODY)), ("250 what", (DEFERRED, Phase.BODY))):
            line = Line("PIPELINING", parcels=2)
            line.said()
            line.hears(*TAKEN)
            line.said(5)
            line.hears(reply)
            assert line.outcomes["p1"] == outcome
            assert line.unharmed == ["p2"]
            assert line.session.closed

    def test_what_a_server_says_unasked_is_no_answer_to_what_comes_next(self) -> None:
        line = Line("PIPELINING", parcels=0)
        line.hears("250 an answer to nothing")
        line.posted.append(line.parcel(1))
        line.session.begin(line.now)
        assert line.said() == ""
        assert line.session.closed

    def test_half_a_reply_that_comes_unasked_is_not_finished_as_an_answer(self) -> None:
        line = Line("PIPELINING", parcels=0)
        line.session.feed(b"25", line.now)
        assert line.session.closed

    def test_what_cannot_be_sent_here_has_its_outcome_without_a_byte(self) -> None:
        line = Line("PIPELINING", parcels=0)
        line.posted += [
            Parcel("address", Envelope("s@x", "jörg@x"), b"a\r\n"),
            Parcel("content", Envelope("s@x", "r@x"), "Subject: a\r\n\r\né\r\n".encode()),
            line.parcel(1),
        ]
        line.session.begin(line.now)
        assert line.said() == envelope(1)
        assert line.outcomes == {"address": (REJECTED, Phase.MAIL), "content": (REJECTED, Phase.MAIL)}

    def test_an_envelope_that_cannot_be_written_is_refused_alone(self) -> None:
        line = Line("PIPELINING", "DSN", parcels=0)
        line.posted.append(Parcel("id", Envelope("s@x", "r@x", "é"), b"a\r\n"))
        line.session.begin(line.now)
        assert line.outcomes == {"id": (REJECTED, Phase.MAIL)}


class TestChunking:
    def test_a_message_goes_with_its_envelope_and_several_are_on_the_way(self) -> None:
        line = chunking(parcels=6)
        assert line.said() == chunk(1) + "".join("RSET\r\n" + chunk(n) for n in (2, 3, 4))
        assert line.left == ["p1", "p2", "p3", "p4"]
        line.hears("250 ok", "250 ok", "250 taken")
        assert line.said() == "RSET\r\n" + chunk(5)
        line.hears(*["250 ok"] * 4 * 3)
        assert line.said() == "RSET\r\n" + chunk(6)
        line.hears(*["250 ok"] * 4 * 2)
        assert list(line.outcomes.values()) == [(SENT, Phase.DOT)] * 6

    def test_dots_are_not_doubled_and_the_last_line_gets_its_end(self) -> None:
        line = chunking(parcels=0)
        line.posted.append(Parcel("p", Envelope("s@x", "r@x"), b".a\r\n.\r\nb"))
        line.session.begin(line.now)
        assert line.said().endswith("BDAT 10 LAST\r\n.a\r\n.\r\nb\r\n")

    @pytest.mark.parametrize(
        ("extensions", "round_trip"),
        [(("PIPELINING", "CHUNKING"), 0.001), (("CHUNKING",), 1.0), (("PIPELINING",), 1.0)],
    )
    def test_it_is_used_only_where_it_helps(self, extensions: tuple[str, ...], round_trip: float) -> None:
        assert "BDAT" not in Line(*extensions, round_trip=round_trip).said()

    def test_a_refused_recipient_costs_its_own_message_alone(self) -> None:
        line = chunking(parcels=3)
        line.said()
        line.hears("250 ok", "550 5.1.1 nobody", "503 5.5.1 no recipients", *["250 ok"] * 8)
        assert line.outcomes == {"p1": (REJECTED, Phase.RCPT), "p2": (SENT, Phase.DOT), "p3": (SENT, Phase.DOT)}

    def test_after_a_failed_chunk_comes_rset(self) -> None:
        line = chunking(parcels=1)
        line.said()
        line.hears("250 ok", "250 ok", "451 4.3.0 later")
        line.posted.append(line.parcel(2))
        line.session.begin(line.now)
        assert line.said() == "RSET\r\n" + chunk(2)

    def test_after_a_chunk_that_was_taken_comes_the_next_envelope(self) -> None:
        line = chunking(parcels=1)
        line.said()
        line.hears("250 ok", "250 ok", "250 taken")
        line.posted.append(line.parcel(2))
        line.session.begin(line.now)
        assert line.said() == chunk(2)

    def test_what_the_server_took_after_all_is_sent(self) -> None:
        line = chunking(parcels=1)
        line.said()
        line.hears("451 4.3.0 eh", "250 ok", "250 taken")
        assert line.outcomes == {"p1": (SENT, Phase.DOT)}

    def test_a_connection_lost_leaves_all_in_doubt_that_were_complete(self) -> None:
        line = chunking(parcels=5)
        line.said(len(chunk(1)) + len("RSET\r\n" + chunk(2)) + 1)
        line.session.lose("gone")
        assert line.outcomes == {"p1": (AMBIGUOUS, Phase.DOT), "p2": (AMBIGUOUS, Phase.DOT)}
        assert line.unharmed == ["p3", "p4"]
        assert [parcel.key for parcel in line.posted] == ["p5"]

    def test_421_says_that_nothing_after_it_was_taken(self) -> None:
        line = chunking(parcels=3)
        line.said()
        line.hears("250 ok", "250 ok", "250 taken", "250 ok", "421 4.3.2 closing")
        assert line.outcomes == {"p1": (SENT, Phase.DOT)}
        assert line.unharmed == ["p2", "p3"]

    def test_a_refused_rset_ends_the_connection(self) -> None:
        line = chunking(parcels=1)
        line.said()
        line.hears("250 ok", "250 ok", "554 5.6.0 no")
        line.posted.append(line.parcel(2))
        line.session.begin(line.now)
        line.said(6)
        line.hears("554 5.5.1 no RSET here")
        assert line.session.closed
        assert line.unharmed == ["p2"]


class TestTime:
    def test_each_reply_has_its_own_time(self) -> None:
        line = Line("PIPELINING", parcels=2)
        line.said()
        assert line.session.deadline == 105
        line.now = 101
        line.hears("250 ok")
        assert line.session.deadline == 106
        line.hears("250 ok")
        assert line.session.deadline == 103
        line.hears("354 go on")
        assert line.session.deadline == 104  # a block of the message
        line.now = 102
        line.said()
        assert line.session.deadline == 112
        line.hears("250 taken")
        assert line.session.deadline == 107

    def test_a_part_of_a_reply_does_not_gain_time(self) -> None:
        line = Line("PIPELINING")
        line.said()
        for _ in range(3):
            line.now += 1
            line.session.feed(b"250-x\r\n", line.now)
        assert line.session.deadline == 105

    def test_a_transaction_has_an_end_although_every_block_is_in_time(self) -> None:
        line = Line("PIPELINING")
        line.said()
        line.hears(*TAKEN)
        for _ in range(10):
            line.now += 2
            line.said(1)
        assert line.session.deadline == 120

    def test_the_reply_to_the_dot_is_always_waited_for(self) -> None:
        line = Line("PIPELINING")
        line.said()
        line.now = 119
        line.hears(*TAKEN)
        line.said()
        assert line.session.deadline == 129

    def test_nothing_is_due_on_an_idle_connection(self) -> None:
        line = Line("PIPELINING", parcels=0)
        assert line.session.deadline == float("inf")

    def test_replies_that_no_longer_matter_get_little_time(self) -> None:
        line = Line("PIPELINING")
        line.said()
        line.hears("250 ok", "550 5.1.1 nobody")
        assert line.session.deadline == 101


class TestReplies:
    @pytest.mark.parametrize("size", [1, 2, 3, 7])
    def test_replies_may_be_cut_anywhere(self, size: int) -> None:
        line = Line("PIPELINING", parcels=2)
        said = line.said()
        replies = (
            "250-2.1.0 many\r\n250-lines\r\n250 of it\r\n250 ok\n354 go\r\n",
            "250 taken\r\n250 ok\r\n250 ok\r\n354\r\n",
            "250\n",
        )
        for reply in replies:
            data = reply.encode()
            for start in range(0, len(data), size):
                line.session.feed(data[start : start + size], line.now)
            said += line.said()
        assert said == envelope(1) + body(1) + envelope(2) + body(2)
        assert [outcome.kind for _, outcome in line.session.ended] == [SENT, SENT]

    @pytest.mark.parametrize(
        "data", [b"250-x\r\n" * 300, b"250 " + b"x" * 70_000, b"\0\1\2\r\n", b"600 what\r\n", b"250_ok\r\n", b"\r\n"]
    )
    def test_what_is_no_reply_or_never_ends_is_left(self, data: bytes) -> None:
        line = Line("PIPELINING")
        line.said()
        line.session.feed(data, line.now)
        assert line.outcomes == {"p1": (DEFERRED, Phase.MAIL)}
        assert line.outcome("p1").reply_class is ReplyClass.DESYNC

    def test_what_came_before_the_nonsense_counts(self) -> None:
        line = Line("PIPELINING", parcels=2)
        line.said()
        line.hears(*TAKEN)
        line.said()
        line.hears("250 taken", "nonsense")
        assert line.outcomes["p1"] == (SENT, Phase.DOT)
