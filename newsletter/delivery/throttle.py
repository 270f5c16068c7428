"""The arithmetic of a lane: how much may leave and when, by its limits and by what the other side bears.

Values in, values out: the rows, the workers that share them and the moments are the caller's.

Tokens: a lane earns its rate in tokens, one message each, and never has more than `BURST` seconds' worth, those
included that workers have taken and not spent. So however many workers there are, and whichever of them die, at most
`rate * t + burst` messages leave in any time t. A clock that is put forward fills the bucket once, one that is put back
stops it for at most a minute.

Pace: trouble halves it and closes the lane for some seconds, acceptances let it grow by a twentieth a second. What it
is a share of is the operator's limit, or, where there is none, the speed at which the trouble began. Trouble that
shows only later, in what readers and bounces say, keeps it from growing for a while.
"""

import math
import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

BURST = 1.0
SKEW = timedelta(minutes=1)  # machines that share a database may disagree by this much; more is a clock that was set
LEAST_PACE = 1 / 32
GROWTH = 0.05
CLOSING = 5.0
LONGEST_CLOSING = timedelta(minutes=2)
FIRST_PROBE = timedelta(minutes=15)
LAST_PROBE = timedelta(hours=4)
PROBE_LEASE = timedelta(minutes=15)  # a relay may take ten minutes over its answer (RFC 5321, 4.5.3.2.6)
STEADY = timedelta(hours=1)
JITTER = 0.2
WARM_UP = (200, 500, 1000, 2000, 5000, 10_000, 20_000, 40_000, 70_000, 100_000, 150_000, 250_000, 400_000, 700_000)


@dataclass(frozen=True, slots=True)
class State:
    """One lane, as in `models.Lane`."""

    per_second: float | None = None
    per_day: int | None = None
    concurrency: int | None = None
    allowance: int | None = None
    tokens: float = 0.0
    refilled_at: datetime | None = None
    pace: float = 1.0
    rate: float | None = None
    day: datetime | None = None
    sent_today: int = 0
    refusals: int = 0
    closed_until: datetime | None = None
    steady_until: datetime | None = None
    paused_at: datetime | None = None
    reply: str | None = None
    updated_at: datetime | None = None


# What may leave


def speed(state: State) -> float | None:
    """Messages a second at present; None: as many as go."""
    limits = [limit for limit in (state.per_second, state.rate) if limit is not None]
    return min(limits) * state.pace if limits else None


def burst(rate: float) -> float:
    """Most tokens at once: a second's worth, and never less than one message."""
    return max(1.0, rate * BURST)


def exchange(
    state: State, *, unspent: float, wanted: float, held_by_others: float, cap: int | None, now: datetime
) -> tuple[State, int]:
    """A worker brings back what it did not spend and takes what it may spend next, at most `wanted`, in whole messages.

    `cap`: most messages of this day, None for no limit. What is taken counts as sent until it is brought back.
    """
    state = _begin_day(state, now)
    state = replace(state, sent_today=max(0, state.sent_today - int(unspent)))
    available = wanted
    rate = speed(state)
    if rate is not None:
        state = _refill(state, rate, brought_back=unspent, held_by_others=held_by_others, now=now)
        available = min(available, state.tokens)
    if cap is not None:
        available = min(available, cap - state.sent_today)
    taken = max(0, math.floor(available + 1e-9))
    tokens = state.tokens if rate is None else max(0.0, state.tokens - taken)
    return replace(state, tokens=tokens, sent_today=state.sent_today + taken), taken


def _refill(state: State, rate: float, *, brought_back: float, held_by_others: float, now: datetime) -> State:
    room = max(0.0, burst(rate) - held_by_others)
    if state.refilled_at is None:
        return replace(state, tokens=min(room, 1.0), refilled_at=now)
    elapsed = (now - state.refilled_at).total_seconds()
    since = now if elapsed >= 0 or -elapsed > SKEW.total_seconds() else state.refilled_at
    earned = max(0.0, elapsed) * rate
    return replace(state, tokens=min(room, state.tokens + brought_back + earned), refilled_at=since)


