"""When to try again. Retry times are rows in the database: a broker redelivers what it is asked to hold for long."""

import random
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)
BULK = tuple(MINUTE * n for n in (5, 15, 30, 60, 120, 240, 480))
TRANSACTIONAL = tuple(MINUTE * n for n in (1, 3, 10, 20, 30))
# The connection was lost in the middle of the message: a relay that restarts is back soon, a message that kills it is
# not.
LOST = (timedelta(seconds=15), MINUTE, *BULK)
RELAY_DOWN = tuple(timedelta(seconds=n) for n in (5, 10, 20, 40, 60))
AFTER_UNKNOWN = 10 * MINUTE  # the relay may still be delivering what it took
JITTER = 0.2  # ±20 %, so that a thousand greylisted messages do not come back in the same second


def next_attempt(
    steps: tuple[timedelta, ...], attempts: int, *, now: datetime, rng: random.Random, jitter: float = JITTER
) -> datetime:
    """The moment of the next attempt after `attempts` (1 or more) that did not succeed; the last step repeats."""
    step = steps[min(max(attempts, 1), len(steps)) - 1]
    return now + step * (1 + rng.uniform(-jitter, jitter))
