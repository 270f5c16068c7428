"""Reading feeds."""

import threading

from newsletter.core import jobs
from newsletter.core.clock import utc_now
from newsletter.core.i18n import LOCALES, use_locale
from newsletter.feeds import discover, polling
from newsletter.feeds.apart import Apart
from newsletter.newsletters import queries
from worker import runtime
from worker.app import app

_polling = threading.Lock()


@app.task(name=jobs.POLL_FEEDS)
def poll() -> None:
    """Read feeds until none is due. One thread of a process does so: the others are there for mail."""
    if not _polling.acquire(blocking=False):
        return
    try:
        here = runtime.installation()
        with here.database.reading() as session:
            newsletters = queries.all_newsletters(session)
        # What went wrong is kept in words, which are to be the newsroom's.
        with use_locale(newsletters[0].language if newsletters else LOCALES[0]), Apart() as parse:
            polling.poll_due(
                here.database,
                discover.fetcher(here.settings.fetch_allow),
                clock=utc_now,
                stopping=runtime.stopping.is_set,
                parse=parse,
            )
    finally:
        _polling.release()


@app.task(name=jobs.SWEEP_FEEDS)
def sweep() -> None:
    """Find feeds that have come due, or whose worker is gone."""
    database = runtime.installation().database
    with database.reading() as session:
        due = polling.anything_due(session, now=utc_now())
    if due:
        with database.unit() as session:
            jobs.wake(session, jobs.POLL_FEEDS)
