"""Opens and clicks into the counts that pages show."""

from newsletter.core import jobs
from newsletter.core.clock import utc_now
from newsletter.tracking import folding
from worker import runtime
from worker.app import app


@app.task(name=jobs.FOLD_EVENTS)
def fold() -> None:
    """Judge and count what came in, some thousand events in a unit. Done twice, or by two at once, it counts once."""
    database = runtime.installation().database
    with database.reading() as session:
        if not folding.anything_waits(session):
            return
    while not runtime.stopping.is_set():
        with database.unit() as session:
            if folding.fold(session, now=utc_now()) < folding.CHUNK:
                return
