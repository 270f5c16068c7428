"""Acting on what comes back from recipients' domains, and taking warm-ups from one day to the next."""

from newsletter.core import jobs
from newsletter.core.clock import utc_now
from newsletter.delivery import domain_figures, reviewing, warming
from worker import runtime
from worker.app import app


@app.task(name=jobs.REVIEW_REPUTATION)
def review() -> None:
    """One look at an index where nothing was sent lately."""
    now, database = utc_now(), runtime.installation().database
    with database.reading() as session:
        lately, day_over = domain_figures.anything_lately(session, now=now), warming.is_due(session, now=now)
    if lately:
        with database.unit() as session:
            reviewing.review(session, now=now, rng=runtime.rng)
    if lately or day_over:
        with database.unit() as session:
            warming.review(session, now=now)
