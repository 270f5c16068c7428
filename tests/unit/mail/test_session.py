"""What is said on a connection, byte by byte: which commands go together, and what each reply or loss means."""

from newsletter.mail.outcomes import OutcomeKind
from newsletter.mail.replies import Phase, ReplyClass
from newsletter.mail.session import Parcel
from newsletter.mail.transport import Envelope
from tests.support.smtp_dialogue import TAKEN, Dialogue, body, envelope

SENT, DEFERRED = OutcomeKind.SENT, OutcomeKind.DEFERRED
REJECTED, AMBIGUOUS = OutcomeKind.REJECTED, OutcomeKind.AMBIGUOUS


def test_the_next_envelope_goes_with_the_message_before_it() -> None:
    line = Dialogue("PIPELINING", parcels=3)
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


def test_without_it_each_command_waits_for_the_answer_to_the_one_before() -> None:
    line = Dialogue(parcels=2)
    for number in (1, 2):
        for command, reply in zip(envelope(number).splitlines(keepends=True), TAKEN, strict=True):
            assert line.said() == command
            line.hears(reply)
        assert line.said() == body(number)
        line.hears("250 taken")
    assert list(line.outcomes.values()) == [(SENT, Phase.DOT)] * 2


def test_a_parcel_posted_while_a_dot_is_on_the_way_does_not_wait_for_its_reply() -> None:
    line = Dialogue("PIPELINING")
    line.said()
    line.hears(*TAKEN)
    assert line.said() == body(1)
    line.posted.append(line.parcel(2))
    line.session.begin(line.now)
    assert line.said() == envelope(2)


def test_a_connection_lost_leaves_only_the_message_in_doubt_whose_dot_had_left() -> None:
    line = Dialogue("PIPELINING", parcels=2)
    line.said()
    line.hears(*TAKEN)
    line.said()
    line.session.lose("gone")
    assert line.outcomes == {"p1": (AMBIGUOUS, Phase.DOT)}
    assert line.unharmed == ["p2"]


def test_until_the_last_byte_of_the_dot_has_left_nothing_is_in_doubt() -> None:
    whole = len(body(1))
    for taken in range(whole + 1):
        line = Dialogue("PIPELINING")
        line.said()
        line.hears(*TAKEN)
        line.said(taken)
        line.session.lose("gone")
        assert line.outcomes == {"p1": (AMBIGUOUS, Phase.DOT) if taken == whole else (DEFERRED, Phase.BODY)}


def test_leaving_is_said_before_the_dot_can_leave_and_not_much_sooner() -> None:
    line = Dialogue("PIPELINING", parcels=2)
    line.said()
    line.hears(*TAKEN)
    line.session.out.about_to_send(len(body(1)) - 1)
    assert line.left == []
    line.session.out.about_to_send(len(body(1)))
    assert line.left == ["p1"]
    line.said()
    line.hears("250 ok", *TAKEN)
    line.session.out.about_to_send(1 << 20)
    assert line.left == ["p1", "p2"]


def test_a_refused_message_does_not_hold_up_the_one_whose_envelope_is_on_the_way() -> None:
    line = Dialogue("PIPELINING", parcels=2)
    line.said()
    line.hears(*TAKEN)
    line.said()
    line.hears("554 5.6.0 no", *TAKEN)
    assert line.said() == body(2)
    line.hears("250 ok")
    assert line.outcomes == {"p1": (REJECTED, Phase.DOT), "p2": (SENT, Phase.DOT)}


def test_a_refused_envelope_does_not_touch_the_message_before_it() -> None:
    line = Dialogue("PIPELINING", parcels=3)
    line.said()
    line.hears(*TAKEN)
    line.said()
    line.hears("250 ok", "250 ok", "550 5.1.1 nobody", "554 no recipients")
    assert line.said() == "RSET\r\n" + envelope(3)
    assert line.outcomes == {"p1": (SENT, Phase.DOT), "p2": (REJECTED, Phase.RCPT)}
    line.hears("250 reset", *TAKEN)
    assert line.said() == body(3)


