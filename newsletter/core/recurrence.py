"""Rules by which something comes again, read in a time zone: cron expressions, and recurrence rules as calendars write
them (RFC 5545, section 3.3.10).

Daylight saving: a clock time that is skipped comes at the next valid minute, one that is doubled comes once, the first
time.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from dateutil.rrule import rrule, rrulestr

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _

LONGEST = 500  # characters of a rule
MOST_STEPS = 1000  # of INTERVAL: every thousandth day is once in three years
DAYS = frozenset(
    ("BYDAY", "BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS", "BYEASTER", "WKST", "INTERVAL", "COUNT")
)
START = re.compile(r"DTSTART(?:;TZID=(?P<zone>[\w/+-]+)|;VALUE=DATE-TIME)?:(?P<moment>\d{8}T\d{6})(?P<utc>Z?)")
NAME = re.compile(r"[A-Z]+")


class ScheduleError(RefusedError):
    """The rule is none, never comes due, or comes due absurdly often."""


class Rule(Protocol):
    """Moments without end, or until the rule says so."""

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Every moment later than this one, in UTC, in their order."""


def read_rule(text: str, zone: ZoneInfo, *, begin: datetime) -> Rule:
    """A rule as people write it; ScheduleError says what is wrong with it.

    `begin`: the moment from which every second week or the tenth time is counted.
    """
    text = " ".join(text.split())
    if len(text) > LONGEST:
        raise ScheduleError(_("This text is too long: %(count)d characters at most.", count=LONGEST))
    if "=" in text:
        return _recurrence(text.upper().replace(" ", "\n"), text, zone, begin)
    return Cron(text, zone)


class Cron:
    """A cron expression of five fields. A rule of every hour or minute goes by the clock on the wall, too: what it has
    done in a doubled hour it does again.
    """

    def __init__(self, expression: str, zone: ZoneInfo) -> None:
        if len(expression.split()) != 5:
            raise ScheduleError(
                _("A schedule has five fields, for example “30 18 * * 1-6” for 6:30 pm from Monday to Saturday.")
            )
        self._expression, self._zone = expression, zone
        try:
            self._from(datetime(2026, 1, 1, tzinfo=UTC))
        except CronSimError:
            raise ScheduleError(
                _("This schedule cannot be read. It looks like “30 18 * * 1-6”: minute, hour, day, month, weekday.")
            ) from None

    def after(self, moment: datetime) -> Iterator[datetime]:
        return (due.astimezone(UTC) for due in self._from(moment))

    def _from(self, moment: datetime) -> CronSim:
        return CronSim(self._expression, moment.astimezone(self._zone))


class Calendar:
    """A recurrence rule in clock times of a zone."""

    def __init__(self, times: rrule, zone: ZoneInfo, *, until: datetime | None) -> None:
        self._times, self._zone, self._until = times, zone, until

    def after(self, moment: datetime) -> Iterator[datetime]:
        # A day back: clock times are not in the order of moments where the clocks are changed.
        local = moment.astimezone(self._zone).replace(tzinfo=None) - timedelta(days=1)
        last = moment
        for clock in self._times.xafter(local):
            due = at_clock(clock, self._zone)
            if self._until is not None and due > self._until:
                return
            if due > last:
                yield due
                last = due


