"""When digests leave: rules, days left out, quiet hours, and clocks that are changed."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.core.i18n import use_locale
from newsletter.core.recurrence import ScheduleError
from newsletter.core.timetable import SKIPPED, Timetable

PARIS = ZoneInfo("Europe/Paris")
LOME = ZoneInfo("Africa/Lome")
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
EVE = datetime(2026, 3, 27, 12, tzinfo=UTC)  # two days before clocks in Paris go from 2 to 3


def table(rule: str, zone: ZoneInfo = PARIS, **more: Any) -> Timetable:
    return Timetable.of(rule, zone, begin=NEW_YEAR, **more)


def clocks(rule: str, count: int, *, after: datetime = EVE, zone: ZoneInfo = PARIS, **more: Any) -> list[str]:
    moments = islice(table(rule, zone, **more).after(after), count)
    return [f"{moment.astimezone(zone):%a %d %b %H:%M}" for moment in moments]


@pytest.mark.parametrize("rule", ["30 2 * * *", "FREQ=DAILY;BYHOUR=2;BYMINUTE=30"])
def test_an_hour_that_the_clocks_skip_comes_at_the_next_minute_and_a_doubled_one_once(rule: str) -> None:
    assert clocks(rule, 3) == ["Sat 28 Mar 02:30", "Sun 29 Mar 03:00", "Mon 30 Mar 02:30"]
    autumn = islice(table(rule).after(datetime(2026, 10, 24, 12, tzinfo=UTC)), 2)
    assert [f"{moment:%d %H:%M}" for moment in autumn] == ["25 00:30", "26 01:30"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;BYHOUR=7", ["Mon 06 Apr 07:00", "Mon 20 Apr 07:00"]),
        ("RRULE:FREQ=MONTHLY;BYDAY=-1SU;BYHOUR=9;BYMINUTE=15", ["Sun 29 Mar 09:15", "Sun 26 Apr 09:15"]),
        ("FREQ=DAILY;BYHOUR=7,18", ["Fri 27 Mar 18:00", "Sat 28 Mar 07:00"]),
        ("DTSTART;TZID=Europe/Paris:20260105T073000 RRULE:FREQ=WEEKLY", ["Mon 30 Mar 07:30", "Mon 06 Apr 07:30"]),
        ("DTSTART:20260105T073000Z\nRRULE:FREQ=WEEKLY", ["Mon 30 Mar 08:30", "Mon 06 Apr 08:30"]),
        ("FREQ=DAILY;BYHOUR=7;UNTIL=20260329", ["Sat 28 Mar 07:00", "Sun 29 Mar 07:00"]),
        ("FREQ=DAILY;BYHOUR=7;UNTIL=20260328T070000", ["Sat 28 Mar 07:00"]),
        ("FREQ=DAILY;COUNT=87;BYHOUR=7", ["Sat 28 Mar 07:00"]),
        ("0 9 * * 1#1", ["Mon 06 Apr 09:00", "Mon 04 May 09:00"]),
    ],
)
def test_rules_of_calendars_and_of_cron_are_read(rule: str, expected: list[str]) -> None:
    assert clocks(rule, 2) == expected


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "every evening",
        "* * * *",
        "61 * * * *",
        "0 0 31 2 *",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=7",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=7",
        "FREQ=WEEKLY;BYMONTH=2;BYWEEKNO=40;BYHOUR=7",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU;BYHOUR=9",
        "FREQ=DAILY;INTERVAL=0;BYHOUR=7",
        "FREQ=DAILY;INTERVAL=-1;BYHOUR=7",
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;INTERVAL=30",
        "FREQ=DAILY",
        "FREQ=DAILY;BYHOUR=25",
        "FREQ=DAILY;BYHOUR=",
        "FREQ=DAILY;BYHOUR=7;BYHOUR=8",
        "FREQ=DAILY;BYHOUR=7;BYSECOND=0,30",
        "FREQ=DAILY;BYHOUR=7;BYSETPOS=300",
        "FREQ=DAILY;BYHOUR=7;UNTIL=tomorrow",
        "FREQ=DAILY;BYHOUR=7;UNTIL=20251231",
        "FREQ=DAILY;BYHOUR=7;COUNT=2",
        "FREQ=DAILY;BYHOUR=7;X-EVIL=1",
        "FREQ=WEEKLY;BYDAY=XX;BYHOUR=7",
        "FREQ=DAILY;BYHOUR=７",
        "EXDATE:20260105T073000 RRULE:FREQ=DAILY;BYHOUR=7",
        "DTSTART;TZID=Asia/Tokyo:20260105T073000 RRULE:FREQ=WEEKLY",
        "DTSTART:20261305T073000 RRULE:FREQ=WEEKLY",
        "FREQ=DAILY;BYHOUR=7;BYDAY=" + "MO," * 300,
    ],
)
def test_what_is_no_rule_or_never_comes_is_refused_in_words_and_soon(rule: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        table(rule).check(EVE)
    assert len(str(refused.value)) > 20


@pytest.mark.parametrize("rule", ["* * * * *", "0,10 7 * * *", "FREQ=DAILY;BYHOUR=7;BYMINUTE=0,14", "0,59 0,23 * * *"])
def test_what_comes_absurdly_often_is_refused(rule: str) -> None:
    with pytest.raises(ScheduleError, match="15 minutes"):
        table(rule).check(EVE)


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"quiet": "22-6"}, "22:00"),
        ({"quiet": "24:00-06:00"}, "22:00"),
        ({"quiet": "06:00-06:00"}, "22:00"),
        ({"holidays": "XX"}, "XX"),
        ({"holidays": "FR-ZZ"}, "FR-ZZ"),
        ({"skipped": ["Christmas"]}, "Christmas"),
        ({"skipped": ["2026-02-30"]}, "2026-02-30"),
        ({"skipped": ["2026-12-24/2026-12-20"]}, "2026-12-24"),
        ({"skipped": ["2026-01-01/2028-01-01"]}, "2026-01-01"),
        ({"skipped": ["2026-12-24"] * 201}, "200"),
        ({"ends_at": EVE}, "never"),
        (
            {"skipped": ["2026-01-01/2026-12-31", "2027-01-01/2027-12-31"], "ends_at": EVE + timedelta(days=600)},
            "never",
        ),
    ],
)
def test_what_is_wrong_around_a_rule_is_said(more: dict[str, Any], word: str) -> None:
    with pytest.raises(ScheduleError, match=word):
        table("30 18 * * *", **more).check(EVE)


def test_days_and_holidays_are_left_out_and_told() -> None:
    workers_day = datetime(2026, 4, 29, tzinfo=UTC)
    found = table("0 8 * * *", LOME, holidays="tg", skipped=["2026-05-02/2026-05-03"])
    with use_locale("fr"):
        told = [(turn.at.day, turn.left_out) for turn in islice(found.turns(workers_day), 6)]
    assert told == [(29, ""), (30, ""), (1, "Fête du travail"), (2, SKIPPED), (3, SKIPPED), (4, "")]
    assert [moment.day for moment in islice(found.after(workers_day), 3)] == [29, 30, 4]


def test_what_is_due_in_quiet_hours_leaves_once_when_they_end() -> None:
    found = clocks("0 */2 * * *", 8, after=EVE + timedelta(hours=6), quiet="22:00-06:30")
    assert found == [
        "Fri 27 Mar 20:00",
        "Sat 28 Mar 06:30",
        "Sat 28 Mar 08:00",
        "Sat 28 Mar 10:00",
        "Sat 28 Mar 12:00",
        "Sat 28 Mar 14:00",
        "Sat 28 Mar 16:00",
        "Sat 28 Mar 18:00",
    ]
    assert clocks("0 13 * * *", 1, quiet="12:00-14:00") == ["Fri 27 Mar 14:00"]
    # Asked in the night, the one that waits is still to come.
    assert clocks("0 23 * * *", 1, after=datetime(2026, 3, 27, 23, tzinfo=UTC), quiet="22:00-06:30") == [
        "Sat 28 Mar 06:30"
    ]


def test_nothing_leaves_before_the_start_or_after_the_end() -> None:
    start, end = (datetime(2026, 4, day, 16, 30, tzinfo=UTC) for day in (1, 3))
    assert clocks("30 18 * * *", 9, starts_at=start, ends_at=end) == [
        "Wed 01 Apr 18:30",
        "Thu 02 Apr 18:30",
        "Fri 03 Apr 18:30",
    ]


def test_between_takes_its_end_and_leaves_its_beginning() -> None:
    first, second = islice(table("30 18 * * *").after(EVE), 2)
    assert table("30 18 * * *").between(first, second) == [second]


ZONES = st.sampled_from(["Europe/Paris", "America/New_York", "Africa/Casablanca", "Australia/Lord_Howe", "Asia/Tehran"])


@settings(max_examples=200, deadline=None)
@given(
    hours=st.sets(st.integers(0, 23), min_size=1, max_size=4),
    minute=st.sampled_from([0, 15, 30, 59]),
    zone=ZONES,
    day=st.integers(2, 720),
    quiet=st.sampled_from(["", "22:00-06:30", "12:00-14:00"]),
)
def test_a_daily_rule_says_the_same_as_cron_and_never_goes_back(
    hours: set[int], minute: int, zone: str, day: int, quiet: str
) -> None:
    after, place = NEW_YEAR + timedelta(days=day), ZoneInfo(zone)
    named = ",".join(map(str, sorted(hours)))
    cron = list(islice(table(f"{minute} {named} * * *", place, quiet=quiet).after(after), 40))
    calendar = table(f"FREQ=DAILY;BYHOUR={named};BYMINUTE={minute}", place, quiet=quiet)
    assert list(islice(calendar.after(after), 40)) == cron
    assert all(earlier < later for earlier, later in pairwise(cron))
    assert cron[0] > after
    # Asked in the middle, it goes on where it was: no moment comes or goes.
    assert list(islice(calendar.after(cron[7]), 32)) == cron[8:]
