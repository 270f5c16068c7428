"""The arithmetic of a lane, under any number of workers, deaths and clocks."""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.delivery import throttle
from newsletter.delivery.throttle import State

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
LEASE = 3 * SECOND


def rng() -> random.Random:
    return random.Random(7)


@dataclass
class Holding:
    tokens: int = 0
    until: datetime = NOW


@dataclass
class Workers:
    """What any number of workers do with one row, and when messages left."""

    state: State
    cap: int | None = None
    now: datetime = NOW
    rows: dict[int, Holding] = field(default_factory=dict)
    local: dict[int, Holding] = field(default_factory=dict)
    sent: list[datetime] = field(default_factory=list)

    def exchange(self, worker: int, wanted: int) -> None:
        others = sum(row.tokens for name, row in self.rows.items() if name != worker and row.until > self.now)
        unspent = self.local.get(worker, Holding()).tokens
        self.state, taken = throttle.exchange(
            self.state, unspent=unspent, wanted=wanted, held_by_others=others, cap=self.cap, now=self.now
        )
        self.rows[worker] = Holding(taken, self.now + LEASE)
        self.local[worker] = Holding(taken, self.now + LEASE)

    def send(self, worker: int, wanted: int) -> None:
        held = self.local.get(worker, Holding())
        if held.until > self.now:
            left = min(held.tokens, wanted)
            held.tokens -= left
            self.sent += [self.now] * left

    def die(self, worker: int) -> None:
        self.local.pop(worker, None)


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["exchange", "exchange", "send", "send", "die", "wait"]),
        st.integers(0, 4),
        st.integers(0, 60),
    ),
    max_size=150,
)


@settings(max_examples=300, deadline=None)
@given(rate=st.sampled_from([0.1, 0.5, 1.0, 7.0, 50.0]), actions=ACTIONS)
def test_no_more_leaves_than_the_rate_and_one_burst_whatever_workers_do(
    rate: float, actions: list[tuple[str, int, int]]
) -> None:
    workers = Workers(State(per_second=rate))
    for action, worker, number in actions:
        if action == "wait":
            workers.now += SECOND * number / 20
        elif action == "die":
            workers.die(worker)
        else:
            getattr(workers, action)(worker, number)
    for first, began in enumerate(workers.sent):
        for last, ended in enumerate(workers.sent[first:], 1):
            assert last <= rate * (ended - began).total_seconds() + throttle.burst(rate) + 1e-6


@settings(max_examples=200, deadline=None)
@given(cap=st.integers(0, 200), actions=ACTIONS)
def test_no_more_leaves_in_a_day_than_its_cap(cap: int, actions: list[tuple[str, int, int]]) -> None:
    workers = Workers(State(), cap=cap)
    for action, worker, number in actions:
        if action == "wait":
            workers.now += timedelta(hours=number / 3)
        elif action == "die":
            workers.die(worker)
        else:
            getattr(workers, action)(worker, number)
    days = [throttle.midnight(moment) for moment in workers.sent]
    # What was taken just before midnight may leave after it.
    assert all(days.count(day) <= 2 * cap for day in days)
    assert len(days) <= cap * (len(set(days)) + 1)


def test_three_busy_workers_use_the_whole_rate() -> None:
    workers = Workers(State(per_second=10.0))
    for tick in range(240):
        for worker in range(3):
            workers.send(worker, 99)
            workers.exchange(worker, 10)
        workers.now = NOW + SECOND * (tick + 1) / 4
    assert 10 * 58 <= len(workers.sent) <= 10 * 60 + 10


def test_what_a_dead_worker_held_is_missed_for_its_lease_only() -> None:
    workers = Workers(State(per_second=1.0, tokens=1.0, refilled_at=NOW))
    workers.exchange(0, 1)
    workers.now += 2 * SECOND
    workers.exchange(1, 1)
    assert workers.local[1].tokens == 0
    workers.now += 2 * SECOND
    workers.exchange(1, 1)
    assert workers.local[1].tokens == 1


