"""Looking at issues before they leave."""

from newsletter.core import jobs
from newsletter.core.clock import utc_now
from newsletter.issues import checking
from worker import runtime
from worker.app import app


@app.task(name=jobs.CHECK_ISSUE)
def check(issue_id: int, again: int = 0) -> None:
    """Look at an issue, links and all; `again`: though it was looked at a moment ago."""
    checking.check_now(runtime.installation(), issue_id, clock=utc_now, again=bool(again))
