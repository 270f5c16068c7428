"""Keeping an issue on its course while it is sent: stopped when it goes wrong, let on wave by wave, called sent at the
end.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.delivery import queries as deliveries
from newsletter.delivery.queries import Counts
from newsletter.issues import brake, dispatch, pace, waves
from newsletter.issues.models import Issue, IssueStatus


def after_batch(session: Session, issue_id: int, *, now: datetime) -> None:
    """Look at an issue of which deliveries have changed. May be called at any time and by several workers at once: the
    issue is locked only when there is something to do, and looked at again then.
    """
    issue = session.get(Issue, issue_id)
    if issue is None or issue.frozen_at is None or issue.status not in (IssueStatus.SENDING, IssueStatus.PAUSED):
        return
    by_wave = deliveries.by_wave(session, issue_id)
    counts = sum(by_wave.values(), Counts())
    pace.note(session, issue, counts, now=now)
    if not counts.open:
        dispatch.settle(session, issue_id, now=now)
    elif not brake.check(session, issue, counts, now=now):
        waves.open_next(session, issue, by_wave, now=now)


def sweep(session: Session, *, now: datetime) -> None:
    """The same for every issue on its way, for what a worker could not do any more, and for waves that wait."""
    for issue_id in dispatch.unsettled(session):
        after_batch(session, issue_id, now=now)
