"""Replies in pieces, replies that never end, and the time that each of them has."""

import pytest

from newsletter.mail.outcomes import OutcomeKind
from newsletter.mail.replies import Phase, ReplyClass
from tests.support.smtp_dialogue import TAKEN, Dialogue, body, envelope

SENT, DEFERRED = OutcomeKind.SENT, OutcomeKind.DEFERRED
REJECTED, AMBIGUOUS = OutcomeKind.REJECTED, OutcomeKind.AMBIGUOUS


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_replies_may_be_cut_anywhere(size: int) -> None:
    line = Dialogue("PIPELINING", parcels=2)
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
def test_what_is_no_reply_or_never_ends_is_left(data: bytes) -> None:
    line = Dialogue("PIPELINING")
    line.said()
    line.session.feed(data, line.now)
    assert line.outcomes == {"p1": (DEFERRED, Phase.MAIL)}
    assert line.outcome("p1").reply_class is ReplyClass.DESYNC


def test_what_came_before_the_nonsense_counts() -> None:
    line = Dialogue("PIPELINING", parcels=2)
    line.said()
    line.hears(*TAKEN)
    line.said()
    line.hears("250 taken", "nonsense")
    assert line.outcomes["p1"] == (SENT, Phase.DOT)


def test_each_reply_has_its_own_time() -> None:
    line = Dialogue("PIPELINING", parcels=2)
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


def test_a_part_of_a_reply_does_not_gain_time() -> None:
    line = Dialogue("PIPELINING")
    line.said()
    for _ in range(3):
        line.now += 1
        line.session.feed(b"250-x\r\n", line.now)
    assert line.session.deadline == 105


def test_a_transaction_has_an_end_although_every_block_is_in_time() -> None:
    line = Dialogue("PIPELINING")
    line.said()
    line.hears(*TAKEN)
    for _ in range(10):
        line.now += 2
        line.said(1)
    assert line.session.deadline == 120


def test_the_reply_to_the_dot_is_always_waited_for() -> None:
    line = Dialogue("PIPELINING")
    line.said()
    line.now = 119
    line.hears(*TAKEN)
    line.said()
    assert line.session.deadline == 129


def test_nothing_is_due_on_an_idle_connection() -> None:
    line = Dialogue("PIPELINING", parcels=0)
    assert line.session.deadline == float("inf")


def test_replies_that_no_longer_matter_get_little_time() -> None:
    line = Dialogue("PIPELINING")
    line.said()
    line.hears("250 ok", "550 5.1.1 nobody")
    assert line.session.deadline == 101
