"""Servers that do anything, at any moment: every message has one end, and none that was taken is sent again."""

import random
import time
from collections import Counter, deque
from contextlib import suppress
from operator import itemgetter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.mail.commands import Extensions
from newsletter.mail.outcomes import Outcome, OutcomeKind
from newsletter.mail.pump import Pump
from newsletter.mail.session import CHUNKING_FROM, CHUNKS_ON_THE_WAY, Parcel, Session
from newsletter.mail.transport import Envelope, Relay, Timeouts
from tests.support.moody_server import MoodyServer
from tests.support.smtp_server import Conversation, ScriptedServer

MESSAGES = (b"Subject: a\r\n\r\nhello\r\n", b".\r\n..\r\n.x\r\n", b"\r\n", b"\r\n.\r\n", b"x" * 300 + b"\r\n.")
EXTENSIONS = ((), ("PIPELINING",), ("PIPELINING", "CHUNKING"))
QUICK = Timeouts(connect=2, greeting=1, command=1, data=1, block=1, dot=1, transaction=5, drain=0.2, quit=0.2)


def parcels(count: int) -> list[Parcel]:
    return [Parcel(n, Envelope(f"s{n}@x.example", f"r{n}@x.example"), MESSAGES[n % 5]) for n in range(count)]


def check(posted: list[Parcel], outcomes: dict[int, Outcome], taken: dict[str, tuple[str, bytes]]) -> None:
    """Compare what we say became of each message with what the server knows."""
    for parcel in posted:
        outcome = outcomes.get(parcel.key)
        received = taken.get(parcel.envelope.recipient)
        if received is not None:
            assert received[0] == parcel.envelope.sender
            whole = parcel.message if parcel.message.endswith(b"\r\n") else parcel.message + b"\r\n"
            assert received[1] == whole
            assert outcome is not None
            assert outcome.kind in (OutcomeKind.SENT, OutcomeKind.AMBIGUOUS)
        elif outcome is not None:
            assert outcome.kind is not OutcomeKind.SENT


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_server_confuses_a_conversation(data: st.DataObject) -> None:
    choices = data.draw(st.randoms(use_true_random=False))
    extensions = data.draw(st.sampled_from(EXTENSIONS))
    posted = parcels(8)
    waiting = deque(posted)
    taken: dict[str, tuple[str, bytes]] = {}
    outcomes: dict[int, Outcome] = {}
    for _ in range(6):
        server = MoodyServer(choices.choice)
        left: set[int] = set()
        known: dict[int, Outcome] = {}
        session = Session(
            Extensions(frozenset(extensions)),
            QUICK,
            lambda: waiting.popleft() if waiting else None,
            leaving=lambda parcel, left=left: left.add(parcel.key),  # type: ignore[misc]
            known=lambda parcel, outcome, known=known: known.update({parcel.key: outcome}),  # type: ignore[misc]
            round_trip=CHUNKING_FROM,
        )
        in_doubt_at_once = CHUNKS_ON_THE_WAY if session.chunking else 1
        session.begin(0.0)
        said = b""
        while session.busy and not session.closed:
            if session.out and choices.random() < 0.6:
                block = session.out.block(choices.choice((1, 2, 7, 40, 1 << 20)))
                session.out.about_to_send(len(block))
                said += server.hear(bytes(block))
                session.took(len(block), 0.0)
            elif said:
                count = choices.choice((1, 3, 10, 1 << 20))
                heard, said = said[:count], said[count:]
                session.feed(heard, 0.0)
            elif server.over or choices.random() < 0.01:
                session.lose("gone")
            for recipient in server.taken:
                assert int(recipient[1:].partition("@")[0]) in left
            assert session.closed or len(left - known.keys()) <= in_doubt_at_once
        taken |= server.taken
        for parcel, outcome in session.ended:
            assert parcel.key not in outcomes
            assert known.pop(parcel.key) is outcome
            outcomes[parcel.key] = outcome
        assert not known
        waiting.extendleft(reversed(session.unharmed))
    assert sorted([*outcomes, *(parcel.key for parcel in waiting)]) == list(range(8))
    check(posted, outcomes, taken)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), extensions=st.sampled_from(EXTENSIONS))
@pytest.mark.timeout(300)
def test_no_server_confuses_the_pump(seed: int, extensions: tuple[str, ...]) -> None:
    rng = random.Random(seed)
    servers: list[MoodyServer] = []

    def moody(client: Conversation) -> None:
        mine = random.Random(rng.random())
        server = MoodyServer(mine.choice)
        servers.append(server)
        if mine.random() < 0.1:
            client.say(mine.choice(["421 4.7.0 too many", "554 no", "what?"]))
            return
        client.say("220 hello")
        client.hear("EHLO")
        time.sleep(CHUNKING_FROM if "CHUNKING" in extensions else 0)
        names = ["moody", *extensions]
        client.say(*(f"250{' ' if name is names[-1] else '-'}{name}" for name in names))
        while not server.over:
            line_or_more = client.hear_some()
            if line_or_more.endswith(b"QUIT\r\n"):
                return
            said = server.hear(line_or_more)
            while said:
                count = mine.choice((1, 5, 1000))
                client.say_bytes(said[:count])
                said = said[count:]
        with suppress(OSError):
            client.close() if mine.random() < 0.5 else client.reset()

    posted = parcels(30)
    outcomes: dict[int, Outcome] = {}
    ends: Counter[int] = Counter()
    known: list[tuple[int, Outcome]] = []
    with ScriptedServer(moody) as server:
        pump = Pump(
            leaving=lambda parcel: None,
            known=lambda parcel, outcome: known.append((parcel.key, outcome)),
            timeouts=QUICK,
        )
        pump.line("a", Relay.parse(server.url), connections=3)
        waiting = deque(posted)
        until = time.monotonic() + rng.uniform(0.05, 0.6)
        while (waiting or pump.in_hand()) and time.monotonic() < until:
            while waiting and pump.room("a"):
                pump.post("a", waiting.popleft())
            for ended in pump.turn(0.01):
                outcomes[ended.parcel.key] = ended.outcome
                ends[ended.parcel.key] += 1
        withdrawn = [parcel.key for parcel in pump.withdraw()]
        for ended in pump.close():
            outcomes[ended.parcel.key] = ended.outcome
            ends[ended.parcel.key] += 1
    assert sorted(known, key=itemgetter(0)) == sorted(outcomes.items(), key=itemgetter(0))
    assert sorted([*ends.elements(), *withdrawn, *(parcel.key for parcel in waiting)]) == list(range(30))
    taken: dict[str, tuple[str, bytes]] = {}
    for one in servers:
        assert not taken.keys() & one.taken.keys()
        taken |= one.taken
    check(posted, outcomes, taken)
