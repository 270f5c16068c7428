"""Bulk sending."""

import time

from newsletter.core import jobs
from newsletter.core.clock import utc_now
from newsletter.delivery import claim
from newsletter.delivery.send import send_next_batch
from newsletter.issues import dispatch
from worker import runtime
from worker.app import app

# A job ends after this and asks for the next: well within the time after which a broker would hand it out again.
TURN = 45.0


@app.task(name=jobs.SEND_BATCHES)
def send(issue_id: int = 0, turn: int = 0) -> None:
    """Send batches until none is due. The ids only tell one wake-up from another: what is due is in the database."""
    database = runtime.installation().database
    ends = time.monotonic() + TURN
    with runtime.transport() as mailer:
        worker = runtime.sender(mailer)
        while (sent_of := send_next_batch(worker)) is not None:
            with database.unit() as session:
                dispatch.settle(session, sent_of, now=utc_now())
                if time.monotonic() > ends and not runtime.stopping.is_set():
                    jobs.wake(session, jobs.SEND_BATCHES, issue_id, turn)
                    return
            if runtime.stopping.is_set():
                return


@app.task(name=jobs.SWEEP_BATCHES)
def sweep() -> None:
    """Find issues whose freeze was lost, batches that are due, and issues whose last batch ended without anybody
    noticing.
    """
    now = utc_now()
    with runtime.installation().database.unit() as session:
        for issue_id in dispatch.not_frozen(session):
            jobs.wake(session, jobs.DISPATCH_ISSUE, issue_id)
        for issue_id in dispatch.unsettled(session):
            dispatch.settle(session, issue_id, now=now)
        if claim.anything_due(session, now=now):
            jobs.wake(session, jobs.SEND_BATCHES, 0, 0)
