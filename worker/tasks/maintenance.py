"""Keeping tables small."""

from newsletter.core import jobs, ratelimit
from newsletter.core.clock import utc_now
from newsletter.delivery import lanes
from worker import runtime
from worker.app import app


@app.task(name=jobs.TIDY_UP)
def tidy_up() -> None:
    """Drop counters whose window has ended, and lanes that nothing limits any more."""
    now = utc_now()
    with runtime.installation().database.unit() as session:
        ratelimit.forget_past(session, now)
        lanes.forget_quiet(session, now=now)
