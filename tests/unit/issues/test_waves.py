"""How an audience is cut: the first waves are small samples of it, and everybody has a place."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.queries import Counts
from newsletter.issues.waves import MAX_BATCH, MIN_BATCH, PATIENCE, SMALL, may_open, plan

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LARGE = st.integers(SMALL, 5_000_000)


@given(st.integers(0, SMALL - 1))
def test_a_small_issue_goes_in_one_wave(readers: int) -> None:
    cut = plan(readers)
    assert set(cut.waves) <= {1}
    assert (len(cut.waves) - 1) * cut.batch_size < readers <= len(cut.waves) * cut.batch_size or readers == 0


@given(LARGE)
def test_a_large_issue_goes_in_three_and_everybody_has_a_place(readers: int) -> None:
    cut = plan(readers)
    assert set(cut.waves) == {1, 2, 3}
    assert MIN_BATCH <= cut.batch_size <= MAX_BATCH
    assert (len(cut.waves) - 1) * cut.batch_size < readers <= len(cut.waves) * cut.batch_size


@given(LARGE)
def test_the_first_wave_is_one_in_a_hundred_and_the_second_one_in_ten(readers: int) -> None:
    cut = plan(readers)
    batches = len(cut.waves)
    assert abs(cut.waves.count(1) - batches * 0.01) <= 0.5
    assert abs(cut.waves.count(2) - batches * 0.10) <= 0.5


@given(LARGE, st.sampled_from([1, 2]))
def test_a_wave_is_spread_over_the_whole_list(readers: int, wave: int) -> None:
    waves = plan(readers).waves
    places = [position for position, found in enumerate(waves) if found == wave]
    fair = len(waves) / len(places)
    edges = [-1, *places, len(waves)]
    assert all(after - before <= fair * 1.5 + 2 for before, after in pairwise(edges))


def wave(**counts: int) -> dict[int, Counts]:
    return {1: Counts(**counts), 2: Counts(queued=1000)}


@pytest.mark.parametrize(
    ("counts", "minutes", "opens"),
    [
        ({"sent": 95, "queued": 5}, 1, True),
        ({"sent": 94, "queued": 6}, 1, False),
        ({"sent": 94, "sending": 6}, 1, False),
        ({"deferred": 95, "queued": 5}, 1, True),
        ({"skipped": 100}, 0, True),
        ({"sent": 50, "queued": 50}, 29, False),
        ({"sent": 50, "queued": 50}, 30, True),
        ({"sent": 49, "queued": 51}, 300, False),
        ({}, 0, True),
    ],
)
def test_the_next_wave_waits_for_the_earlier_ones(counts: dict[str, int], minutes: int, opens: bool) -> None:
    assert may_open(wave(**counts), 1, opened_at=NOW - timedelta(minutes=minutes), now=NOW) is opens


def test_patience_begins_when_the_wave_was_opened() -> None:
    assert timedelta(0) < PATIENCE <= timedelta(hours=1)
    both = {1: Counts(sent=100), 2: Counts(sent=500, queued=500), 3: Counts(queued=9000)}
    assert not may_open(both, 2, opened_at=NOW, now=NOW + PATIENCE - timedelta(seconds=1))
    assert may_open(both, 2, opened_at=NOW, now=NOW + PATIENCE)
