"""Keeping tables small."""

from newsletter.accounts import presence
from newsletter.articles import drafts
from newsletter.core import jobs, ratelimit
from newsletter.core.clock import utc_now
from newsletter.delivery import days, lanes
from newsletter.feedback import inbox
from newsletter.feeds import forgetting
from newsletter.issues import domains, pace
from newsletter.newsletters import domain_checks
from newsletter.subscriptions import bulk, interning, lost, pausing, returning
from newsletter.tracking import forgetting as events
from newsletter.transfer import files
from worker import runtime
from worker.app import app


@app.task(name=jobs.TIDY_UP)
def tidy_up() -> None:
    """Drop counters whose window has ended, lanes that nothing limits any more, choices that nobody has any more,
    entries that have left their feeds, opens and clicks that were counted long ago, what came back long ago; add up the
    small domains of past issues; end breaks whose day has come.
    """
    now = utc_now()
    with runtime.installation().database.unit() as session:
        ratelimit.forget_past(session, now)
        lanes.forget_quiet(session, now=now)
        presence.forget(session, now=now)
        drafts.forget(session, now=now)
    with runtime.installation().database.unit() as session:
        days.forget(session, now=now)
        days.fold(session, now=now)
    with runtime.installation().database.unit() as session:
        domains.ask_for_lost(session, now=now)
        domains.fold(session, now=now)
        pace.forget(session, now=now)
    with runtime.installation().database.unit() as session:
        pausing.resume_due(session, now=now)
        returning.ask_back(session, now=now)
        lost.note(session)
        interning.drop_unused(session)
        bulk.forget(session, now=now)
        files.forget(session, now=now)
    with runtime.installation().database.unit() as session:
        forgetting.forget(session, now=now)
    while True:
        with runtime.installation().database.unit() as session:
            if events.forget_old(session, now=now) < events.AT_A_TIME:
                break
    with runtime.installation().database.unit() as session:
        inbox.forget(session, now=now)
        domain_checks.forget(session, now=now)
