"""Messages as chunks (RFC 3030), several on the way at once."""

import pytest

from newsletter.mail.outcomes import OutcomeKind
from newsletter.mail.replies import Phase
from newsletter.mail.session import CHUNKING_FROM, Parcel
from newsletter.mail.transport import Envelope
from tests.support.smtp_dialogue import Dialogue, chunk

SENT, DEFERRED = OutcomeKind.SENT, OutcomeKind.DEFERRED
REJECTED, AMBIGUOUS = OutcomeKind.REJECTED, OutcomeKind.AMBIGUOUS


def chunking(parcels: int) -> Dialogue:
    return Dialogue("PIPELINING", "CHUNKING", parcels=parcels, round_trip=CHUNKING_FROM)


def test_a_message_goes_with_its_envelope_and_several_are_on_the_way() -> None:
    line = chunking(parcels=6)
    assert line.said() == chunk(1) + "".join("RSET\r\n" + chunk(n) for n in (2, 3, 4))
    assert line.left == ["p1", "p2", "p3", "p4"]
    line.hears("250 ok", "250 ok", "250 taken")
    assert line.said() == "RSET\r\n" + chunk(5)
    line.hears(*["250 ok"] * 4 * 3)
    assert line.said() == "RSET\r\n" + chunk(6)
    line.hears(*["250 ok"] * 4 * 2)
    assert list(line.outcomes.values()) == [(SENT, Phase.DOT)] * 6


def test_dots_are_not_doubled_and_the_last_line_gets_its_end() -> None:
    line = chunking(parcels=0)
    line.posted.append(Parcel("p", Envelope("s@x", "r@x"), b".a\r\n.\r\nb"))
    line.session.begin(line.now)
    assert line.said().endswith("BDAT 10 LAST\r\n.a\r\n.\r\nb\r\n")


@pytest.mark.parametrize(
    ("extensions", "round_trip"),
    [(("PIPELINING", "CHUNKING"), 0.001), (("CHUNKING",), 1.0), (("PIPELINING",), 1.0)],
)
def test_it_is_used_only_where_it_helps(extensions: tuple[str, ...], round_trip: float) -> None:
    assert "BDAT" not in Dialogue(*extensions, round_trip=round_trip).said()


def test_a_refused_recipient_costs_its_own_message_alone() -> None:
    line = chunking(parcels=3)
    line.said()
    line.hears("250 ok", "550 5.1.1 nobody", "503 5.5.1 no recipients", *["250 ok"] * 8)
    assert line.outcomes == {"p1": (REJECTED, Phase.RCPT), "p2": (SENT, Phase.DOT), "p3": (SENT, Phase.DOT)}


def test_after_a_failed_chunk_comes_rset() -> None:
    line = chunking(parcels=1)
    line.said()
    line.hears("250 ok", "250 ok", "451 4.3.0 later")
    line.posted.append(line.parcel(2))
    line.session.begin(line.now)
    assert line.said() == "RSET\r\n" + chunk(2)


def test_after_a_chunk_that_was_taken_comes_the_next_envelope() -> None:
    line = chunking(parcels=1)
    line.said()
    line.hears("250 ok", "250 ok", "250 taken")
    line.posted.append(line.parcel(2))
    line.session.begin(line.now)
    assert line.said() == chunk(2)


def test_what_the_server_took_after_all_is_sent() -> None:
    line = chunking(parcels=1)
    line.said()
    line.hears("451 4.3.0 eh", "250 ok", "250 taken")
    assert line.outcomes == {"p1": (SENT, Phase.DOT)}


def test_a_chunk_that_was_taken_for_nobody_is_not_sent() -> None:
    line = chunking(parcels=1)
    line.said()
    line.hears("250 ok", "550 5.1.1 nobody", "250 taken")
    assert line.outcomes == {"p1": (REJECTED, Phase.RCPT)}


def test_a_connection_lost_leaves_all_in_doubt_that_were_complete() -> None:
    line = chunking(parcels=5)
    line.said(len(chunk(1)) + len("RSET\r\n" + chunk(2)) + 1)
    line.session.lose("gone")
    assert line.outcomes == {"p1": (AMBIGUOUS, Phase.DOT), "p2": (AMBIGUOUS, Phase.DOT)}
    assert line.unharmed == ["p3", "p4"]
    assert [parcel.key for parcel in line.posted] == ["p5"]


def test_421_says_that_nothing_after_it_was_taken() -> None:
    line = chunking(parcels=3)
    line.said()
    line.hears("250 ok", "250 ok", "250 taken", "250 ok", "421 4.3.2 closing")
    assert line.outcomes == {"p1": (SENT, Phase.DOT)}
    assert line.unharmed == ["p2", "p3"]


def test_a_refused_rset_ends_the_connection() -> None:
    line = chunking(parcels=1)
    line.said()
    line.hears("250 ok", "250 ok", "554 5.6.0 no")
    line.posted.append(line.parcel(2))
    line.session.begin(line.now)
    line.said(6)
    line.hears("554 5.5.1 no RSET here")
    assert line.session.closed
    assert line.unharmed == ["p2"]
