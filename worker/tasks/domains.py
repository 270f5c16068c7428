"""Looking at the records of sender domains once a day, so that one that is gone shows before readers miss mail."""

from newsletter.core import jobs
from newsletter.core.clock import utc_now
from newsletter.core.settings import relay_url
from newsletter.newsletters import domain_checks
from worker import runtime
from worker.app import app


@app.task(name=jobs.CHECK_DOMAINS)
def check() -> None:
    """Look at those that nobody has looked at since yesterday."""
    here = runtime.installation()
    with here.database.reading() as session:
        due = domain_checks.due(session, now=utc_now())
    if due and here.settings.smtp_url:  # an installation that only tries things out has no records
        # Fifty milliseconds of every start otherwise.
        from newsletter.core.nameservers import nameservers  # noqa: PLC0415

        ask = nameservers()
        for domain in due:
            if runtime.stopping.is_set():
                return
            domain_checks.look(
                here.database, domain, vault=here.vault, relay_url=relay_url(here.settings), ask=ask, now=utc_now()
            )
