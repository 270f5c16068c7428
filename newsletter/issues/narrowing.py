"""Choosing who gets an issue: everybody it is for, only a segment of them, or all but one."""

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.issues import editing, narrowed, status
from newsletter.issues.models import DigestRun, Issue, IssueKind, IssueStatus, RunOutcome
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions.segments import queries as segments
from newsletter.subscriptions.segments.models import Segment


def narrow(
    session: Session,
    issue: Issue,
    *,
    only: int | None,
    without: int | None,
    actor: str,
    now: datetime,
    expected_revision: int | None = None,
) -> None:
    """Say who gets an issue, by the ids of segments; both None: everybody it is for.

    The run of a digest for a part of the readers closes no window, so that what is in it stays new for the others.
    RefusedError for a segment that does not exist, for a correction, and for a digest that a later one has followed.
    """
    session.execute(select(Newsletter.id).where(Newsletter.id == issue.newsletter_id).with_for_update(key_share=True))
    _begin(session, issue, expected_revision)
    if (only, without) == (issue.segment_id, issue.without_segment_id):
        return
    if only is not None and only == without:
        raise RefusedError(_("Nobody is in a segment and not in it. Choose two different ones."))
    chosen = [_segment(session, issue, item) for item in (only, without)]
    if issue.kind is IssueKind.CORRECTION and any(chosen):
        raise RefusedError(_("A correction goes to those whom the issue has reached, and to nobody else."))
    _set_run(session, issue, part=any(chosen))
    before = [_called(session, item) for item in (issue.segment_id, issue.without_segment_id)]
    after = [item.name if item else None for item in chosen]
    issue.segment_id, issue.without_segment_id = only, without
    details = {"only": [before[0], after[0]], "without": [before[1], after[1]]}
    editing.finish(session, issue, "issue.narrowed", actor=actor, now=now, **details)


def _begin(session: Session, issue: Issue, expected_revision: int | None) -> None:
    """An issue that was stopped at the freeze has left its editors, and is at nobody's yet: this of it can change."""
    status.lock(session, issue)
    if issue.status is IssueStatus.PAUSED and issue.frozen_at is None:
        editing.must_be_at(session, issue, expected_revision)
        return
    editing.begin(session, issue, expected_revision)


def _segment(session: Session, issue: Issue, segment_id: int | None) -> Segment | None:
    if segment_id is None:
        return None
    found = segments.by_id(session, issue.newsletter_id, segment_id)
    trial = Issue(newsletter_id=issue.newsletter_id, segment_id=segment_id)
    if problem := narrowed.chosen(session, trial).problem:
        raise RefusedError(problem)
    return found


def _set_run(session: Session, issue: Issue, *, part: bool) -> None:
    """Say of the run whether it is for all readers of its cadence."""
    runs = list(session.scalars(select(DigestRun).where(DigestRun.issue_id == issue.id)))
    for run in runs:
        if run.outcome not in (RunOutcome.ISSUE, RunOutcome.PART):
            continue
        if part and run.outcome is RunOutcome.ISSUE:
            later = exists().where(DigestRun.schedule_id == run.schedule_id, DigestRun.cut_off > run.cut_off)
            if session.scalar(select(later)):
                raise RefusedError(
                    _(
                        "A later digest of this rhythm has been composed since. If this one went to some readers only, "
                        "the others would never get its articles."
                    )
                )
        run.outcome = RunOutcome.PART if part else RunOutcome.ISSUE


def _called(session: Session, segment_id: int | None) -> str | None:
    found = session.get(Segment, segment_id) if segment_id is not None else None
    return found.name if found else None
