"""Reports as rows of a table for a spreadsheet: a head, then one row at a time, so that memory stays flat."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Batch, Delivery
from newsletter.issues.models import Issue
from newsletter.reports import issues
from newsletter.reports.issues import IssueReport
from newsletter.subscriptions.models import Subscriber
from newsletter.tracking import queries as tracking

Row = list[str | int | None]
Reading = Callable[[], AbstractContextManager[Session]]
"""Opens a transaction that reads: a long table is read in several, so that none is kept open for minutes."""

BATCHES = 10  # some thousand deliveries

ISSUES = [
    "number", "subject", "status", "left_at", "audience", "sent", "failed", "unknown", "skipped", "waiting",
    "hard_bounces", "complaints", "unsubscribed", "clicks", "readers_who_clicked", "machine_clicks", "opens_estimated",
    "opens_prefetched",
]  # fmt: skip
LINKS = ["number", "url", "kind", "followed", "clicks", "readers", "machines", "unknown"]
DOMAINS = ["domain", "sent", "deferred", "hard", "other"]
DELIVERIES = ["email", "status", "changed_at", "attempts", "repeated", "reply"]


def of_newsletter(session: Session, newsletter_id: int) -> Iterator[Row]:
    """One row for each issue that has left, the newest first."""
    yield list(ISSUES)
    for report in issues.all_issues(session, newsletter_id):
        yield issue_row(report)


def issue_row(report: IssueReport) -> Row:
    """The figures of an issue in the order of `ISSUES`."""
    issue, outcome, measured = report.issue, report.outcome, report.measured
    return [
        issue.number,
        issue.subject,
        issue.status.value,
        issues.frozen_on(report).isoformat(),
        outcome.audience,
        outcome.sent,
        outcome.failed,
        outcome.unknown,
        outcome.skipped,
        outcome.waiting,
        outcome.hard,
        outcome.complained,
        report.left,
        measured.clicked.clicks,
        measured.clicked.readers,
        measured.clicked.machines,
        measured.opened.opens,
        measured.opened.prefetched,
    ]


def links_of(session: Session, issue: Issue) -> Iterator[Row]:
    """The links of an issue, those that most persons followed first."""
    yield list(LINKS)
    for link in tracking.links(session, issue.id):
        counts = link.counts
        yield [
            link.number,
            link.url,
            link.kind.value,
            "yes" if link.followed else "no",
            counts.clicks,
            counts.readers,
            counts.machines,
            counts.unknown,
        ]


def domains_of(session: Session, issue: Issue) -> Iterator[Row]:
    """What recipients' domains answered to an issue; the small ones together in the last row."""
    yield list(DOMAINS)
    lines, rest = issues.domains_of(session, issue.id)
    for line in (*lines, rest):
        yield [line.domain or "*", line.sent, line.deferred, line.hard, line.other]


def deliveries_of(reading: Reading, issue_id: int) -> Iterator[Row]:
    """Every delivery of an issue with its reader, batch by batch."""
    yield list(DELIVERIES)
    with reading() as session:
        batches = session.scalars(select(Batch.id).where(Batch.issue_id == issue_id).order_by(Batch.id)).all()
    for start in range(0, len(batches), BATCHES):
        group = batches[start : start + BATCHES]
        with reading() as session:
            rows = session.execute(
                select(
                    Subscriber.email,
                    Delivery.status,
                    Delivery.updated_at,
                    Delivery.attempts,
                    Delivery.repeated,
                    Delivery.reply,
                )
                .outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
                .where(Delivery.batch_id >= group[0], Delivery.batch_id <= group[-1], Delivery.issue_id == issue_id)
                .order_by(Delivery.batch_id, Delivery.id)
            ).all()
        for email, status, at, attempts, repeated, reply in rows:
            yield [email or "", status.value, at.isoformat(), attempts, "yes" if repeated else "no", reply or ""]
