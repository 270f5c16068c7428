"""Days of the week and clock times, the way most newsrooms think of a schedule, as a cron expression and back."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from newsletter.core.i18n import gettext as _
from newsletter.core.recurrence import ScheduleError

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
CLOCK = re.compile(r"(\d{1,2})\s*[:hH]\s*(\d{2})?", re.ASCII)
CRON = re.compile(
    r"(?P<minute>\d{1,2}) (?P<hours>\d{1,2}(?:,\d{1,2})*) \* \* (?P<days>\*|[0-7](?:[,-][0-7])*)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Weekly:
    """`days` from Monday, 1, to Sunday, 7; `times` as "18:30"."""

    days: tuple[int, ...] = ()
    times: tuple[str, ...] = ()

    @classmethod
    def of(cls, rule: str) -> "Weekly | None":
        """What a rule says, None where it says more than days of the week and times."""
        found = CRON.fullmatch(rule)
        if found is None:
            return None
        hours = sorted({int(hour) for hour in found["hours"].split(",")})
        return cls(_days(found["days"]), tuple(f"{hour:02}:{int(found['minute']):02}" for hour in hours))

    @property
    def rule(self) -> str:
        """The cron expression. ScheduleError: it takes more than one."""
        clocks = [tuple(map(int, time.split(":"))) for time in self.times]
        minutes = {minute for _hour, minute in clocks}
        if len(minutes) > 1:
            raise ScheduleError(
                _("Several times a day share their minute, for example 7:30 and 18:30. Add a second rhythm, or a rule.")
            )
        if not self.days:
            raise ScheduleError(_("Choose at least one day of the week."))
        hours = ",".join(str(hour) for hour in sorted({hour for hour, _minute in clocks}))
        return f"{minutes.pop()} {hours} * * {_as_cron(self.days)}"


def read_times(text: str) -> tuple[str, ...]:
    """ "7:30, 18 h 30" as ("07:30", "18:30"); ScheduleError for what is no time."""
    times = []
    for part in re.split(r"[,;\n]+", text):
        if not part.strip():
            continue
        found = CLOCK.fullmatch(" ".join(part.split()).replace("h ", "h").replace("H ", "h"))
        hour, minute = (int(found[1]), int(found[2] or 0)) if found else (99, 99)
        if hour > 23 or minute > 59:
            raise ScheduleError(_("“%(text)s” is no time. It looks like 18:30.", text=part.strip()[:20]))
        times.append(f"{hour:02}:{minute:02}")
    return tuple(sorted(set(times)))


def _days(text: str) -> tuple[int, ...]:
    if text == "*":
        return EVERY_DAY
    days: set[int] = set()
    for part in text.split(","):
        first, _to, last = part.partition("-")
        days |= {day or 7 for day in range(int(first), int(last or first) + 1)}
    return tuple(sorted(days))


def _as_cron(days: Collection[int]) -> str:
    """Runs of three days or more as a span."""
    found = sorted(set(days))
    if len(found) == len(EVERY_DAY):
        return "*"
    spans: list[list[int]] = []
    for day in found:
        if spans and spans[-1][-1] == day - 1:
            spans[-1].append(day)
        else:
            spans.append([day])
    return ",".join(_span(span) for span in spans)


def _span(days: Sequence[int]) -> str:
    return f"{days[0]}-{days[-1]}" if len(days) > 2 else ",".join(str(day % 7) for day in days)
