"""Digests that leave by themselves, at the hours of each cadence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from newsletter.core.timetable import Timetable
from newsletter.issues import digest, review
from newsletter.issues.models import DigestRun, Issue, RunOutcome, Trigger
from newsletter.issues.selection.outcome import Missed
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Newsletter, Schedule

ACTOR = "schedule"
A_YEAR = timedelta(days=366)  # nobody wants to know of hours that were missed before
WRITTEN_DOWN = 100  # hours that were missed in one go; the last ones
AHEAD = timedelta(hours=1)  # a clock that was further ahead than that was wrong


@dataclass(frozen=True, slots=True)
class Departure:
    """A digest to come. `at` in UTC; `cadence` is its name; `left_out`: why it does not leave after all."""

    at: datetime
    cadence: str
    left_out: str = ""


def departures(session: Session, newsletter: Newsletter, *, now: datetime, count: int = 10) -> list[Departure]:
    """The next moments at which a newsletter's digests leave, over all its cadences. `count` leaves out those that do
    not leave; they are told in between.
    """
    each = [_departures(newsletter, item, now=now) for item in schedules.of_newsletter(session, newsletter.id)]
    return upcoming(merge(*each, key=lambda departure: departure.at), count)


def departures_of(newsletter: Newsletter, schedule: Schedule, *, now: datetime, count: int = 10) -> list[Departure]:
    """The same for one cadence."""
    return upcoming(_departures(newsletter, schedule, now=now), count)


def departures_by(timetable: Timetable | None, cadence: str, *, now: datetime, count: int = 10) -> list[Departure]:
    """The same for a cadence that is only thought of."""
    turns = timetable.turns(now) if timetable else iter(())
    return upcoming((Departure(turn.at, cadence, turn.left_out) for turn in turns), count)


def upcoming(found: Iterator[Departure], count: int) -> list[Departure]:
    """The first ones, of which so many leave; ten times as many are told at most."""
    told: list[Departure] = []
    for departure in islice(found, count * 10):
        told.append(departure)
        count -= not departure.left_out
        if not count:
            break
    return told


def next_run(session: Session, newsletter: Newsletter, *, now: datetime) -> datetime | None:
    """When the next digest leaves by itself."""
    found = departures(session, newsletter, now=now, count=1)
    return next((departure.at for departure in found if not departure.left_out), None)


def run_due(session: Session, schedule_id: int, *, now: datetime) -> Issue | None:
    """Compose the digest of a cadence whose hour has come; None when none has, or no issue came of it.

    The hour is done with in the same transaction, so that each comes once, however often and wherever this is called.
    Of several that were missed the last is made up for, with what all of them would have held, unless it is too long
    ago as well; what became of each is on record.
    """
    schedule = _locked(session, schedule_id)
    if schedule is None:
        return None
    newsletter = session.get_one(Newsletter, schedule.newsletter_id)
    if schedule.since > now + AHEAD:
        schedules.restart(newsletter, schedule, now=now)
        return None
    timetable = schedules.timetable(newsletter, schedule)
    lead = timedelta(minutes=schedule.lead_minutes)
    hours = timetable.between(max(schedule.since, now - A_YEAR) + lead, now + lead) if timetable else []
    issue = None
    if hours:
        *overtaken, due = hours
        _write_down(session, schedule, overtaken[-WRITTEN_DOWN:], Missed.OVERTAKEN, now=now)
        issue = _make_up_for(session, newsletter, schedule, due, now=now)
        schedule.since = due - lead
    schedules.set_next(newsletter, schedule)
    return issue


def _make_up_for(
    session: Session, newsletter: Newsletter, schedule: Schedule, due: datetime, *, now: datetime
) -> Issue | None:
    if now - due > timedelta(minutes=schedule.catch_up_minutes):
        _write_down(session, schedule, [due], Missed.LATE, now=now)
        return None
    issue = digest.compose(
        session,
        newsletter,
        schedule=schedule,
        trigger=Trigger.SCHEDULE,
        actor=ACTOR,
        now=now,
        cut_off=due - timedelta(minutes=schedule.lead_minutes),
        due_at=due,
    )
    if issue is not None:
        review.plan(session, issue, send_at=due, actor=ACTOR, now=now)
    # Somebody pressed the button since: there is no run of this hour, and nothing left for it.
    _write_down(session, schedule, [due], Missed.CLOSED, now=now)
    return issue


def _write_down(session: Session, schedule: Schedule, hours: Sequence[datetime], why: Missed, *, now: datetime) -> None:
    """Keep that these hours brought no issue, those that have no run yet."""
    lead = timedelta(minutes=schedule.lead_minutes)
    start = schedule.since
    cut_offs = [due - lead for due in hours]
    known = set(
        session.scalars(
            select(DigestRun.cut_off).where(DigestRun.schedule_id == schedule.id, DigestRun.cut_off.in_(cut_offs))
        )
    )
    rows = [
        {
            "newsletter_id": schedule.newsletter_id,
            "schedule_id": schedule.id,
            "due_at": due,
            "window_start": min(start, cut_off),
            "cut_off": cut_off,
            "trigger": Trigger.SCHEDULE,
            "outcome": RunOutcome.MISSED,
            "reason": {"code": why},
            "created_at": now,
        }
        for due, cut_off in zip(hours, cut_offs, strict=True)
        if cut_off not in known
    ]
    if rows:
        session.execute(insert(DigestRun), rows)


def _locked(session: Session, schedule_id: int) -> Schedule | None:
    """The cadence, if it is one that runs; its newsletter is locked, as for everything that composes."""
    session.execute(
        select(Newsletter.id)
        .join(Schedule, Schedule.newsletter_id == Newsletter.id)
        .where(Schedule.id == schedule_id)
        .with_for_update(key_share=True, of=Newsletter)
    )
    return session.scalar(
        select(Schedule)
        .where(Schedule.id == schedule_id, Schedule.paused_at.is_(None), Schedule.removed_at.is_(None))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


def _departures(newsletter: Newsletter, schedule: Schedule, *, now: datetime) -> Iterator[Departure]:
    timetable = schedules.timetable(newsletter, schedule) if schedule.paused_at is None else None
    if timetable is None:
        return
    for turn in timetable.turns(max(now, schedule.since + timedelta(minutes=schedule.lead_minutes))):
        yield Departure(turn.at, schedule.name, turn.left_out)
