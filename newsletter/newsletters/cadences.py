"""Adding, changing, pausing and removing the cadences of a newsletter."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import use_locale
from newsletter.core.recurrence import LONGEST, ScheduleError, at_clock
from newsletter.core.timetable import FURTHEST, Timetable, read_holidays, read_quiet, read_skipped
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Newsletter, Schedule
from newsletter.newsletters.schedules import LONGEST_LEAD, MAIN, restart, set_next
from newsletter.newsletters.wording import LONGEST_NAME, ValuesError, check_line, check_slug, check_time_zone, slugify

MOST = 20  # cadences of a newsletter: readers choose from a list
MOST_CARRIED = 10
MOST_MINUTES = LONGEST_LEAD // timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ScheduleValues:
    """What an editor sets of a cadence; the columns of Schedule by their names."""

    name: str
    rule: str = ""
    slug: str = ""
    timezone: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    skipped: tuple[str, ...] = ()
    holidays: str = ""
    quiet: str = ""
    lead_minutes: int = 0
    catch_up_minutes: int = 720
    carry: int = 1


COLUMNS = [field.name for field in fields(ScheduleValues)]
TIMES = ("rule", "timezone", "starts_at", "ends_at", "skipped", "holidays", "quiet", "lead_minutes")


def make_main(session: Session, newsletter: Newsletter, *, rule: str, now: datetime) -> Schedule:
    """The cadence that every newsletter has from the start; without a rule, its digests leave by hand."""
    with use_locale(newsletter.language):
        values = ScheduleValues(name=_("Regular issue"), rule=rule, slug=MAIN)
    return _add(session, newsletter, values, now=now)


def values_of(schedule: Schedule) -> ScheduleValues:
    columns = {name: getattr(schedule, name) for name in COLUMNS}
    return ScheduleValues(**columns | {"skipped": tuple(schedule.skipped)})


def moment(newsletter: Newsletter, values: ScheduleValues, clock: datetime) -> datetime:
    """What a clock time without a zone means to a cadence. ValuesError: its time zone is none."""
    try:
        return at_clock(clock, ZoneInfo(check_time_zone(values.timezone or newsletter.timezone)))
    except RefusedError as error:
        raise ValuesError({"timezone": str(error)}) from None
    except OverflowError:
        raise ValuesError({"starts_at": _far_away()}) from None


def planned(newsletter: Newsletter, values: ScheduleValues, *, begin: datetime, now: datetime) -> Timetable | None:
    """When digests would leave with these values, for a look before anything is kept; ValuesError as for `change`.

    `begin`: when the cadence was made, or would be. None: by hand.
    """
    checked = _check(newsletter, values, begin=begin, now=now)
    return _timetable(newsletter, checked, begin=begin) if checked.rule else None


def create(session: Session, newsletter: Newsletter, values: ScheduleValues, *, actor: str, now: datetime) -> Schedule:
    """Add a cadence that readers can choose; ValuesError when a field makes no sense."""
    checked = _check(newsletter, values, begin=now, now=now)
    if not checked.rule:
        raise ValuesError({"rule": _("Say when the digests leave.")})
    known = schedules.of_newsletter(session, newsletter.id)
    if len(known) >= MOST:
        raise RefusedError(_("A newsletter has %(count)d rhythms at most.", count=MOST))
    slug = checked.slug or slugify(checked.name)
    if slug in {item.slug for item in known}:
        raise ValuesError({"slug": _("There is a rhythm called “%(slug)s” already.", slug=slug)})
    made = _add(session, newsletter, replace(checked, slug=slug), now=now)
    _record(session, made, "schedule.added", actor=actor, now=now, slug=made.slug, rule=made.rule)
    return made


def change(
    session: Session, newsletter: Newsletter, schedule: Schedule, values: ScheduleValues, *, actor: str, now: datetime
) -> None:
    """Change a cadence. Hours before now are not made up for by its new rule. The short name stays: files that readers
    are imported from name it.
    """
    before = values_of(schedule)
    checked = _check(newsletter, replace(values, slug=before.slug), begin=schedule.created_at, now=now, before=before)
    if not checked.rule and schedule.position:
        raise ValuesError({"rule": _("Say when the digests leave.")})
    for name in COLUMNS:
        setattr(schedule, name, getattr(checked, name))
    schedule.skipped = list(checked.skipped)
    changed = audit.changes(asdict(before), asdict(checked))
    if any(name in TIMES for name in changed):
        restart(newsletter, schedule, now=now)
    if changed:
        _record(session, schedule, "schedule.changed", actor=actor, now=now, slug=schedule.slug, changed=changed)


def pause(session: Session, newsletter: Newsletter, schedule: Schedule, *, actor: str, now: datetime) -> None:
    """Nothing leaves by itself until it is resumed; what comes in meanwhile waits."""
    if schedule.paused_at is None:
        schedule.paused_at = now
        set_next(newsletter, schedule)
        _record(session, schedule, "schedule.paused", actor=actor, now=now, slug=schedule.slug)


def resume(session: Session, newsletter: Newsletter, schedule: Schedule, *, actor: str, now: datetime) -> None:
    """Go on with the next hour; those of the pause are not made up for."""
    if schedule.paused_at is not None:
        schedule.paused_at = None
        restart(newsletter, schedule, now=now)
        _record(session, schedule, "schedule.resumed", actor=actor, now=now, slug=schedule.slug)


def remove(session: Session, schedule: Schedule, *, actor: str, now: datetime) -> None:
    """Take a cadence away. Its readers are on the main one from now on; its issues, and why, stay on record."""
    if not schedule.position:
        raise RefusedError(
            _("This is the rhythm of whoever chose none. Take its hours away, and digests leave by hand only.")
        )
    _record(session, schedule, "schedule.removed", actor=actor, now=now, slug=schedule.slug)
    schedule.removed_at = now
    schedule.slug = f"{schedule.slug[:38]}.{schedule.id}"  # a dot: no other has it, and the name is free again
    schedule.next_due_at = schedule.next_cut_off_at = None
    session.flush()


def _add(session: Session, newsletter: Newsletter, values: ScheduleValues, *, now: datetime) -> Schedule:
    last = session.scalar(select(func.max(Schedule.position)).where(Schedule.newsletter_id == newsletter.id))
    columns = {name: getattr(values, name) for name in COLUMNS} | {"skipped": list(values.skipped)}
    made = Schedule(
        newsletter_id=newsletter.id,
        position=0 if last is None else last + 1,
        since=now,
        created_at=now,
        **columns,
    )
    set_next(newsletter, made)
    session.add(made)
    session.flush()
    return made


def _check(
    newsletter: Newsletter,
    values: ScheduleValues,
    *,
    begin: datetime,
    now: datetime,
    before: ScheduleValues | None = None,
) -> ScheduleValues:
    """The values in their one form; ValuesError with all that is wrong. `before`: what is kept, which may have come to
    its end.
    """
    wrong: dict[str, str] = {}
    checked: dict[str, Any] = {}
    for name, check in _CHECKS.items():
        try:
            checked[name] = check(getattr(values, name))
        except RefusedError as error:
            wrong[name] = str(error)
    if not wrong.get("name") and not checked["name"]:
        wrong["name"] = _("Give the rhythm a name: readers choose by it.")
    for name in ("starts_at", "ends_at"):
        given = getattr(values, name)
        if given is not None and abs(given - now) > FURTHEST:
            wrong[name] = _far_away()
    if values.starts_at and values.ends_at and values.ends_at <= values.starts_at:
        wrong["ends_at"] = _("It ends before it begins.")
    if wrong:
        raise ValuesError(wrong)
    found = replace(values, **checked)
    if found.rule:
        try:
            timetable = _timetable(newsletter, found, begin=begin)
            if before is None or any(getattr(before, name) != getattr(found, name) for name in TIMES):
                timetable.check(now)
        except ScheduleError as error:
            raise ValuesError({"rule": str(error)}) from None
    return found


def _far_away() -> str:
    return _("Name a moment within ten years.")


def _whole(most: int) -> Callable[[int], int]:
    def check(value: int) -> int:
        if not 0 <= value <= most:
            raise RefusedError(_("Give a whole number from 0 to %(most)d.", most=most))
        return value

    return check


def _skipped(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Each once, in order."""
    spans = sorted(set(read_skipped([text for text in texts if text.strip()])))
    return tuple(str(first) if first == last else f"{first}/{last}" for first, last in spans)