def test_a_token_that_was_not_used_is_there_for_the_next_worker() -> None:
    workers = Workers(State(per_second=0.1, tokens=1.0, refilled_at=NOW))
    workers.exchange(0, 1)
    workers.exchange(0, 0)
    workers.exchange(1, 1)
    assert workers.local[1].tokens == 1


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_clock_that_jumps_by_a_day_makes_no_flood_and_no_standstill(jump: timedelta) -> None:
    workers = Workers(State(per_second=10.0))
    for tick in range(40):
        workers.exchange(0, 10)
        workers.send(0, 99)
        workers.now = NOW + SECOND * tick / 4
    before = len(workers.sent)
    for tick in range(40):
        workers.now = NOW + jump + SECOND * (10 + tick / 4)
        workers.exchange(0, 10)
        workers.send(0, 99)
    assert 80 <= len(workers.sent) - before <= 10 * 10 + 10


def test_machines_whose_clocks_differ_a_little_do_not_earn_twice() -> None:
    workers = Workers(State(per_second=10.0))
    for tick in range(400):
        real = NOW + SECOND * tick / 10
        workers.now = real + (2 * SECOND if tick % 2 else timedelta(0))
        workers.exchange(tick % 2, 10)
        workers.send(tick % 2, 99)
    assert len(workers.sent) <= 10 * 42 + 10


def test_a_clock_put_back_over_midnight_does_not_give_the_day_twice() -> None:
    workers = Workers(State(), cap=5, now=NOW)
    workers.exchange(0, 5)
    workers.send(0, 5)
    workers.now = NOW - DAY
    workers.exchange(0, 5)
    assert workers.local[0].tokens == 0
    workers.now = NOW
    workers.exchange(0, 5)
    assert workers.local[0].tokens == 5


def test_a_plan_raises_the_cap_day_by_day_and_ends() -> None:
    plan, since = [100, 300, 900], NOW.replace(hour=22)
    caps = [
        throttle.cap(State(), plan, since, NOW.replace(hour=hour) + DAY * day)
        for day, hour in [(0, 23), (1, 0), (1, 23), (2, 5), (3, 0)]
    ]
    assert caps == [100, 300, 300, 900, None]
    assert throttle.cap(State(per_day=250), plan, since, NOW + DAY) == 250
    assert throttle.cap(State(), [], None, NOW) is None
    assert throttle.cap(State(), plan, NOW + DAY, NOW) == 100


@given(total=st.integers(1, 40), workers=st.integers(1, 12), order=st.randoms())
def test_places_are_shared_out_whole_and_never_twice(total: int, workers: int, order: random.Random) -> None:
    held = [0] * workers
    for _ in range(3 * workers):
        worker = order.randrange(workers)
        held[worker] = throttle.places(total, [n for at, n in enumerate(held) if at != worker], worker)
        assert sum(held) <= total
    for worker in list(range(workers)) * 2:
        held[worker] = throttle.places(total, [n for at, n in enumerate(held) if at != worker], worker)
    assert sum(held) == total
    assert max(held) - min(held) <= 1


def test_trouble_halves_the_pace_and_closes_for_longer_each_time() -> None:
    state, moment, lengths = State(), NOW, []
    for _ in range(9):
        state = throttle.slow_down(state, observed=40.0, close=True, learn=True, now=moment, rng=rng())
        assert state.closed_until is not None
        lengths.append(state.closed_until - moment)
        moment = state.closed_until
    assert state.pace == throttle.LEAST_PACE
    assert state.rate == 40.0
    assert timedelta(seconds=7) < lengths[0] < timedelta(seconds=13)
    assert lengths == sorted(lengths)
    assert lengths[-1] <= throttle.LONGEST_CLOSING * 1.2


def test_acceptances_open_a_lane_again_steadily_until_nothing_is_left_of_the_trouble() -> None:
    state = throttle.slow_down(State(), observed=8.0, close=True, learn=True, now=NOW, rng=rng())
    assert throttle.speed(state) == 4.0
    speeds = []
    for second in range(1, 12):
        state = throttle.speed_up(state, binding=True, now=NOW + 20 * SECOND + second * SECOND)
        speeds.append(throttle.speed(state))
    assert speeds == sorted(speeds)  # type: ignore[type-var]
    assert state.rate == 16.0
    for second in range(12, 30):
        state = throttle.speed_up(state, binding=False, now=NOW + 20 * SECOND + second * SECOND)
    assert throttle.speed(state) is None
    assert not throttle.is_shut(state, NOW + 60 * SECOND)


