"""Bulk sending."""

import logging
import threading

from newsletter.core import jobs
from newsletter.core.clock import utc_now
from newsletter.delivery import claim, engine, journal
from newsletter.issues import course, dispatch
from worker import runtime
from worker.app import app

log = logging.getLogger(__name__)

# Wake-ups come in numbers. A process that sends already keeps its threads from swallowing those meant for others.
POLITENESS = 0.3

_sending = threading.Lock()


@app.task(name=jobs.SEND_BATCHES)
def send(issue_id: int = 0, turn: int = 0) -> None:
    """Send batches until none is due. The ids only tell one wake-up from another: what is due is in the database.

    It may take hours. The broker then hands the job out again every minute or two: to a process that sends already, and
    lets it pass, or to one that does not, and helps.
    """
    if not _sending.acquire(blocking=False):
        runtime.stopping.wait(POLITENESS)
        return
    try:
        runtime.engine().run()
    except OSError as error:
        log.error("nothing is sent, for the data directory has no room to note it down: %s", error)
    finally:
        _sending.release()


@app.task(name=jobs.SWEEP_BATCHES)
def sweep() -> None:
    """Find issues whose freeze was lost, batches that are due, and issues whose last batch ended without anybody
    noticing.
    """
    now = utc_now()
    with runtime.installation().database.unit() as session:
        for issue_id in dispatch.not_frozen(session):
            jobs.wake(session, jobs.DISPATCH_ISSUE, issue_id)
        course.sweep(session, now=now)
        if claim.anything_due(session, now=now, workers=journal.survey(runtime.office().journals)):
            jobs.wake(session, jobs.SEND_BATCHES, 0, 0)
    engine.sweep_journals(runtime.office())
