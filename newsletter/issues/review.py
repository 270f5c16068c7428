"""What becomes of a digest between its composing and its leaving.

A schedule composes it, and `plan` says what it waits for; people look at it, change it, approve it or skip it; the
sweep lets it leave at its hour, or does what the newsletter wants when nobody has approved it by then.
"""

import logging
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, null, or_, select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.core import jobs
from newsletter.issues import approvals, clearance, digest, dispatch, editing, proof, status, upkeep
from newsletter.issues.models import DigestRun, Issue, IssueStatus
from newsletter.issues.proof import Notice
from newsletter.newsletters.models import Review, TooLate

log = logging.getLogger(__name__)

ACTOR = "schedule"
QUIET = timedelta(minutes=3)  # after the last edit: approvers get a proof when an editor is done, not one for each key
LEAST = timedelta(minutes=30)  # what approvers have at least, where an issue would be skipped without them


def plan(session: Session, issue: Issue, *, send_at: datetime, actor: str, now: datetime) -> None:
    """Decide what becomes of an issue that a schedule composed, which is to leave at `send_at`.

    With too little that is new it waits for an editor, without an hour. Without a review it leaves at its hour, at once
    when that is over. Under review it stays a draft, and approvers or editors are told.
    """
    status.lock(session, issue)
    if digest.is_held(session, issue):
        issue.pause_reason = _held(session, issue)
        proof.tell(session, issue, Notice.HELD, now=now)
        return
    issue.send_at = send_at
    if issue.review is Review.NONE:
        if send_at > now:
            status.move(issue, IssueStatus.SCHEDULED)
            jobs.wake(session, jobs.CHECK_ISSUE, issue.id)
        else:
            _leave(session, issue, actor=actor, now=now)
        return
    if send_at <= now and issue.too_late is TooLate.SKIP:
        issue.send_at = now + LEAST  # nobody could have approved it in no time
    audit.record(
        session,
        actor=actor,
        action="issue.review_begun",
        subject="issue",
        subject_id=issue.id,
        now=now,
        send_at=issue.send_at.isoformat(),
    )
    if issue.send_at <= now:
        _at_its_hour(session, issue, now=now)
    if approvals.under_review(issue):
        jobs.wake(session, jobs.CHECK_ISSUE, issue.id)
        _ask(session, issue, now=now)


def sweep(session: Session, *, now: datetime) -> None:
    """Do what is due: send what was decided, decide about what nobody has approved by its hour, and send proofs of what
    has changed. An issue that somebody is at is left for the next time.
    """
    for issue in _locked(session, now=now):
        try:
            with session.begin_nested():
                _attend(session, issue, now=now)
        except Exception:
            # The others must not wait for one that cannot be dealt with.
            log.exception("issue %d cannot be moved on", issue.id)


def is_waiting(session: Session, *, now: datetime) -> bool:
    """Whether the sweep has something to do; cheap, and takes no lock."""
    return session.scalar(select(Issue.id).where(_due(now)).limit(1)) is not None


def _locked(session: Session, *, now: datetime) -> list[Issue]:
    query = (
        select(Issue)
        .where(_due(now))
        .order_by(Issue.send_at)
        .with_for_update(key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(query))


def _due(now: datetime) -> ColumnElement[bool]:
    """SQL: its hour has come, or approvers know an earlier revision and the editors are done with it, or one of its
    articles has changed.
    """
    decided = and_(Issue.status == IssueStatus.SCHEDULED, Issue.send_at <= now)
    undecided = and_(Issue.send_at <= now, Issue.pause_reason.is_(null()))
    changed = and_(
        Issue.send_at.is_not(None), Issue.proofed_revision != Issue.revision, Issue.changed_at <= now - QUIET
    )
    reviewed = and_(Issue.review != Review.NONE, Issue.send_at.is_not(None))
    outdated = and_(Issue.status.in_((IssueStatus.DRAFT, IssueStatus.SCHEDULED)), reviewed, upkeep.outdated())
    return or_(
        decided,
        outdated,
        and_(Issue.status == IssueStatus.DRAFT, Issue.review != Review.NONE, or_(undecided, changed)),
    )


def _attend(session: Session, issue: Issue, *, now: datetime) -> None:
    if issue.review is not Review.NONE and upkeep.is_outdated(session, issue):
        upkeep.renew(session, issue, now=now)
    due = issue.send_at is not None and issue.send_at <= now
    if issue.status is IssueStatus.SCHEDULED:
        if due:
            _leave(session, issue, actor=ACTOR, now=now)
    elif due and issue.pause_reason is None:
        _at_its_hour(session, issue, now=now)
    elif issue.proofed_revision not in (None, issue.revision) and (issue.changed_at or now) <= now - QUIET:
        _ask(session, issue, now=now)


def stop_if_found(session: Session, issue: Issue, *, now: datetime) -> bool:
    """Take the hour from an issue, which the caller has locked, that has something fatal in its way, and tell those who
    look after it; True when there is. It waits as a draft, like one that is held.
    """
    if issue.status not in (IssueStatus.DRAFT, IssueStatus.SCHEDULED) or issue.send_at is None:
        return False
    found = clearance.in_the_way(session, issue)
    if not found:
        return False
    if issue.status is IssueStatus.SCHEDULED:
        status.move(issue, IssueStatus.DRAFT)
    issue.send_at = None
    issue.pause_reason = {"code": editing.FOUND, "found": [item.as_document() for item in found]}
    audit.record(
        session,
        actor="preflight",
        action="issue.stopped",
        subject="issue",
        subject_id=issue.id,
        now=now,
        keys=[item.key for item in found],
    )
    proof.tell(session, issue, Notice.STOPPED, now=now)
    return True


def _leave(session: Session, issue: Issue, *, actor: str, now: datetime) -> None:
    if not stop_if_found(session, issue, now=now):
        dispatch.leave(session, issue, actor=actor, now=now)


def _at_its_hour(session: Session, issue: Issue, *, now: datetime) -> None:
    """Nobody has approved it: do what the newsletter wants then."""
    match issue.too_late:
        case TooLate.SEND:
            _leave(session, issue, actor=ACTOR, now=now)
        case TooLate.SKIP:
            proof.tell(session, issue, Notice.SKIPPED, now=now)
            dispatch.cancel(session, issue, actor=ACTOR, now=now, reason={"code": "too_late"})
        case TooLate.WAIT:
            issue.pause_reason = {"code": "waiting"}
            proof.tell(session, issue, Notice.WAITING, now=now)


def _ask(session: Session, issue: Issue, *, now: datetime) -> None:
    """Send the proof, or tell editors that a digest waits on the desk."""
    if issue.review is Review.PROOF and proof.ask(session, issue, now=now):
        return
    if issue.pause_reason is None:
        proof.tell(session, issue, Notice.READY, now=now)


def _held(session: Session, issue: Issue) -> dict[str, object]:
    reason = session.scalars(select(DigestRun.reason).where(DigestRun.issue_id == issue.id)).first() or {}
    return {"code": "held", "found": reason.get("found", 0), "count": reason.get("count", 0)}
