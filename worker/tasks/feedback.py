"""Reading what comes back."""

import threading

from newsletter.core import jobs
from newsletter.core.clock import utc_now
from newsletter.feedback import inbox, mailboxes, reading, tools
from worker import runtime
from worker.app import app

_reading = threading.Lock()
_polling = threading.Lock()


@app.task(name=jobs.READ_INBOUND)
def read() -> None:
    """Read messages and webhooks until none waits. One thread of a process does so: the others are there for mail."""
    if not _reading.acquire(blocking=False):
        return
    try:
        here = runtime.installation()
        reading.read_waiting(here.database, tools.reader(here), clock=utc_now, stopping=runtime.stopping.is_set)
    finally:
        _reading.release()


@app.task(name=jobs.SWEEP_INBOUND)
def sweep() -> None:
    """Find what waits to be read and was not woken, and mailboxes whose turn has come."""
    database = runtime.installation().database
    now = utc_now()
    with database.reading() as session:
        waiting, due = inbox.anything_waits(session, now=now), mailboxes.anything_due(session, now=now)
    if waiting or due:
        with database.unit() as session:
            if waiting:
                jobs.wake(session, jobs.READ_INBOUND)
            if due:
                jobs.wake(session, jobs.POLL_MAILBOXES)


@app.task(name=jobs.POLL_MAILBOXES)
def poll() -> None:
    """Read the mailboxes that bounces arrive in, one after the other."""
    if not _polling.acquire(blocking=False):
        return
    try:
        here = runtime.installation()
        mailboxes.poll_due(here.database, here.vault, clock=utc_now, stopping=runtime.stopping.is_set)
    finally:
        _polling.release()
