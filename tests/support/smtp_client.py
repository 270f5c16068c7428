"""What the tests of the SMTP client share: an envelope, a message, short time limits, and two ways to send.

`Transport` sends one message and waits for its outcome; `PumpedTransport` does the same through a pump, so that both
can be asked the same questions (the fixture `mailer` is each of them in turn).
"""

import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Self

from newsletter.mail.addrspec import wire_form
from newsletter.mail.pump import Ended, Pump
from newsletter.mail.replies import Phase, ReplyClass
from newsletter.mail.session import Parcel
from newsletter.mail.transport import Envelope, Outcome, OutcomeKind, Relay, Timeouts, Transport
from tests.support.smtp_server import Script, ScriptedServer

ENVELOPE = Envelope("b+token@bounces.zio.example", "b@x.example", "d42")
MESSAGE = b"Subject: a\r\n\r\nhello\r\n.\r\n..dots\r\nend\r\n"
FAST = Timeouts(connect=2, greeting=0.5, command=0.5, data=0.5, block=0.5, dot=0.5, transaction=3, drain=0.3, quit=0.2)


class PumpedTransport:
    """A pump with one connection that is given one message at a time."""

    def __init__(self, relay: Relay, *, timeouts: Timeouts, context: ssl.SSLContext | None = None) -> None:
        self._pump = Pump(leaving=lambda parcel: None, timeouts=timeouts, context=context)
        self._pump.line("relay", relay, connections=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._pump.close()

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        deadline = time.monotonic() + 10
        while not self._pump.room("relay"):  # it may rest, after a connection that failed
            assert not self._pump.turn(0.02)
            assert time.monotonic() < deadline
        parcel = Parcel("only", replace(envelope, recipient=wire_form(envelope.recipient)), message)
        self._pump.post("relay", parcel)
        [ended] = run(self._pump, 1)
        assert ended.parcel is parcel
        return ended.outcome


Mailer = Callable[..., Transport | PumpedTransport]


def run(pump: Pump, count: int, timeout: float = 10) -> list[Ended]:
    """Turn until so many parcels have ended; fails when they do not in time, or when more did."""
    ended: list[Ended] = []
    deadline = time.monotonic() + timeout
    while len(ended) < count and time.monotonic() < deadline:
        ended += pump.turn(0.02)
    assert len(ended) == count, f"{len(ended)} of {count} ended"
    return ended


def wait_until(fact: Callable[[], bool], timeout: float = 5) -> None:
    """Wait for something that a server's thread will do; fails when it does not in time."""
    deadline = time.monotonic() + timeout
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def send(
    mailer: Mailer, *scripts: Script, envelope: Envelope = ENVELOPE, message: bytes = MESSAGE, times: int = 1
) -> list[Outcome]:
    with ScriptedServer(*scripts) as server, mailer(Relay.parse(server.url), timeouts=FAST) as transport:
        return [transport.send(envelope, message) for _ in range(times)]


def judge(outcome: Outcome) -> tuple[OutcomeKind, ReplyClass, Phase]:
    return outcome.kind, outcome.reply_class, outcome.phase
