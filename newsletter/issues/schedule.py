"""Digests that leave by themselves, at the hours of each cadence."""

from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.recurrence import last_run, runs_after
from newsletter.issues import digest, review
from newsletter.issues.models import Issue, Trigger
from newsletter.newsletters import schedules
from newsletter.newsletters.models import Newsletter, Schedule

CATCH_UP = timedelta(hours=12)  # after a longer outage the evening's news is no longer news


def next_runs(session: Session, newsletter: Newsletter, *, now: datetime, count: int = 10) -> list[datetime]:
    """The next moments a newsletter's digest is due, in UTC; none without a schedule."""
    main = schedules.main_of(session, newsletter.id)
    if not main.rule:
        return []
    return list(islice(runs_after(main.rule, ZoneInfo(newsletter.timezone), now), count))


def scheduled(session: Session) -> list[int]:
    """Newsletters that have a schedule."""
    return list(session.scalars(select(Schedule.newsletter_id).where(Schedule.rule != "").order_by(Schedule.id)))


def run_due(session: Session, newsletter_id: int, *, now: datetime) -> Issue | None:
    """Compose and send the digest of a newsletter whose hour has come; None when none has, or when nothing is new.

    The hour is marked as done in the same transaction, so that each comes once, however often and wherever this is
    called.
    """
    newsletter = session.scalars(
        select(Newsletter).where(Newsletter.id == newsletter_id).with_for_update(key_share=True)
    ).one()
    main = schedules.main_of(session, newsletter_id)
    due = last_run(main.rule, ZoneInfo(newsletter.timezone), after=main.since, until=now) if main.rule else None
    if due is None:
        return None
    main.since = due
    if now - due > CATCH_UP:
        return None
    issue = digest.compose(session, newsletter, trigger=Trigger.SCHEDULE, actor="schedule", now=now, cut_off=due)
    if issue is not None:
        review.plan(session, issue, send_at=due, actor="schedule", now=now)
    return issue
