"""Grouping recipients' domains by who takes their mail."""

from newsletter.core import jobs
from newsletter.core.clock import utc_now
from newsletter.delivery import exchangers
from worker import runtime
from worker.app import app


@app.task(name=jobs.LOOK_UP_EXCHANGERS)
def look_up() -> None:
    """Domains that a relay which groups them has met."""
    exchangers.look_up_due(runtime.installation().database, exchangers.resolver(), now=utc_now())
