"""Days of the week and times, as a rule and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.core.recurrence import ScheduleError
from newsletter.newsletters.weekly import EVERY_DAY, Weekly, read_times


@pytest.mark.parametrize(
    ("rule", "days", "times"),
    [
        ("30 18 * * *", EVERY_DAY, ("18:30",)),
        ("30 18 * * 1-6", (1, 2, 3, 4, 5, 6), ("18:30",)),
        ("5 7,18 * * 1,3,0", (1, 3, 7), ("07:05", "18:05")),
        ("0 9 * * 5-7", (5, 6, 7), ("09:00",)),
    ],
)
def test_a_weekly_rule_is_read(rule: str, days: tuple[int, ...], times: tuple[str, ...]) -> None:
    assert Weekly.of(rule) == Weekly(days, times)


@pytest.mark.parametrize(
    "rule", ["", "30 18 1 * *", "*/30 18 * * *", "30 18 * * 1#1", "FREQ=DAILY;BYHOUR=7", "0 9-12 * * *"]
)
def test_what_says_more_is_left_as_it_is(rule: str) -> None:
    assert Weekly.of(rule) is None


@given(
    days=st.sets(st.sampled_from(EVERY_DAY), min_size=1),
    hours=st.sets(st.integers(0, 23), min_size=1),
    minute=st.integers(0, 59),
)
def test_a_rule_says_what_it_was_made_of(days: set[int], hours: set[int], minute: int) -> None:
    made = Weekly(tuple(sorted(days)), tuple(f"{hour:02}:{minute:02}" for hour in sorted(hours)))
    assert Weekly.of(made.rule) == made


def test_times_are_read_as_people_write_them() -> None:
    assert read_times("18 h 30, 7:30;\n 7:30 ") == ("07:30", "18:30")
    assert read_times("8h") == ("08:00",)


@pytest.mark.parametrize("text", ["noon", "24:00", "7:60", "7.30", "-1:00", "7:3:0"])
def test_what_is_no_time_is_named(text: str) -> None:
    with pytest.raises(ScheduleError, match=text):
        read_times(text)
