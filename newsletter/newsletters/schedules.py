"""Cadences of a newsletter: when its digests leave, and when next."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import gettext as _
from newsletter.core.timetable import Timetable
from newsletter.newsletters.models import Newsletter, Schedule

MAIN = "main"
LONGEST_LEAD = timedelta(days=7)


def main_of(session: Session, newsletter_id: int) -> Schedule:
    """The cadence of the readers who chose none."""
    return session.scalars(_of(newsletter_id).limit(1)).one()


def of_newsletter(session: Session, newsletter_id: int) -> list[Schedule]:
    """The cadences of a newsletter in their order, the main one first; a handful."""
    return list(session.scalars(_of(newsletter_id)))


def by_slug(session: Session, newsletter: Newsletter, slug: str | None) -> Schedule:
    """The cadence of this short name, None: the main one; NotFoundError when there is none, with those that exist."""
    known = {item.slug: item for item in of_newsletter(session, newsletter.id)}
    if slug is None:
        return next(iter(known.values()))
    if slug not in known:
        raise NotFoundError(
            _("There is no rhythm “%(name)s”. These exist: %(known)s.", name=slug[:60], known=", ".join(known))
        )
    return known[slug]


def gone(session: Session, newsletter_id: int) -> list[int]:
    """Cadences that were removed. A reader may still name one, who is on the main one by that."""
    query = select(Schedule.id).where(Schedule.newsletter_id == newsletter_id, Schedule.removed_at.is_not(None))
    return list(session.scalars(query))


def zone_of(newsletter: Newsletter, schedule: Schedule) -> ZoneInfo:
    """The time zone that a cadence's rule is read in."""
    return ZoneInfo(schedule.timezone or newsletter.timezone)


def timetable(newsletter: Newsletter, schedule: Schedule, *, rule: str | None = None) -> Timetable | None:
    """When a cadence's digests leave, by its own rule or by another in its place; None: by hand."""
    asked = schedule.rule if rule is None else rule
    if not asked:
        return None
    return Timetable.of(
        asked,
        zone_of(newsletter, schedule),
        begin=schedule.created_at,
        starts_at=schedule.starts_at,
        ends_at=schedule.ends_at,
        skipped=schedule.skipped,
        holidays=schedule.holidays,
        quiet=schedule.quiet,
    )


def due(session: Session, *, now: datetime) -> list[int]:
    """Cadences whose hour may have come. Those too that a clock which was ahead has sent into the future: of a clock
    that is right, no hour is done with before it has come.
    """
    running = Schedule.paused_at.is_(None) & Schedule.removed_at.is_(None)
    query = select(Schedule.id).where(running, or_(Schedule.next_cut_off_at <= now, Schedule.since > now))
    return list(session.scalars(query.order_by(Schedule.next_cut_off_at, Schedule.id)))


def set_next(newsletter: Newsletter, schedule: Schedule) -> None:
    """Compute when a cadence comes next, for the sweep and for readers; None when it does not."""
    lead = timedelta(minutes=schedule.lead_minutes)
    found = timetable(newsletter, schedule) if schedule.paused_at is None and schedule.removed_at is None else None
    due_at = next(found.after(schedule.since + lead), None) if found else None
    schedule.next_due_at = due_at
    schedule.next_cut_off_at = due_at - lead if due_at else None


def restart(newsletter: Newsletter, schedule: Schedule, *, now: datetime) -> None:
    """Begin anew with the first hour after now."""
    schedule.since = now
    set_next(newsletter, schedule)


def restart_all(session: Session, newsletter: Newsletter, *, now: datetime) -> None:
    """The same for those cadences that go by the newsletter's time zone, which has changed."""
    for schedule in of_newsletter(session, newsletter.id):
        if schedule.timezone is None:
            restart(newsletter, schedule, now=now)


def _of(newsletter_id: int) -> Select[Schedule]:
    return (
        select(Schedule)
        .where(Schedule.newsletter_id == newsletter_id, Schedule.removed_at.is_(None))
        .order_by(Schedule.position, Schedule.id)
    )
