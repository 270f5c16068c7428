"""What became of issues: messages, bounces, complaints, readers who left, and what is measured of readers.

Every figure is a sum of counters, or of rows that an index finds for one issue; nothing grows with the tables.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.core.database import among
from newsletter.delivery.models import Batch, DomainTally
from newsletter.issues.models import Issue, IssueStatus
from newsletter.subscriptions.models import EndedReason, Subscription
from newsletter.tracking import queries as tracking
from newsletter.tracking.queries import IssueFigures

LEFT = (IssueStatus.SENT, IssueStatus.SENDING, IssueStatus.PAUSED, IssueStatus.CANCELLED)
PAGE = 100
DOMAINS = 30
_SUMS = ("sent", "failed", "unknown", "skipped", "deferred", "queued", "sending", "hard", "content", "complained")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an issue's messages. `hard`, `content` and `complained` are some of those that were tried."""

    sent: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0
    deferred: int = 0
    queued: int = 0
    sending: int = 0
    hard: int = 0
    content: int = 0
    complained: int = 0

    @property
    def audience(self) -> int:
        return self.sent + self.failed + self.unknown + self.skipped + self.waiting

    @property
    def waiting(self) -> int:
        """Those of which nothing is known yet."""
        return self.deferred + self.queued + self.sending


@dataclass(frozen=True, slots=True)
class IssueReport:
    """An issue and its figures. `left`: readers whom a link of this issue took off the list; complaints are not
    among them.
    """

    issue: Issue
    outcome: Outcome
    left: int
    measured: IssueFigures


@dataclass(frozen=True, slots=True)
class DomainLine:
    """What a recipients' domain answered to an issue."""

    domain: str
    sent: int
    deferred: int
    hard: int
    other: int


def page(session: Session, newsletter_id: int, *, before: int | None = None, limit: int = PAGE) -> list[IssueReport]:
    """Issues of a newsletter that were frozen, the newest first, below the id `before`."""
    query = (
        select(Issue)
        .where(Issue.newsletter_id == newsletter_id, Issue.frozen_at.is_not(None), Issue.status.in_(LEFT))
        .order_by(Issue.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Issue.id < before)
    return of_issues(session, session.scalars(query).all())


def all_issues(session: Session, newsletter_id: int) -> Iterator[IssueReport]:
    """All of them, page by page, so that memory stays flat."""
    before: int | None = None
    while group := page(session, newsletter_id, before=before):
        yield from group
        before = group[-1].issue.id


def of_issues(session: Session, issues: Sequence[Issue]) -> list[IssueReport]:
    """The reports of these issues: six statements for all of them."""
    ids = [issue.id for issue in issues]
    outcomes, left = _outcomes(session, ids), _left(session, ids)
    measured = tracking.figures(session, ids)
    return [
        IssueReport(issue, outcomes.get(issue.id, Outcome()), left.get(issue.id, 0), measured[issue.id])
        for issue in issues
    ]


def domains_of(session: Session, issue_id: int) -> tuple[list[DomainLine], DomainLine]:
    """The domains with most readers of an issue, and all the others together."""
    other = DomainTally.soft + DomainTally.content + DomainTally.sender
    columns = (DomainTally.sent, DomainTally.deferred, DomainTally.hard, other)
    total = session.execute(
        select(*(func.coalesce(func.sum(column), 0) for column in columns)).where(DomainTally.issue_id == issue_id)
    ).one()
    rows = session.execute(
        select(DomainTally.domain, *columns)
        .where(DomainTally.issue_id == issue_id)
        .order_by((DomainTally.sent + DomainTally.hard + other).desc(), DomainTally.domain)
        .limit(DOMAINS)
    )
    lines = [DomainLine(domain, *map(int, counts)) for domain, *counts in rows]
    named = [sum(getattr(line, name) for line in lines) for name in ("sent", "deferred", "hard", "other")]
    return lines, DomainLine("", *(int(every) - some for every, some in zip(total, named, strict=True)))


def who_left(session: Session, issue_id: int, *, before: int | None = None, limit: int = 50) -> list[Subscription]:
    """Subscriptions that ended by a link of an issue, the newest first, below the id `before`."""
    query = (
        select(Subscription)
        .where(Subscription.ended_by_issue_id == issue_id)
        .order_by(Subscription.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Subscription.id < before)
    return list(session.scalars(query))


def _outcomes(session: Session, ids: Sequence[int]) -> dict[int, Outcome]:
    sums = [func.sum(getattr(Batch, name)) for name in _SUMS]
    rows = session.execute(
        select(Batch.issue_id, *sums).where(among(session, Batch.issue_id, ids)).group_by(Batch.issue_id)
    )
    return {issue_id: Outcome(*map(int, row)) for issue_id, *row in rows}


def _left(session: Session, ids: Sequence[int]) -> dict[int, int]:
    rows = session.execute(
        select(Subscription.ended_by_issue_id, func.count())
        .where(
            among(session, Subscription.ended_by_issue_id, ids),
            Subscription.ended_by_issue_id.is_not(None),
            Subscription.ended_reason != EndedReason.COMPLAINED,
        )
        .group_by(Subscription.ended_by_issue_id)
    )
    return {issue_id: count for issue_id, count in rows if issue_id is not None}


def frozen_on(report: IssueReport) -> datetime:
    """When it left."""
    return report.issue.frozen_at or report.issue.created_at
