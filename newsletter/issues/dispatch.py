"""From a draft to deliveries, and what people do to an issue on its way: send, pause, resume, cancel."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core import jobs
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.delivery import ledger
from newsletter.delivery import queries as deliveries
from newsletter.issues import brake, editing, rulings, status
from newsletter.issues.models import Issue, IssueArticle, IssueStatus


def send(session: Session, issue: Issue, *, actor: str, now: datetime) -> None:
    """Decide that a draft goes out. A worker freezes it; from here on it cannot change."""
    status.lock(session, issue)
    editing.check_texts(session, issue.newsletter_id, subject=issue.subject, introduction=issue.introduction)
    leave(session, issue, actor=actor, now=now)


def leave(session: Session, issue: Issue, *, actor: str, now: datetime) -> None:
    """Let an issue that the caller has locked go out now."""
    status.move(issue, IssueStatus.SENDING)
    audit.record(session, actor=actor, action="issue.sent", subject="issue", subject_id=issue.id, now=now)
    jobs.wake(session, jobs.DISPATCH_ISSUE, issue.id)


def not_frozen(session: Session) -> list[int]:
    """Issues that are to be sent and whose freeze was lost on the way."""
    return list(session.scalars(select(Issue.id).where(Issue.status == IssueStatus.SENDING, Issue.frozen_at.is_(None))))


def pause(session: Session, issue: Issue, *, actor: str, now: datetime) -> None:
    """Stop after the messages in hand; everything else waits."""
    status.lock(session, issue)
    status.move(issue, IssueStatus.PAUSED)
    ledger.hold(session, issue.id, held=True)
    audit.record(session, actor=actor, action="issue.paused", subject="issue", subject_id=issue.id, now=now)


def resume(session: Session, issue: Issue, *, actor: str, now: datetime) -> None:
    """Go on with a paused issue. Whoever does so has read why it had stopped: the brake bears twice as much then."""
    status.lock(session, issue)
    if issue.status is not IssueStatus.PAUSED:
        raise RefusedError(_("This issue is not paused."))
    status.move(issue, IssueStatus.SENDING)
    stopped_for = (issue.pause_reason or {}).get("code")
    issue.brake_released = issue.brake_released or stopped_for in brake.LIMITS
    issue.pause_reason = None
    ledger.hold(session, issue.id, held=False)
    details = {"stopped_for": stopped_for} if stopped_for else {}
    audit.record(session, actor=actor, action="issue.resumed", subject="issue", subject_id=issue.id, now=now, **details)
    jobs.wake(session, jobs.DISPATCH_ISSUE if issue.frozen_at is None else jobs.SEND_BATCHES, issue.id)


def cancel(session: Session, issue: Issue, *, actor: str, now: datetime) -> int:
    """Give an issue up; returns how many readers will not get it. The articles of one that never left are free
    again.
    """
    status.lock(session, issue)
    status.move(issue, IssueStatus.CANCELLED)
    issue.finished_at = now
    issue.pause_reason = None
    withdrawn = ledger.cancel(session, issue.id, now=now)
    if issue.frozen_at is None:
        session.execute(delete(IssueArticle).where(IssueArticle.issue_id == issue.id))
        rulings.free(session, issue.id, {"code": "cancelled"})
    audit.record(
        session,
        actor=actor,
        action="issue.cancelled",
        subject="issue",
        subject_id=issue.id,
        now=now,
        withdrawn=withdrawn,
    )
    return withdrawn


def settle(session: Session, issue_id: int, *, now: datetime) -> bool:
    """Call an issue sent when nothing of it is queued, being sent or deferred; True when it became so now."""
    issue = session.scalar(
        select(Issue)
        .where(Issue.id == issue_id, Issue.status.in_([IssueStatus.SENDING, IssueStatus.PAUSED]))
        .with_for_update(key_share=True)
    )
    if issue is None or issue.frozen_at is None or deliveries.work_left(session, issue_id):
        return False
    status.move(issue, IssueStatus.SENT)
    issue.finished_at = now
    return True


def unsettled(session: Session) -> list[int]:
    """Issues that are being sent, or paused."""
    return list(
        session.scalars(
            select(Issue.id).where(
                Issue.status.in_([IssueStatus.SENDING, IssueStatus.PAUSED]), Issue.frozen_at.is_not(None)
            )
        )
    )
