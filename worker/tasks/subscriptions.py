"""Counters of subscriptions."""

from newsletter.core import jobs
from newsletter.subscriptions import counts
from worker import runtime
from worker.app import app


@app.task(name=jobs.FOLD_COUNTS)
def fold_counts() -> None:
    """Add up what transactions left of the counters, so that a page sums few rows."""
    with runtime.installation().database.unit() as session:
        counts.fold(session)