def test_421_to_a_dot_says_that_it_was_not_taken() -> None:
    line = Dialogue("PIPELINING", parcels=2)
    line.said()
    line.hears(*TAKEN)
    line.said()
    line.hears("421 4.3.2 closing")
    assert line.outcomes == {"p1": (DEFERRED, Phase.DOT)}
    assert line.outcome("p1").reply_class is ReplyClass.LANE
    assert line.unharmed == ["p2"]


def test_421_to_a_pipelined_envelope_charges_nobody() -> None:
    line = Dialogue("PIPELINING", parcels=2)
    line.said()
    line.hears(*TAKEN)
    line.said()
    line.hears("250 ok", "421 4.7.0 enough for one connection")
    assert line.outcomes == {"p1": (SENT, Phase.DOT)}
    assert line.unharmed == ["p2"]
    assert line.session.blameless


def test_421_to_the_first_envelope_is_its_outcome() -> None:
    line = Dialogue("PIPELINING")
    line.said()
    line.hears("421 4.7.0 not now")
    assert line.outcomes == {"p1": (DEFERRED, Phase.MAIL)}


def test_a_parcel_is_not_moved_for_ever() -> None:
    parcel = Dialogue().parcel(9)
    for _ in range(3):
        line = Dialogue("PIPELINING")
        line.said()
        line.hears(*TAKEN)
        line.posted.append(parcel)
        line.session.begin(line.now)
        line.said()
        line.session.lose("gone")
        assert line.session.unharmed == [parcel]
    line = Dialogue("PIPELINING")
    line.said()
    line.hears(*TAKEN)
    line.posted.append(parcel)
    line.session.begin(line.now)
    line.said()
    line.session.lose("gone")
    assert line.outcomes["p9"] == (DEFERRED, Phase.MAIL)


def test_a_sender_refused_and_a_recipient_taken_gets_no_empty_message() -> None:
    line = Dialogue("PIPELINING", parcels=2)
    line.said()
    line.hears("550 5.7.1 not you", "250 ok", "354 go on")
    assert line.said() == ""
    assert line.session.closed
    assert line.outcomes == {"p1": (DEFERRED, Phase.MAIL)}


def test_a_reply_before_the_end_of_the_message_ends_the_connection() -> None:
    for reply, outcome in (("550 5.7.1 no", (REJECTED, Phase.BODY)), ("250 what", (DEFERRED, Phase.BODY))):
        line = Dialogue("PIPELINING", parcels=2)
        line.said()
        line.hears(*TAKEN)
        line.said(5)
        line.hears(reply)
        assert line.outcomes["p1"] == outcome
        assert line.unharmed == ["p2"]
        assert line.session.closed


def test_what_a_server_says_unasked_is_no_answer_to_what_comes_next() -> None:
    line = Dialogue("PIPELINING", parcels=0)
    line.hears("250 an answer to nothing")
    line.posted.append(line.parcel(1))
    line.session.begin(line.now)
    assert line.said() == ""
    assert line.session.closed


def test_half_a_reply_that_comes_unasked_is_not_finished_as_an_answer() -> None:
    line = Dialogue("PIPELINING", parcels=0)
    line.session.feed(b"25", line.now)
    assert line.session.closed


def test_what_cannot_be_sent_here_has_its_outcome_without_a_byte() -> None:
    line = Dialogue("PIPELINING", parcels=0)
    line.posted += [
        Parcel("address", Envelope("s@x", "jörg@x"), b"a\r\n"),
        Parcel("content", Envelope("s@x", "r@x"), "Subject: a\r\n\r\né\r\n".encode()),
        line.parcel(1),
    ]
    line.session.begin(line.now)
    assert line.said() == envelope(1)
    assert line.outcomes == {"address": (REJECTED, Phase.MAIL), "content": (REJECTED, Phase.MAIL)}


def test_an_envelope_that_cannot_be_written_is_refused_alone() -> None:
    line = Dialogue("PIPELINING", "DSN", parcels=0)
    line.posted.append(Parcel("id", Envelope("s@x", "r@x", "é"), b"a\r\n"))
    line.session.begin(line.now)
    assert line.outcomes == {"id": (REJECTED, Phase.MAIL)}
