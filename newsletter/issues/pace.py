"""How fast an issue is sent: of the last minute, not since its start.

While something moves a mark is written every few seconds, of sums that a worker has read anyway; a rate is the
difference of two marks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter.core.database import insert_into
from newsletter.delivery import queries as deliveries
from newsletter.delivery.queries import Counts
from newsletter.issues import domains
from newsletter.issues.models import Issue, IssueStatus
from newsletter.issues.sending_models import PaceMark

WINDOW = timedelta(minutes=1)
STEP, LATER_STEP = timedelta(seconds=5), timedelta(minutes=1)
OFTEN_FOR = timedelta(minutes=30)  # after it, a mark a minute: an issue that is sent for days has some thousand
LEAST = timedelta(seconds=2)  # a rate over less says nothing
KEPT = timedelta(days=30)
CHART = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """Messages a second, of the whole issue and by domain; None while that says nothing."""

    per_second: float | None = None
    by_domain: Mapping[str, float] = field(default_factory=dict)


def begin(session: Session, issue: Issue, *, now: datetime) -> None:
    """An issue goes on after a pause: what was before it says nothing of how fast it is."""
    issue.moving_since = now
    if issue.frozen_at is not None:
        _write(session, issue.id, deliveries.counts(session, issue.id).through, now)


def note(session: Session, issue: Issue, counts: Counts, *, now: datetime) -> None:
    """Write a mark, unless there is one of late or nothing has moved since."""
    if issue.status is not IssueStatus.SENDING or issue.frozen_at is None:
        return
    last = _last(session, issue.id)
    if last is not None:
        if last.done == counts.through:
            return
        often = now - (issue.moving_since or issue.frozen_at) < OFTEN_FOR
        if last.at <= now < last.at + (STEP if often else LATER_STEP) and counts.open:
            return
    _write(session, issue.id, counts.through, now)


def lately(session: Session, issue: Issue, done: int, *, now: datetime) -> Pace:
    """The rate of the last minute, or since it began to move where that is less; `done` deliveries are through now."""
    began = issue.moving_since or issue.frozen_at
    if issue.status is not IssueStatus.SENDING or began is None:
        return Pace()
    since = max(began, now - WINDOW)
    seconds = (now - since).total_seconds()
    if seconds < LEAST.total_seconds():
        return Pace()
    mark = session.execute(
        select(PaceMark.done, PaceMark.domains)
        .where(PaceMark.issue_id == issue.id, PaceMark.at <= since)
        .order_by(PaceMark.at.desc())
        .limit(1)
    ).first()
    before, known = (mark.done, mark.domains) if mark is not None else (0, {})
    sent = domains.sent_of_largest(session, issue.id)
    return Pace(
        max(0, done - before) / seconds,
        # A domain that no mark names had nothing then, unless nobody had counted.
        {name: max(0, count - int(known.get(name, 0))) / seconds for name, count in sent.items()},
    )


def line(session: Session, issue: Issue, *, now: datetime) -> Sequence[tuple[datetime, float]]:
    """Messages a second from mark to mark: of the last hour, or of the hour before the issue ended."""
    until = issue.finished_at or now
    rows = session.execute(
        select(PaceMark.at, PaceMark.done)
        .where(PaceMark.issue_id == issue.id, PaceMark.at > until - CHART)
        .order_by(PaceMark.at)
    ).all()
    marks: list[tuple[datetime, int]] = [(row.at, row.done) for row in rows]
    if issue.frozen_at is not None and marks and until - CHART < issue.frozen_at < marks[0][0]:
        marks.insert(0, (issue.frozen_at, 0))
    points: list[tuple[datetime, float]] = []
    for (at, done), (later, more) in pairwise(marks):
        seconds = (later - at).total_seconds()
        if seconds > 0:
            points.append((later, max(0, more - done) / seconds))
    return points


def forget(session: Session, *, now: datetime) -> None:
    """Drop the marks of a month ago."""
    session.execute(delete(PaceMark).where(PaceMark.at < now - KEPT))


def _last(session: Session, issue_id: int) -> PaceMark | None:
    return session.scalar(select(PaceMark).where(PaceMark.issue_id == issue_id).order_by(PaceMark.at.desc()).limit(1))


def _write(session: Session, issue_id: int, done: int, now: datetime) -> None:
    largest = domains.sent_of_largest(session, issue_id)
    mark = insert_into(session, PaceMark).values(issue_id=issue_id, at=now, done=done, domains=largest)
    session.execute(mark.on_conflict_do_nothing())