def midnight(now: datetime) -> datetime:
    """When the day of the caps began; it is UTC's, the same for every worker."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _begin_day(state: State, now: datetime) -> State:
    today = midnight(now)
    if state.day is None or today > state.day:
        return replace(state, day=today, sent_today=0)
    if state.day - now > SKEW:  # the clock was put back: the day is named anew, what was sent in it still counts
        return replace(state, day=today)
    return state


def cap(state: State, warm_up: list[int], since: datetime | None, now: datetime) -> int | None:
    """Most messages of this day, by the operator's limit and by what a warm-up allows; None: no limit.

    A plan that no review has looked at goes by the days, which begin at midnight: the first is the one that holds
    `since`, and the last is not the limit of those that follow.
    """
    limits = [] if state.per_day is None else [state.per_day]
    if state.allowance is not None:
        limits.append(state.allowance)
    elif warm_up and since is not None:
        number = max(0, (midnight(now) - midnight(since)).days)
        limits += warm_up[number : number + 1]
    return min(limits, default=None)


def next_day(now: datetime) -> datetime:
    return midnight(now) + timedelta(days=1)


# How many at a time


def places(total: int, others: list[int], rank: int) -> int:
    """Places of one worker out of `total`: an equal share of all, and only what the others do not hold any more.

    `rank`: its position among the workers, from 0; the first ones get what does not divide.
    """
    workers = len(others) + 1
    fair = total // workers + (1 if rank < total % workers else 0)
    return max(0, min(fair, total - sum(others)))


def at_pace(total: int, pace: float) -> int:
    """How many of the places may be used at a pace; one always."""
    return max(1, math.floor(total * pace + 1e-9))


# What the other side bears


def slow_down(
    state: State,
    *,
    observed: float,
    close: bool,
    learn: bool,
    now: datetime,
    rng: random.Random,
    steady: timedelta | None = None,
) -> State:
    """After trouble: half the pace, and with `close` nothing at all for some seconds, longer each time.

    `observed`: messages a second that were taken lately. With `learn` it becomes what the pace is a share of, where no
    limit is set; a relay's own lane adapts its connections instead. `steady`: for so long the pace does not grow,
    whatever is accepted.
    """
    if is_paused(state):
        return state
    rate = state.rate
    if learn and rate is None and state.per_second is None:
        rate = max(observed, 1.0)
    pace = max(state.pace / 2, LEAST_PACE)
    closed_until = state.closed_until
    if close:
        length = min(timedelta(seconds=CLOSING / pace), LONGEST_CLOSING) * (1 + rng.uniform(-JITTER, JITTER))
        closed_until = max(now + length, closed_until or now)
    steady_until = state.steady_until if steady is None else now + steady
    return replace(state, pace=pace, rate=rate, closed_until=closed_until, steady_until=steady_until, updated_at=now)


def is_steady(state: State, now: datetime) -> bool:
    """Whether the pace must not grow yet."""
    return state.steady_until is not None and state.steady_until > now


def speed_up(state: State, *, binding: bool, now: datetime) -> State:
    """After acceptances without trouble, at most once for each moment however many workers report.

    `binding`: messages had to wait for this lane. A learned rate that holds nothing up is forgotten; one that does is
    doubled, so that the lane goes on growing as steadily as before.
    """
    if is_paused(state) or is_steady(state, now) or (state.pace >= 1 and state.rate is None):
        return state
    since = state.updated_at or now
    elapsed = (now - since).total_seconds()
    if elapsed < 0:
        return replace(state, updated_at=now)
    pace = min(1.0, state.pace + GROWTH * min(elapsed, 1.0))
    closed_until = state.closed_until if is_closed(state, now) else None
    grown = replace(state, pace=pace, closed_until=closed_until, updated_at=now)
    if pace < 1 or state.rate is None:
        return grown
    return replace(grown, rate=state.rate * 2, pace=0.5) if binding else replace(grown, rate=None)


def is_closed(state: State, now: datetime) -> bool:
    return state.closed_until is not None and state.closed_until > now


# Refused for what we are


def is_paused(state: State) -> bool:
    return state.paused_at is not None


def is_shut(state: State, now: datetime) -> bool:
    """Whether nothing may leave, but for a probe."""
    return is_paused(state) or is_closed(state, now)


def pause(state: State, *, reply: str, now: datetime, rng: random.Random, probe: bool = True) -> State:
    """Stop the lane until a probe is taken or an operator resumes it; a lane that is paused already stays as it is.

    Without `probe` only an operator does: that one message is taken refutes nothing that readers have said.
    """
    if is_paused(state):
        return state
    closed_until = now + _probe_delay(1, rng) if probe else None
    return replace(state, paused_at=now, refusals=1, reply=reply[:500], closed_until=closed_until, updated_at=now)


def probe_is_due(state: State, now: datetime) -> bool:
    """Whether one message may try a paused lane. One that has no time set waits for a hand."""
    return is_paused(state) and state.closed_until is not None and state.closed_until <= now


def take_probe(state: State, now: datetime) -> State:
    """One worker tries; the others wait until it has an answer, or has died."""
    return replace(state, closed_until=now + PROBE_LEASE)


def return_probe(state: State, now: datetime) -> State:
    """It did not try, or the answer said nothing about us: whoever has a message next may."""
    return replace(state, closed_until=now + timedelta(minutes=1)) if is_probing(state) else state


def is_probing(state: State) -> bool:
    return is_paused(state) and state.closed_until is not None


def fail_probe(state: State, *, reply: str, now: datetime, rng: random.Random) -> State:
    """Refused again: the next probe waits twice as long."""
    if not is_probing(state):
        return state
    refusals = state.refusals + 1
    closed_until = now + _probe_delay(refusals, rng)
    return replace(state, refusals=refusals, reply=reply[:500], closed_until=closed_until, updated_at=now)


def reopen(state: State, now: datetime) -> State:
    """A probe was taken: go on, slowly at first."""
    if not is_probing(state):
        return state
    return replace(resumed(state, now), pace=min(state.pace, 0.25))


def resumed(state: State, now: datetime) -> State:
    """As an operator opens it: as if nothing had been."""
    return replace(
        state,
        paused_at=None,
        closed_until=None,
        steady_until=None,
        refusals=0,
        reply=None,
        pace=1.0,
        rate=None,
        updated_at=now,
    )


def mend(state: State, now: datetime) -> State:
    """Bring near what a clock that was put back has left far in the future."""
    if state.steady_until is not None and state.steady_until - now > STEADY + SKEW:
        state = replace(state, steady_until=now + STEADY)
    if state.closed_until is None:
        return state
    longest = max(LAST_PROBE, PROBE_LEASE) if is_paused(state) else LONGEST_CLOSING
    longest *= 1 + JITTER
    return replace(state, closed_until=now + longest) if state.closed_until - now > longest + SKEW else state


def _probe_delay(refusals: int, rng: random.Random) -> timedelta:
    delay = FIRST_PROBE * float(2 ** min(refusals - 1, 10))
    return min(delay, LAST_PROBE) * (1 + rng.uniform(-JITTER / 2, JITTER / 2))