def at_clock(clock: datetime, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, at which the clocks of a zone show a naive time; where they skip it, the next they show."""
    moment = clock.replace(tzinfo=zone).astimezone(UTC)
    while moment.astimezone(zone).replace(tzinfo=None) != clock:
        clock += timedelta(minutes=1)
        moment = clock.replace(tzinfo=zone).astimezone(UTC)
    return moment


def _recurrence(text: str, written: str, zone: ZoneInfo, begin: datetime) -> Calendar:
    *head, line = text.split("\n")
    start = _start(head, written, zone)
    parts = _parts(line.removeprefix("RRULE:"))
    frequency = parts.pop("FREQ", "")
    if frequency not in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY"):
        raise ScheduleError(
            _("FREQ is DAILY, WEEKLY, MONTHLY or YEARLY; several times a day are BYHOUR=7,12,18 in a daily rule.")
        )
    until = _until(parts.pop("UNTIL", None), zone)
    hours, minutes = parts.pop("BYHOUR", None), parts.pop("BYMINUTE", None)
    if hours is None and start is None:
        raise ScheduleError(_("A recurrence rule needs an hour: add ;BYHOUR=18;BYMINUTE=30 for half past six."))
    if parts.pop("BYSECOND", "0") != "0":
        raise ScheduleError(_("A digest leaves at a full minute: take BYSECOND out."))
    for name in parts:
        if name not in DAYS:
            raise ScheduleError(_("“%(part)s” is no part of a recurrence rule.", part=name[:20]))
    _check_steps(frequency, parts)
    if start is None:
        start = datetime.combine(begin.astimezone(zone).date(), time())
    clock = {
        "BYHOUR": hours or str(start.hour),
        "BYMINUTE": minutes or (str(start.minute) if hours is None else "0"),
        "BYSECOND": "0",
    }
    return Calendar(_read({"FREQ": frequency} | parts | clock, start), zone, until=until)


def _parts(line: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in line.strip(";").split(";"):
        name, is_, value = part.partition("=")
        if not is_ or not value or not value.isascii() or name in parts or not NAME.fullmatch(name):
            raise ScheduleError(
                _("This rule cannot be read. It looks like FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=18;BYMINUTE=30.")
            )
        parts[name] = value
    return parts


def _check_steps(frequency: str, parts: dict[str, str]) -> None:
    for name, most in (("INTERVAL", MOST_STEPS), ("COUNT", 100_000)):
        value = parts.get(name, "1")
        if not (value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= most):
            raise ScheduleError(_("%(part)s is a whole number from 1 to %(most)d.", part=name, most=most))
    if frequency == "DAILY" and "BYSETPOS" in parts:
        raise ScheduleError(_("BYSETPOS picks days of a week, a month or a year: it makes no sense in a daily rule."))


def _read(parts: dict[str, str], start: datetime) -> rrule:
    """ScheduleError too where no day of any year fits, which the library would look for until the year 9999."""
    counted = {"INTERVAL", "COUNT", "BYSETPOS"}
    any_year = {name: value for name, value in parts.items() if name not in counted} | {"FREQ": "YEARLY"}
    weekdays = ",".join(re.sub(r"^[+-]?\d+", "", day) for day in parts.get("BYDAY", "").split(","))
    if weekdays:
        any_year["BYDAY"] = weekdays
    try:
        if next(iter(_rrule(any_year, start)), None) is None:
            raise ScheduleError(_("This schedule never comes due."))
        return _rrule(parts, start)
    except (ValueError, IndexError, OverflowError, TypeError, KeyError):
        raise ScheduleError(
            _("This rule cannot be read. It looks like FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=18;BYMINUTE=30.")
        ) from None


def _rrule(parts: dict[str, str], start: datetime) -> rrule:
    return rrulestr("RRULE:" + ";".join(f"{name}={value}" for name, value in parts.items()), dtstart=start)


def _start(head: list[str], written: str, zone: ZoneInfo) -> datetime | None:
    """The clock time of DTSTART, where the rule has one."""
    if not head:
        return None
    found = START.fullmatch(head[0]) if len(head) == 1 else None
    if found is None:
        raise ScheduleError(_("Before the rule there may be one DTSTART:20261224T183000, and nothing else."))
    if found["zone"] and found["zone"] != zone.key.upper():
        raise ScheduleError(_("The rule names another time zone than the schedule, which has %(zone)s.", zone=zone.key))
    clock = _clock(found["moment"])
    return clock.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) if found["utc"] else clock


def _until(value: str | None, zone: ZoneInfo) -> datetime | None:
    """The last moment of a rule: a day means its end, a clock time is the zone's unless it ends with Z."""
    if value is None:
        return None
    if len(value) == 8:
        return at_clock(_clock(value + "T235959"), zone)
    clock = _clock(value.removesuffix("Z"))
    return clock.replace(tzinfo=UTC) if value.endswith("Z") else at_clock(clock, zone)


def _clock(value: str) -> datetime:
    try:
        return datetime.strptime(value, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - a clock time has no zone of its own
    except ValueError:
        raise ScheduleError(_("“%(value)s” is no moment. It looks like 20261224T183000.", value=value[:40])) from None
