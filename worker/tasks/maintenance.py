"""Keeping tables small."""

from newsletter.core import jobs, ratelimit
from newsletter.core.clock import utc_now
from worker import runtime
from worker.app import app


@app.task(name=jobs.TIDY_UP)
def tidy_up() -> None:
    """Drop counters whose window has ended."""
    with runtime.installation().database.unit() as session:
        ratelimit.forget_past(session, utc_now())
