"""Counters of subscriptions, and what staff do to many of them."""

from datetime import timedelta

from newsletter.core import jobs
from newsletter.core.clock import utc_now
from newsletter.subscriptions import bulk, counts, lost
from newsletter.transfer import files
from worker import runtime
from worker.app import app

LATELY = timedelta(days=1)


@app.task(name=jobs.FOLD_COUNTS)
def fold_counts() -> None:
    """Note who was lost by bounces of late, and add up what transactions left of the counters, so that a page sums few
    rows.
    """
    with runtime.installation().database.unit() as session:
        lost.note(session, since=utc_now() - LATELY)
    with runtime.installation().database.unit() as session:
        counts.fold(session)


@app.task(name=jobs.RUN_BULK)
def run_bulk(action_id: int) -> None:
    """Work at what staff asked for, until it waits for somebody or is done."""
    bulk.run(runtime.installation().database, action_id, utc_now)


@app.task(name=jobs.READ_FILE)
def read_file(file_id: int) -> None:
    """Try or import a file that staff brought."""
    here = runtime.installation()
    files.run(here.database, here.signer, file_id, utc_now)


@app.task(name=jobs.SWEEP_BULK)
def sweep() -> None:
    """Find what was asked for and nobody works at."""
    now = utc_now()
    with runtime.installation().database.unit() as session:
        for action_id in bulk.waiting(session, now=now):
            jobs.wake(session, jobs.RUN_BULK, action_id)
        for file_id in files.waiting(session, now=now):
            jobs.wake(session, jobs.READ_FILE, file_id)
