"""Cron expressions in a time zone, by cronsim. Daylight saving: a skipped hour runs at the next valid minute, a doubled
one once.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _

SHORTEST = timedelta(minutes=15)  # a digest more often than that is a mistake in the expression


class ScheduleError(RefusedError):
    """The expression is none, never comes due, or comes due absurdly often."""


def parse_cron(expression: str, zone: ZoneInfo) -> None:
    """Check a cron expression of five fields; ScheduleError says what is wrong with it."""
    if len(expression.split()) != 5:
        raise ScheduleError(
            _("A schedule has five fields, for example “30 18 * * 1-6” for 6:30 pm from Monday to Saturday.")
        )
    try:
        first = list(islice(runs_after(expression, zone, datetime(2026, 1, 1, tzinfo=UTC)), 50))
    except CronSimError:
        raise ScheduleError(
            _("This schedule cannot be read. It looks like “30 18 * * 1-6”: minute, hour, day, month, weekday.")
        ) from None
    if not first:
        raise ScheduleError(_("This schedule never comes due."))
    if any(later - earlier < SHORTEST for earlier, later in pairwise(first)):
        raise ScheduleError(_("This schedule comes due more often than every 15 minutes."))


def runs_after(expression: str, zone: ZoneInfo, moment: datetime) -> Iterator[datetime]:
    """Every due moment after `moment`, in UTC, without end unless the expression has one."""
    simulated = CronSim(expression, moment.astimezone(zone))
    return (due.astimezone(UTC) for due in simulated)


def last_run(expression: str, zone: ZoneInfo, *, after: datetime, until: datetime) -> datetime | None:
    """The latest due moment in `(after, until]`."""
    backwards = CronSim(expression, (until + timedelta(minutes=1)).astimezone(zone), reverse=True)
    for due in backwards:
        moment: datetime = due.astimezone(UTC)
        if moment <= until:
            return moment if moment > after else None
    return None
