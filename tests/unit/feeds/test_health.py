"""When a feed is read next, and what the newsroom is told about it."""

from datetime import UTC, datetime, timedelta

import pytest

from newsletter.feeds.health import (
    LONGEST,
    LONGEST_WAIT,
    LONGEST_WISH,
    SHORTEST,
    State,
    after_failure,
    health,
    next_interval,
    retry_after,
)
from newsletter.feeds.models import Feed

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def feed(**values: object) -> Feed:
    return Feed(**({"interval_minutes": 30, "failures": 0, "slow": False, "succeeded_at": NOW} | values))


@pytest.mark.parametrize(
    ("values", "state", "since"),
    [
        ({}, State.OK, NOW),
        ({"news_at": NOW - DAY}, State.OK, NOW - DAY),
        ({"succeeded_at": None}, State.OK, None),
        ({"slow": True, "polled_at": NOW}, State.SLOW, NOW),
        ({"failing_since": NOW - DAY, "failures": 2}, State.OK, None),
        ({"failing_since": NOW - DAY, "failures": 3, "slow": True}, State.FAILING, NOW - DAY),
        ({"gone_at": NOW, "failing_since": NOW - DAY, "failures": 3}, State.GONE, NOW),
        ({"paused_at": NOW, "gone_at": NOW - DAY}, State.PAUSED, NOW),
    ],
)
def test_the_worst_is_told(values: dict[str, object], state: State, since: datetime | None):
    told = health(feed(**values), NOW)
    assert (told.state, told.since) == (state, since)
    assert told.words.endswith(".")


def test_after_two_weeks_the_words_ask_for_something():
    words = {days: health(feed(failing_since=NOW - days * DAY, failures=20), NOW).words for days in (13, 14)}
    assert "address" not in words[13]
    assert "14 days" in words[14]


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("failures", [0, 1, 5, 60, 10_000])
def test_the_wait_doubles_up_to_a_day(failures: int, chance: float):
    columns = after_failure(feed(failures=failures), "no", now=NOW, seconds=0, wish=None, chance=chance)
    wanted = min(timedelta(minutes=30) * 2 ** min(failures + 1, 11), LONGEST_WAIT)
    assert 0.89 * wanted < columns["next_poll_at"] - NOW <= min(1.11 * wanted, LONGEST_WAIT)
    assert columns["failures"] == failures + 1


def test_the_interval_stays_within_its_bounds_whatever_comes():
    for minutes in (1, 10, 30, 360, 5000):
        for ttl in (None, 0, 60, 100_000):
            for news in (True, False):
                found = next_interval(minutes, news=news, ttl=ttl)
                assert SHORTEST <= found <= LONGEST
                assert found >= min(ttl or 0, LONGEST)


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("120", timedelta(minutes=2)),
        (" 0 ", timedelta()),
        ("9" * 400, LONGEST_WISH),
        ("Mon, 02 Mar 2026 10:00:00 GMT", timedelta(hours=1)),
        ("Mon, 02 Mar 2020 10:00:00 GMT", timedelta()),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("²", None),
    ],
)
def test_retry_after_is_read(said: str, wait: timedelta | None):
    assert retry_after({"retry-after": said}, NOW) == wait
    assert retry_after({}, NOW) is None
