"""Fetching the pictures of articles."""

import threading

from newsletter.articles import pictures
from newsletter.core import jobs
from newsletter.core.clock import utc_now
from worker import runtime
from worker.app import app

_fetching = threading.Lock()


@app.task(name=jobs.FETCH_PICTURES)
def fetch() -> None:
    """Fetch pictures until none is due. One thread of a process does so: the others are there for mail."""
    if not _fetching.acquire(blocking=False):
        return
    try:
        here = runtime.installation()
        fetcher = pictures.fetcher(here.settings.fetch_allow)
        pictures.fetch_due(here.database, fetcher, clock=utc_now, stopping=runtime.stopping.is_set)
    finally:
        _fetching.release()


@app.task(name=jobs.SWEEP_PICTURES)
def sweep() -> None:
    """Find pictures whose wake-up was lost or whose next attempt has come due."""
    database = runtime.installation().database
    with database.reading() as session:
        due = pictures.anything_due(session, now=utc_now())
    if due:
        with database.unit() as session:
            jobs.wake(session, jobs.FETCH_PICTURES)
