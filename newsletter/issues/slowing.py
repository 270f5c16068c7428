"""How fast an issue may leave: a limit by hand, shared by all workers, that they hear of within a second."""

from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core import jobs
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.delivery import limits
from newsletter.issues import status
from newsletter.issues.models import Issue, IssueStatus

MINUTE = 60
MOST = 100_000  # a second; a slip of the keyboard beyond it


def limit_of(session: Session, issue: Issue) -> float | None:
    """Messages a second; None: as many as go."""
    return limits.issue_limit(session, issue.id)


def slow(session: Session, issue: Issue, *, per_second: float | None, actor: str, now: datetime) -> None:
    """Let no more of an issue leave a second; None: as fast as possible again. RefusedError for an issue that is not
    under way, and for a number that makes no sense.
    """
    status.lock(session, issue)
    if issue.status not in (IssueStatus.SENDING, IssueStatus.PAUSED):
        raise RefusedError(_("Only an issue that is being sent can be slowed down."))
    if per_second is not None and not 1 / MINUTE <= per_second <= MOST:
        raise RefusedError(_("Name a number from 1 a minute to %(most)s a second.", most=MOST))
    before = limit_of(session, issue)
    limits.limit_issue(session, issue.id, per_second, now=now)
    audit.record(
        session,
        actor=actor,
        action="issue.slowed" if per_second is not None else "issue.at_full_speed",
        subject="issue",
        subject_id=issue.id,
        now=now,
        before={"per_second": before},
        after={"per_second": per_second},
    )
    if issue.status is IssueStatus.SENDING:
        jobs.wake(session, jobs.SEND_BATCHES, issue.id)