def test_many_workers_that_report_at_the_same_moment_raise_the_pace_once() -> None:
    state = replace(State(per_second=10.0), pace=0.5, updated_at=NOW)
    for _ in range(20):
        state = throttle.speed_up(state, binding=True, now=NOW + SECOND)
    assert state.pace == pytest.approx(0.5 + throttle.GROWTH)


def test_a_paused_lane_is_probed_after_a_quarter_of_an_hour_then_more_and_more_rarely() -> None:
    state = throttle.pause(State(), reply="550 5.7.1 blocked", now=NOW, rng=rng())
    waits, moment = [], NOW
    for _ in range(8):
        assert state.closed_until is not None
        assert not throttle.probe_is_due(state, state.closed_until - SECOND)
        waits.append((state.closed_until - moment) / timedelta(minutes=1))
        moment = state.closed_until
        assert throttle.probe_is_due(state, moment)
        state = throttle.take_probe(state, moment)
        assert not throttle.probe_is_due(state, moment + timedelta(minutes=1))
        state = throttle.fail_probe(state, reply="550 5.7.1 still", now=moment, rng=rng())
    assert waits == pytest.approx([15, 30, 60, 120, 240, 240, 240, 240], rel=0.1)
    assert state.reply == "550 5.7.1 still"
    opened = throttle.reopen(state, moment)
    assert not throttle.is_shut(opened, moment)
    assert opened.reply is None
    assert opened.pace < 1


def test_a_probe_whose_worker_died_is_tried_by_another() -> None:
    state = throttle.take_probe(throttle.pause(State(), reply="no", now=NOW, rng=rng()), NOW)
    assert throttle.probe_is_due(state, NOW + throttle.PROBE_LEASE)


def test_what_was_paused_by_hand_is_never_probed() -> None:
    assert not throttle.probe_is_due(State(paused_at=NOW), NOW + 100 * DAY)


@pytest.mark.parametrize("closing", ["closed", "paused", "probed"])
@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_clock_that_jumps_closes_nothing_for_ever(closing: str, jump: timedelta) -> None:
    state = State()
    if closing == "closed":
        state = throttle.slow_down(state, observed=1.0, close=True, learn=True, now=NOW, rng=rng())
    else:
        state = throttle.pause(state, reply="no", now=NOW, rng=rng())
    if closing == "probed":
        state = throttle.take_probe(state, NOW)
    now = NOW + jump
    state = throttle.mend(state, now)
    assert state.closed_until is not None
    assert state.closed_until <= now + throttle.LAST_PROBE * 1.3
    assert throttle.mend(state, now) is state
    later = now + throttle.LAST_PROBE * 1.3
    assert throttle.probe_is_due(state, later) or not throttle.is_shut(state, later)


def test_a_lane_slowed_for_what_came_back_does_not_grow_for_its_hour_and_then_does() -> None:
    slowed = throttle.slow_down(
        State(), observed=40.0, close=False, learn=True, now=NOW, rng=rng(), steady=throttle.STEADY
    )
    assert throttle.speed(slowed) == 20.0
    assert throttle.speed_up(slowed, binding=True, now=NOW + 59 * 60 * SECOND) == slowed
    assert throttle.speed_up(slowed, binding=True, now=NOW + 61 * 60 * SECOND).pace > slowed.pace
    assert throttle.mend(slowed, NOW - DAY).steady_until == NOW - DAY + throttle.STEADY


def test_an_allowance_counts_before_the_days_of_a_plan_and_beside_a_limit() -> None:
    assert throttle.cap(State(allowance=70), [100, 200], NOW, NOW) == 70
    assert throttle.cap(State(allowance=70, per_day=30), [], None, NOW) == 30


def test_what_waits_for_a_person_has_no_probe() -> None:
    paused = throttle.pause(State(), reply="complaints", now=NOW, rng=rng(), probe=False)
    assert not throttle.probe_is_due(paused, NOW + 30 * DAY)
