"""What the tests of the pump share: parcels, ways to post them and to wait, and a clock that can leap."""

import time
from collections import Counter
from collections.abc import Callable

from newsletter.mail.pump import Ended, Pump
from newsletter.mail.session import Parcel
from newsletter.mail.transport import Envelope, OutcomeKind
from tests.support.smtp_client import MESSAGE


class Clock:
    """The real time, and leaps forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


def parcel(key: object, message: bytes = MESSAGE) -> Parcel:
    return Parcel(key, Envelope("b@bounces.zio.example", f"r{key}@x.example", f"d{key}"), message)


def post(pump: Pump, key: str, count: int, message: bytes = MESSAGE) -> None:
    for n in range(count):
        pump.post(key, parcel(n, message))


def feed(pump: Pump, key: str, count: int, message: bytes = MESSAGE, timeout: float = 20) -> list[Ended]:
    """Post as many as there is room for, until all have ended."""
    ended: list[Ended] = []
    posted = 0
    deadline = time.monotonic() + timeout
    while len(ended) < count:
        assert time.monotonic() < deadline, f"{len(ended)} of {count} ended"
        for _ in range(min(pump.room(key), count - posted)):
            pump.post(key, parcel(posted, message))
            posted += 1
        ended += pump.turn(0.02)
    assert len(ended) == count
    return ended


def kinds(ended: list[Ended]) -> Counter[OutcomeKind]:
    return Counter(one.outcome.kind for one in ended)


def turn_until(pump: Pump, fact: Callable[[], bool], timeout: float = 5) -> list[Ended]:
    ended: list[Ended] = []
    deadline = time.monotonic() + timeout
    while not fact():
        assert time.monotonic() < deadline
        ended += pump.turn(0.02)
    return ended
