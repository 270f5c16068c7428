"""Grouping recipients' domains by who takes their mail."""

from newsletter.core import jobs
from newsletter.core.clock import utc_now
from newsletter.delivery import exchangers
from worker import runtime
from worker.app import app


@app.task(name=jobs.LOOK_UP_EXCHANGERS)
def look_up() -> None:
    """Domains that a relay which groups them has met."""
    database = runtime.installation().database
    if exchangers.anything_due(database, now=utc_now()):
        # Fifty milliseconds of every start otherwise, and most installations never ask.
        from newsletter.delivery import resolving  # noqa: PLC0415

        exchangers.look_up_due(database, resolving.resolver(), now=utc_now())
