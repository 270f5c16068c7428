"""Freezing issues and running schedules."""

import logging

from newsletter.core import jobs
from newsletter.core.clock import utc_now
from newsletter.issues import domains, review, schedule
from newsletter.issues import freeze as freezing
from newsletter.newsletters import schedules
from worker import runtime
from worker.app import app

log = logging.getLogger(__name__)


@app.task(name=jobs.DISPATCH_ISSUE)
def freeze(issue_id: int) -> None:
    """Make the deliveries of an issue that is to be sent."""
    here = runtime.installation()
    with here.database.unit() as session:
        freezing.freeze(session, issue_id, here.links, now=utc_now())


@app.task(name=jobs.COUNT_DOMAINS)
def count_domains(issue_id: int) -> None:
    """Count the readers of an issue by the domain of their address; when it is over, what became of them too."""
    with runtime.installation().database.unit() as session:
        domains.count(session, issue_id, now=utc_now())


@app.task(name=jobs.RUN_SCHEDULES)
def run_schedules() -> None:
    """Compose the digests whose hour has come, each cadence in a unit of its own, and let leave what is decided."""
    database = runtime.installation().database
    with database.reading() as session:
        due = schedules.due(session, now=utc_now())
    for schedule_id in due:
        try:
            with database.unit() as session:
                schedule.run_due(session, schedule_id, now=utc_now())
        except Exception:
            # The others must not wait for one that cannot be composed; it is tried again until it is too late.
            log.exception("the digest of cadence %d cannot be composed", schedule_id)
    with database.reading() as session:
        waiting = review.is_waiting(session, now=utc_now())
    if waiting:
        with database.unit() as session:
            review.sweep(session, now=utc_now())
