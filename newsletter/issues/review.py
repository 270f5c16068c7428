"""What becomes of a digest between its composing and its leaving."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.issues import dispatch, status
from newsletter.issues.models import Issue, IssueStatus

ACTOR = "schedule"


def plan(session: Session, issue: Issue, *, send_at: datetime, actor: str, now: datetime) -> None:
    """Decide about an issue that a schedule composed: it leaves at its hour, at once when that is over."""
    status.lock(session, issue)
    issue.send_at = send_at
    if send_at <= now:
        dispatch.leave(session, issue, actor=actor, now=now)
    else:
        status.move(issue, IssueStatus.SCHEDULED)


def sweep(session: Session, *, now: datetime) -> None:
    """Let everything leave whose moment has come. An issue that somebody is at is left for the next time."""
    query = (
        select(Issue)
        .where(Issue.status == IssueStatus.SCHEDULED, Issue.send_at <= now)
        .order_by(Issue.send_at)
        .with_for_update(key_share=True, skip_locked=True)
    )
    for issue in session.scalars(query):
        dispatch.leave(session, issue, actor=ACTOR, now=now)
