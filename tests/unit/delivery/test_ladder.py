"""How a warm-up goes on from day to day."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery import ladder
from newsletter.delivery.ladder import Move, Why
from newsletter.delivery.reputation import Figures
from newsletter.delivery.throttle import WARM_UP

PLAN = [100, 200, 400]
GOOD = Figures(sent=150)
DOUBTFUL = Figures(sent=970, hard=25)
BAD = Figures(sent=900, hard=60)
HATED = Figures(sent=1000, complained=10)
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)

plans = st.lists(st.integers(1, 100_000), min_size=1, max_size=14).map(sorted)
days = st.builds(Figures, sent=st.integers(0, 100_000), hard=st.integers(0, 500), complained=st.integers(0, 500))


def test_a_place_between_two_figures_is_their_middle() -> None:
    assert [ladder.allowance(PLAN, place) for place in range(7)] == [100, 150, 200, 300, 400, 400, 400]


@pytest.mark.parametrize(
    ("place", "day", "expected"),
    [
        (0, GOOD, Move(2, Why.GOOD)),
        (0, Figures(), Move(0, Why.UNUSED)),
        (2, Figures(sent=99), Move(2, Why.UNUSED)),
        (2, DOUBTFUL, Move(3, Why.DOUBTFUL)),
        (2, BAD, Move(2, Why.BAD)),
        (4, HATED, Move(0, Why.COMPLAINTS)),
        (2, HATED, Move(0, Why.COMPLAINTS)),
        (3, Figures(sent=300), Move(4, Why.GOOD)),
        (4, Figures(sent=400), Move(None, Why.GOOD)),
        (4, DOUBTFUL, Move(4, Why.DOUBTFUL)),
    ],
)
def test_where_a_day_leads(place: int, day: Figures, expected: Move) -> None:
    assert ladder.move(PLAN, place, day) == expected


@given(plans, st.integers(0, 26), days)
def test_complaints_never_help(plan: list[int], place: int, day: Figures) -> None:
    place = min(place, 2 * (len(plan) - 1))
    clean = ladder.move(plan, place, Figures(sent=day.sent, hard=day.hard)).place
    found = ladder.move(plan, place, day).place
    assert found is not None or clean is None
    if found is not None and clean is not None:
        assert found <= clean


def test_a_good_fortnight_climbs_the_whole_plan() -> None:
    place: int | None = 0
    for _day in WARM_UP:
        assert place is not None
        place = ladder.move(WARM_UP, place, Figures(sent=ladder.allowance(WARM_UP, place))).place
    assert place is None


def test_a_provider_in_trouble_is_left_what_it_took_and_recovers() -> None:
    allowance, why = ladder.provider_allowance(None, Figures(sent=900, hard=60))
    assert (allowance, why) == (900, Why.BAD)
    assert ladder.provider_allowance(900, Figures(sent=900)) == (1800, Why.GOOD)
    assert ladder.provider_allowance(900, DOUBTFUL) == (1350, Why.DOUBTFUL)
    assert ladder.provider_allowance(900, Figures()) == (900, Why.UNUSED)
    assert ladder.provider_allowance(900, Figures(sent=900, complained=9)) == (225, Why.COMPLAINTS)
    assert ladder.provider_allowance(60, Figures(sent=400, complained=9)) == (ladder.LEAST, Why.COMPLAINTS)
    assert ladder.provider_allowance(None, Figures(sent=900)) == (None, Why.GOOD)


@pytest.mark.parametrize(("days", "place"), [(-1, 0), (0, 0), (1, 2), (2, 4), (3, None)])
def test_a_plan_that_nobody_has_looked_after_is_where_its_days_are(days: int, place: int | None) -> None:
    assert ladder.place_by_days(PLAN, NOW, (NOW + timedelta(days=days)).date()) == place
