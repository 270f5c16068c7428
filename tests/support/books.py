"""An auditor of the delivery ledger: whether the sums of an issue hold, as seen from outside in one snapshot."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, case, event, func, select
from sqlalchemy.orm import Session

from newsletter.core.database import Database
from newsletter.delivery.models import Batch, Delivery, DeliveryStatus
from newsletter.issues.models import Issue, IssueStatus

COUNTED = [func.coalesce(func.sum(case((Delivery.status == status, 1), else_=0)), 0) for status in DeliveryStatus]
NOTED = [getattr(Batch, status.value) for status in DeliveryStatus]
# One statement, so that one snapshot, even while workers commit.
AUDIT = (
    select(Issue.id, Issue.audience, Issue.status, Batch.id, *NOTED, *COUNTED)
    .select_from(Issue)
    .join(Batch, Batch.issue_id == Issue.id)
    .join(Delivery, Delivery.batch_id == Batch.id)
    .group_by(Issue.id, Issue.audience, Issue.status, Batch.id, *NOTED)
)


def audit(engine: Engine) -> list[str]:
    """What does not add up; empty when everything does."""
    wrong: list[str] = []
    readers: dict[int, int] = {}
    still_open: dict[int, int] = {}
    issues: dict[int, tuple[int | None, IssueStatus]] = {}
    with engine.execution_options(read_only=True).connect() as connection:
        rows = connection.execute(AUDIT).all()
    size = len(DeliveryStatus)
    for row in rows:
        issue_id, audience, status, batch_id, *numbers = row
        noted, counted = numbers[:size], [int(number) for number in numbers[size:]]
        if noted != counted:
            wrong.append(f"batch {batch_id} says {noted}, its deliveries are {counted}")
        by_status = dict(zip(DeliveryStatus, counted, strict=True))
        waiting = (DeliveryStatus.QUEUED, DeliveryStatus.SENDING, DeliveryStatus.DEFERRED)
        readers[issue_id] = readers.get(issue_id, 0) + sum(counted)
        still_open[issue_id] = still_open.get(issue_id, 0) + sum(by_status[item] for item in waiting)
        issues[issue_id] = (audience, status)
    for issue_id, (audience, status) in issues.items():
        if audience != readers[issue_id]:
            wrong.append(f"issue {issue_id} has an audience of {audience} and {readers[issue_id]} deliveries")
        if status is IssueStatus.SENT and still_open[issue_id]:
            wrong.append(f"issue {issue_id} is called sent while {still_open[issue_id]} deliveries are open")
    return wrong


@contextmanager
def audited(database: Database) -> Iterator[list[str]]:
    """Audit after every commit of this process; fails at the end when any commit left sums that do not hold."""
    wrong: list[str] = []

    def check(session: Session) -> None:
        if session.get_bind().engine.url == database.engine.url:
            wrong.extend(audit(database.engine))

    event.listen(Session, "after_commit", check)
    try:
        yield wrong
    finally:
        event.remove(Session, "after_commit", check)
    assert wrong == []
