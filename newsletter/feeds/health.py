"""How a feed is doing, in words, and when it is read next.

Nothing here knows a database or a clock: an answer of a feed's server goes in, columns of the feed come out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Final

from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.feeds.models import Feed

START: Final = 30  # minutes; how often a new feed is read
SHORTEST: Final = 10
LONGEST: Final = 6 * 60
LONGEST_WAIT: Final = timedelta(hours=24)  # between two attempts at a feed that fails
LONGEST_WISH: Final = timedelta(days=7)  # a server that asks for more than this is asked again anyway
SLOW_SECONDS: Final = 10.0
FAILURES: Final = 3  # in a row; one or two are weather
GIVEN_UP: Final = timedelta(days=14)


Columns = dict[str, Any]


class State(StrEnum):
    OK = "ok"
    SLOW = "slow"
    FAILING = "failing"
    GONE = "gone"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Health:
    """`since`: when the state began; of a feed that is well, when news came. `words`: a sentence for the newsroom."""

    state: State
    since: datetime | None
    words: str


def health(feed: Feed, now: datetime) -> Health:
    """How the feed is doing at `now`."""
    if feed.paused_at is not None:
        return Health(State.PAUSED, feed.paused_at, _("Paused: it is not read."))
    if feed.gone_at is not None:
        return Health(State.GONE, feed.gone_at, _("Its server says that it is gone for good. Remove it."))
    if feed.failing_since is not None and feed.failures >= FAILURES:
        return Health(State.FAILING, feed.failing_since, _failing(feed, now))
    if feed.failing_since is not None:
        return Health(State.OK, None, _("The last attempt failed; it will be tried again."))
    if feed.slow:
        return Health(State.SLOW, feed.polled_at, _("It answers slowly."))
    if feed.succeeded_at is None:
        return Health(State.OK, None, _("Not read yet."))
    if feed.news_at is None:
        return Health(State.OK, feed.succeeded_at, _("It is read; nothing new has come yet."))
    return Health(State.OK, feed.news_at, _("It is read."))


def after_success(feed: Feed, *, now: datetime, seconds: float, news: bool, ttl: int | None, chance: float) -> Columns:
    """Columns after an answer that could be used. `ttl`: minutes that the feed asks to be left alone; None: it says
    nothing. `chance` from 0 to 1 spreads feeds that were added together.
    """
    interval = next_interval(feed.interval_minutes, news=news, ttl=ttl)
    return {
        "interval_minutes": interval,
        "next_poll_at": now + _spread(timedelta(minutes=interval), chance),
        "lease_until": None,
        "polled_at": now,
        "succeeded_at": now,
        "failing_since": None,
        "failures": 0,
        "last_error": None,
        "gone_at": None,
        "slow": seconds > SLOW_SECONDS,
        **({"news_at": now} if news else {}),
    }


def after_failure(
    feed: Feed, reason: str, *, now: datetime, seconds: float, wish: timedelta | None, chance: float
) -> Columns:
    """Columns after a failure. `wish`: how long the server asks to be left alone."""
    wait = timedelta(minutes=feed.interval_minutes) * 2 ** min(feed.failures + 1, 10)
    wait = min(_spread(min(wait, LONGEST_WAIT), chance), LONGEST_WAIT)
    return {
        "next_poll_at": now + max(wait, min(wish or wait, LONGEST_WISH)),
        "lease_until": None,
        "polled_at": now,
        "failing_since": feed.failing_since or now,
        "failures": feed.failures + 1,
        "last_error": reason,
        "slow": seconds > SLOW_SECONDS,
    }


def after_end(reason: str, *, now: datetime) -> Columns:
    """Columns after the server has said that there will never be anything again (410, RFC 9110 section 15.5.11)."""
    return {
        "next_poll_at": None,
        "lease_until": None,
        "polled_at": now,
        "gone_at": now,
        "last_error": reason,
    }


def next_interval(minutes: int, *, news: bool, ttl: int | None) -> int:
    """Minutes until the next reading: half as long after news, a quarter longer after none, never less than `ttl`."""
    wanted = minutes // 2 if news else minutes * 5 // 4
    return min(max(wanted, SHORTEST, ttl or 0), LONGEST)


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """What `Retry-After` asks for: seconds or a date (RFC 9110 section 10.2.3); None when it says nothing readable."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return timedelta(seconds=min(int(said[:9]), int(LONGEST_WISH.total_seconds())))
    try:
        until = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(until - now, timedelta())


def _failing(feed: Feed, now: datetime) -> str:
    since = feed.failing_since or now
    if now - since >= GIVEN_UP:
        days = (now - since).days
        return ngettext(
            "It has failed for %(num)s day. Look for its new address, or remove it.",
            "It has failed for %(num)s days. Look for its new address, or remove it.",
            days,
        )
    return _("It fails again and again; it is tried once in a while.")


def _spread(wait: timedelta, chance: float) -> timedelta:
    """The wait, up to a tenth shorter or longer."""
    return wait * (0.9 + 0.2 * chance)
