"""What people decide about an issue: when it leaves, that it comes back, that it pauses, goes on, or is given up."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core import jobs
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.delivery import ledger, limits
from newsletter.delivery import queries as deliveries
from newsletter.issues import brake, clearance, editing, history, pace, rulings, status, upkeep
from newsletter.issues.models import Issue, IssueArticle, IssueKind, IssueStatus
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Review

FURTHEST = timedelta(days=366)  # further away is a slip of the keyboard


def send(session: Session, issue: Issue, *, actor: str, now: datetime) -> None:
    """Decide that an issue goes out: at once, or when the newsletter's cooling-off time is over.

    Asked a second time, it leaves no later. Whoever decides this has reviewed it.
    """
    status.lock(session, issue)
    if issue.status is IssueStatus.PAUSED:
        raise RefusedError(_("This issue is paused. Resume it, and it goes on where it stopped."))
    _check(session, issue)
    decide(session, issue, send_at=now, actor=actor, now=now)
    issue.review = Review.NONE


def schedule(session: Session, issue: Issue, *, send_at: datetime, actor: str, now: datetime) -> None:
    """Decide when an issue goes out; until then it can change and be pulled back."""
    status.lock(session, issue)
    if not now < send_at <= now + FURTHEST:
        raise RefusedError(_("Name a moment to come, within a year."))
    _check(session, issue)
    if issue.status is not IssueStatus.SCHEDULED:
        status.move(issue, IssueStatus.SCHEDULED)
    issue.send_at = send_at
    issue.review = Review.NONE
    _wait(session, issue, actor=actor, now=now)


def decide(session: Session, issue: Issue, *, send_at: datetime, actor: str, now: datetime) -> None:
    """Let an issue that the caller has locked go at its hour; when that is over, after the cooling-off time."""
    if send_at <= now:
        send_at = now + timedelta(minutes=newsletters.by_id(session, issue.newsletter_id).cooling_minutes)
        if issue.status is IssueStatus.SCHEDULED and issue.send_at is not None:
            send_at = min(issue.send_at, send_at)
    if send_at <= now:
        leave(session, issue, actor=actor, now=now)
        return
    if issue.status is not IssueStatus.SCHEDULED:
        status.move(issue, IssueStatus.SCHEDULED)
    issue.send_at = send_at
    _wait(session, issue, actor=actor, now=now)


def pull_back(session: Session, issue: Issue, *, actor: str, now: datetime) -> None:
    """Make a draft of an issue that has not left. It leaves when somebody says so again: no hour and no approval that
    it had counts any more.
    """
    status.lock(session, issue)
    if issue.status is not IssueStatus.DRAFT:
        status.move(issue, IssueStatus.DRAFT)
    elif issue.send_at is None:
        raise RefusedError(_("This issue is a draft already: it leaves when you send it."))
    issue.send_at = None
    issue.pause_reason = None
    issue.revision += 1
    issue.changed_by, issue.changed_at = actor, now
    _record(session, issue, "issue.pulled_back", actor=actor, now=now)


def leave(session: Session, issue: Issue, *, actor: str, now: datetime) -> None:
    """Let an issue that the caller has locked go out now. A worker freezes it; from here on it cannot change.

    Without what has been withdrawn: where nothing else was in it, it is given up.
    """
    upkeep.drop_withdrawn(session, issue)
    if issue.kind is not IssueKind.CORRECTION and not editing.article_ids(session, issue.id):
        cancel(session, issue, actor=actor, now=now, reason={"code": "withdrawn"})
        return
    status.move(issue, IssueStatus.SENDING)
    issue.pause_reason = None
    _record(session, issue, "issue.sent", actor=actor, now=now)
    jobs.wake(session, jobs.DISPATCH_ISSUE, issue.id)


def not_frozen(session: Session) -> list[int]:
    """Issues that are to be sent and whose freeze was lost on the way."""
    return list(session.scalars(select(Issue.id).where(Issue.status == IssueStatus.SENDING, Issue.frozen_at.is_(None))))


def pause(session: Session, issue: Issue, *, actor: str, now: datetime) -> None:
    """Stop after the messages in hand; everything else waits."""
    status.lock(session, issue)
    status.move(issue, IssueStatus.PAUSED)
    ledger.hold(session, issue.id, held=True)
    _record(session, issue, "issue.paused", actor=actor, now=now)


def resume(session: Session, issue: Issue, *, actor: str, now: datetime) -> None:
    """Go on with a paused issue. Whoever does so has read why it had stopped: the brake bears twice as much then."""
    status.lock(session, issue)
    if issue.status is not IssueStatus.PAUSED:
        raise RefusedError(_("This issue is not paused."))
    status.move(issue, IssueStatus.SENDING)
    stopped_for = (issue.pause_reason or {}).get("code")
    issue.brake_released = issue.brake_released or stopped_for in brake.LIMITS
    issue.pause_reason = None
    pace.begin(session, issue, now=now)
    ledger.hold(session, issue.id, held=False)
    details = {"stopped_for": stopped_for} if stopped_for else {}
    _record(session, issue, "issue.resumed", actor=actor, now=now, **details)
    jobs.wake(session, jobs.DISPATCH_ISSUE if issue.frozen_at is None else jobs.SEND_BATCHES, issue.id)


def cancel(
    session: Session, issue: Issue, *, actor: str, now: datetime, reason: Mapping[str, Any] | None = None
) -> int:
    """Give an issue up; returns how many readers will not get it. The articles of one that never left are free
    again.

    `reason`: why, where more is known than that somebody pressed the button; see reasons.
    """
    status.lock(session, issue)
    status.move(issue, IssueStatus.CANCELLED)
    issue.finished_at = now
    issue.pause_reason = dict(reason) if reason else None
    withdrawn = ledger.cancel(session, issue.id, now=now)
    _finish(session, issue, now=now)
    history.forget(session, issue.id)
    if issue.frozen_at is None:
        session.execute(delete(IssueArticle).where(IssueArticle.issue_id == issue.id))
        rulings.free(session, issue.id, {"code": "cancelled"})
    why = {"reason": reason["code"]} if reason else {}
    _record(session, issue, "issue.cancelled", actor=actor, now=now, withdrawn=withdrawn, **why)
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
    pace.note(session, issue, deliveries.counts(session, issue_id), now=now)
    status.move(issue, IssueStatus.SENT)
    issue.finished_at = now
    _finish(session, issue, now=now)
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


def _finish(session: Session, issue: Issue, *, now: datetime) -> None:
    """Nothing more of an issue leaves: its limit is of no use, and its figures by domain can be made exact."""
    if issue.frozen_at is not None:
        limits.limit_issue(session, issue.id, None, now=now)
        jobs.wake(session, jobs.COUNT_DOMAINS, issue.id)


def _wait(session: Session, issue: Issue, *, actor: str, now: datetime) -> None:
    """An issue has its hour: from here on it is looked at, links and all, so that its editors hear in time."""
    issue.pause_reason = None
    hour = issue.send_at.isoformat() if issue.send_at else ""
    _record(session, issue, "issue.scheduled", actor=actor, now=now, send_at=hour)
    jobs.wake(session, jobs.CHECK_ISSUE, issue.id)


def _check(session: Session, issue: Issue) -> None:
    """Refuse what could not be sent, or should not, while somebody is there to correct it."""
    editing.check_texts_of(session, issue)
    clearance.must_pass(session, issue)


def _record(session: Session, issue: Issue, action: str, *, actor: str, now: datetime, **details: Any) -> None:
    audit.record(session, actor=actor, action=action, subject="issue", subject_id=issue.id, now=now, **details)
