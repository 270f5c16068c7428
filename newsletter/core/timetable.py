"""When the digests of a cadence leave: a rule, less the days on which they do not, moved out of quiet hours."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import holidays

from newsletter.core.i18n import current_locale
from newsletter.core.i18n import gettext as _
from newsletter.core.recurrence import Rule, ScheduleError, at_clock, read_rule

SHORTEST = timedelta(minutes=15)  # a digest more often than that is a mistake in the rule
FURTHEST = timedelta(days=3660)  # where nothing comes for ten years, nothing does
MOST_TURNS = 50_000  # that are looked at, every quarter of an hour for more than a year
CHECKED = 200  # the first ones, for how often they come
MOST_SKIPPED = 200
LONGEST_SPAN = timedelta(days=366)

SKIPPED = "skipped"

Span = tuple[date, date]


@dataclass(frozen=True, slots=True)
class Turn:
    """A moment of the rule, in UTC. `left_out`: why no digest leaves: SKIPPED, or the name of the holiday."""

    at: datetime
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Timetable:
    """`skipped` are days, first and last of each span; `quiet` from and to, in clock times; all in `zone`."""

    rule: Rule
    zone: ZoneInfo
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    skipped: Sequence[Span] = ()
    holidays: str = ""
    quiet: tuple[time, time] | None = None

    @classmethod
    def of(
        cls,
        rule: str,
        zone: ZoneInfo,
        *,
        begin: datetime,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        skipped: Sequence[str] = (),
        holidays: str = "",
        quiet: str = "",
    ) -> "Timetable":
        """From texts, as they are kept and typed; ScheduleError says what is wrong with one."""
        return cls(
            read_rule(rule, zone, begin=starts_at or begin),
            zone,
            starts_at,
            ends_at,
            read_skipped(skipped),
            read_holidays(holidays),
            read_quiet(quiet),
        )

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Every moment at which a digest leaves, later than this one, in UTC."""
        return (turn.at for turn in self.turns(moment) if not turn.left_out)

    def between(self, after: datetime, until: datetime) -> list[datetime]:
        """Those in `(after, until]`."""
        found = []
        for due in self.after(after):
            if due > until:
                break
            found.append(due)
        return found

    def turns(self, moment: datetime) -> Iterator[Turn]:
        """The same with those that are left out, and why."""
        if self.starts_at is not None:
            moment = max(moment, self.starts_at - timedelta(microseconds=1))
        last = moment
        # What is due in quiet hours leaves when they end: it may have been due up to a day before `moment`.
        early = moment - timedelta(days=1) if self.quiet else moment
        for due in islice(self.rule.after(early), MOST_TURNS):
            at = self._out_of_quiet(due)
            if at > moment + FURTHEST or (self.ends_at is not None and at > self.ends_at):
                return
            if at > last:
                last = at
                yield Turn(at, self._left_out(at))

    def check(self, now: datetime) -> None:
        """ScheduleError where nothing is to come, or it comes too often."""
        first = list(islice(self.after(now), CHECKED))
        if not first:
            raise ScheduleError(_("This schedule never comes due."))
        if any(later - earlier < SHORTEST for earlier, later in pairwise(first)):
            raise ScheduleError(_("This schedule comes due more often than every 15 minutes."))

    def _out_of_quiet(self, due: datetime) -> datetime:
        if self.quiet is None:
            return due
        begin, end = self.quiet
        clock = due.astimezone(self.zone)
        now = clock.time().replace(tzinfo=None)
        if begin < end:
            return at_clock(datetime.combine(clock.date(), end), self.zone) if begin <= now < end else due
        if now >= begin:
            return at_clock(datetime.combine(clock.date() + timedelta(days=1), end), self.zone)
        return at_clock(datetime.combine(clock.date(), end), self.zone) if now < end else due

    def _left_out(self, at: datetime) -> str:
        day = at.astimezone(self.zone).date()
        if any(first <= day <= last for first, last in self.skipped):
            return SKIPPED
        return _holiday(self.holidays, current_locale(), day) if self.holidays else ""


def read_skipped(texts: Sequence[str]) -> tuple[Span, ...]:
    """Days (2026-12-24) and spans of days, first and last (2026-08-01/2026-08-15), as ISO 8601 writes them."""
    if len(texts) > MOST_SKIPPED:
        raise ScheduleError(_("Name %(count)d days to leave out at most.", count=MOST_SKIPPED))
    spans = []
    for text in texts:
        first, _to, last = text.partition("/")
        try:
            span = date.fromisoformat(first.strip()), date.fromisoformat((last or first).strip())
        except ValueError:
            raise ScheduleError(
                _("“%(text)s” is no day. It looks like 2026-12-24, or 2026-08-01/2026-08-15.", text=text[:40])
            ) from None
        if not timedelta(0) <= span[1] - span[0] <= LONGEST_SPAN:
            raise ScheduleError(_("“%(text)s” ends before it begins, or lasts more than a year.", text=text[:40]))
        spans.append(span)
    return tuple(spans)


def read_holidays(code: str) -> str:
    """A calendar of public holidays: a country (ISO 3166), or one with its region: TG, FR, CA-QC."""
    code = code.strip().upper()
    if not code:
        return ""
    try:
        _calendar(code, "en")
    except (NotImplementedError, ValueError):
        raise ScheduleError(
            _("There is no calendar of holidays “%(code)s”. It looks like TG, FR or CA-QC.", code=code[:20])
        ) from None
    return code


def read_quiet(text: str) -> tuple[time, time] | None:
    """Quiet hours as two clock times: 22:00-06:30."""
    if not text.strip():
        return None
    found = re.fullmatch(r"\s*(\d\d?):(\d\d)\s*[-–]\s*(\d\d?):(\d\d)\s*", text, re.ASCII)
    try:
        if found is None:
            raise ValueError
        begin_hour, begin_minute, end_hour, end_minute = map(int, found.groups())
        begin, end = time(begin_hour, begin_minute), time(end_hour, end_minute)
        if begin == end:
            raise ValueError
    except ValueError:
        raise ScheduleError(_("Quiet hours look like 22:00-06:30.")) from None
    return begin, end


@lru_cache(maxsize=64)
def _calendar(code: str, locale: str) -> holidays.HolidayBase:
    country, _of, region = code.partition("-")
    known = holidays.list_supported_countries()
    if country not in known or (region and region not in known[country]):
        raise NotImplementedError(code)
    found = holidays.country_holidays(country, subdiv=region or None)
    wanted = next((tag for tag in found.supported_languages if tag.partition("_")[0] == locale), None)
    return holidays.country_holidays(country, subdiv=region or None, language=wanted) if wanted else found


def _holiday(code: str, locale: str, day: date) -> str:
    return _calendar(code, locale).get(day) or ""


def countries() -> list[str]:
    """Countries whose public holidays are known, by their codes (ISO 3166)."""
    return sorted(holidays.list_supported_countries())
