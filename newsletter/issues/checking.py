"""A look at an issue from beginning to end: read, look without a transaction, write down, act on it."""

from collections.abc import Callable
from datetime import datetime

from newsletter.core.installation import Installation
from newsletter.issues import clearance, editing, inspection, review, status
from newsletter.issues.inspection import Outside
from newsletter.issues.models import Issue
from newsletter.issues.preflight.findings import Finding

Clock = Callable[[], datetime]


def check_now(
    here: Installation, issue_id: int, *, clock: Clock, again: bool = True, world: Outside | None = None
) -> list[Finding] | None:
    """Look at an issue and keep what is found; an issue that has its hour is stopped by what is fatal.

    None when there is nothing to look at: no such issue, or one that has left or was looked at a moment ago and is not
    to be `again`.
    """
    began = clock()
    with here.database.reading() as session:
        issue = session.get(Issue, issue_id)
        if issue is None or (issue.status not in editing.OPEN and not again):
            return None
        run = clearance.latest(session, issue)
        if run is not None and not again and began - run.finished_at < clearance.FRESH:
            return None
        gathered = inspection.gather(session, here, issue, now=began)
    findings = inspection.examine(gathered, world or inspection.outside(here), now=began)
    with here.database.unit() as session:
        issue = session.get(Issue, issue_id)
        if issue is None:
            return findings
        status.lock(session, issue)
        clearance.record(
            session,
            issue_id=issue_id,
            revision=gathered.revision,
            findings=findings,
            started_at=began,
            now=clock(),
        )
        if issue.revision == gathered.revision:
            review.stop_if_found(session, issue, now=clock())
            clearance.release(session, issue)
    return findings