def _quiet(text: str) -> str:
    found = read_quiet(text)
    return f"{found[0]:%H:%M}-{found[1]:%H:%M}" if found else ""


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "name": lambda value: check_line(value, LONGEST_NAME),
    "rule": lambda value: check_line(" ".join(value.split()), LONGEST),
    "slug": lambda value: check_slug(value) if value else "",
    "timezone": lambda value: check_time_zone(value) if value else None,
    "skipped": _skipped,
    "holidays": read_holidays,
    "quiet": _quiet,
    "lead_minutes": _whole(MOST_MINUTES),
    "catch_up_minutes": _whole(MOST_MINUTES),
    "carry": _whole(MOST_CARRIED),
}


def _timetable(newsletter: Newsletter, values: ScheduleValues, *, begin: datetime) -> Timetable:
    return Timetable.of(
        values.rule,
        ZoneInfo(values.timezone or newsletter.timezone),
        begin=begin,
        starts_at=values.starts_at,
        ends_at=values.ends_at,
        skipped=values.skipped,
        holidays=values.holidays,
        quiet=values.quiet,
    )


def _record(session: Session, schedule: Schedule, action: str, *, actor: str, now: datetime, **details: Any) -> None:
    audit.record(session, actor=actor, action=action, subject="schedule", subject_id=schedule.id, now=now, **details)
