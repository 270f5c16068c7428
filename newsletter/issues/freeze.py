"""From a decision to deliveries: who gets what of an issue, written down once and for all."""

from datetime import datetime, timedelta

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from newsletter.core import jobs
from newsletter.core.database import dialect_of
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import use_locale
from newsletter.core.urls import Links
from newsletter.delivery import ledger, outbox
from newsletter.issues import brake, dispatch, dressing, grouping, history, narrowed, pool, seen, waves
from newsletter.issues.content import LookFailedError
from newsletter.issues.models import Issue, IssueKind, IssueStatus, Variant
from newsletter.issues.reach import reach
from newsletter.issues.selection.pick import Pool
from newsletter.issues.serving import AT_ONCE, Serving
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import interning

LIFETIME = timedelta(hours=48)  # a digest that could not be delivered by then is no news
MANY_VARIANTS = 16  # with more, a batch has readers of the same ones, and a worker few to keep in mind
FREEZE_LOCK = 7_405_114  # any number: it only has to be the same in every process of this service


def freeze(session: Session, issue_id: int, links: Links, *, now: datetime) -> int | None:
    """Render the issue and make its deliveries, all in one transaction; returns the audience.

    None when there is nothing to do, for it was frozen before or stopped meanwhile, and when the issue cannot be
    written: then it is paused, with the reason, before anybody could get it.
    """
    issue = session.scalar(select(Issue).where(Issue.id == issue_id).with_for_update(key_share=True))
    if issue is None or issue.frozen_at is not None or issue.status not in (IssueStatus.SENDING, IssueStatus.PAUSED):
        return None
    _take_turns(session)
    interning.hold(session)
    newsletter = newsletters.by_id(session, issue.newsletter_id)
    with use_locale(newsletter.language):
        chosen = narrowed.chosen(session, issue)
    if chosen.problem:
        brake.stop(session, issue, {"code": brake.Fault.NO_AUDIENCE, "message": chosen.problem}, now=now)
        return None
    held = pool.pool_of(session, issue)
    overlapping = _overlapping(session, issue, held, now=now)
    readers = grouping.group(session, reach(session, issue, now=now, chosen=chosen), overlapping)
    try:
        serving = _serve(session, issue, newsletter, held, links, now=now)
    except RefusedError as error:
        brake.stop(session, issue, {"code": brake.Fault.CANNOT_BE_WRITTEN, "message": str(error)}, now=now)
        grouping.clear(session)
        return None
    history.forget(session, issue.id)
    issue.frozen_at = issue.moving_since = now
    issue.narrowed = chosen.as_document()
    issue.expires_at = max(now, *serving.hours.values()) + LIFETIME if serving.hours else now + LIFETIME
    issue.wave, issue.wave_opened_at = 1, now
    issue.audience = outbox.enqueue(
        session,
        issue_id=issue.id,
        newsletter_id=newsletter.id,
        audience=grouping.recipients(session),
        cuts=_cuts(session, serving),
        by_variant=serving.variants > MANY_VARIANTS,
        resend_unknown=issue.resend_unknown,
        expires_at=issue.expires_at,
        now=now,
    )
    issue.nothing_new = readers - issue.audience
    counted = grouping.readers_by_variant(session).subquery()
    session.execute(
        update(Variant)
        .where(Variant.id == counted.c.variant_id)
        .values(readers=counted.c.readers)
        .execution_options(synchronize_session=False)
    )
    grouping.clear(session)
    if issue.status is IssueStatus.PAUSED:
        ledger.hold(session, issue.id, held=True)
    jobs.wake(session, jobs.COUNT_DOMAINS, issue.id)
    dispatch.settle(session, issue.id, now=now)
    return issue.audience


def _serve(
    session: Session, issue: Issue, newsletter: Newsletter, held: Pool, links: Links, *, now: datetime
) -> Serving:
    """Give each kind of readers what it gets. A look that fails does not keep the issue: it leaves in the house's, all
    of it. RefusedError when it cannot be written at all.
    """
    try:
        return _serve_all(session, Serving(session, issue, newsletter, held, links, now=now), newsletter)
    except LookFailedError as error:
        serving = _serve_all(session, Serving(session, issue, newsletter, held, links, now=now, plain=True), newsletter)
        dressing.note_failure(newsletter, issue.number, str(error), now=now)
        return serving


def _serve_all(session: Session, serving: Serving, newsletter: Newsletter) -> Serving:
    with session.begin_nested(), use_locale(newsletter.language):
        serving.make_public(grouping.languages(session))
        for some in grouping.kinds(session):
            grouping.give(session, serving.serve(some))
        serving.keep_links()
    return serving


def _take_turns(session: Session) -> None:
    """Two issues that are frozen at the same moment would not see each other's deliveries, and a reader of both could
    get an article twice. SQLite has one writer anyway.
    """
    if dialect_of(session) == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": FREEZE_LOCK})


def _overlapping(session: Session, issue: Issue, held: Pool, *, now: datetime) -> list[int]:
    """Earlier issues that told a story of this one. A correction tells again what its readers have had."""
    if issue.kind is IssueKind.CORRECTION:
        return []
    stories = {item.story_id for item in held.items}
    return seen.issues_telling(stories, session=session, now=now, but=issue.id)


def _cuts(session: Session, serving: Serving) -> list[outbox.Cut]:
    """How the audience is cut into batches. Readers who chose an hour are in the last wave: those before them need not
    wait for the morning to show that nothing is wrong.
    """
    counts = grouping.readers_by_slot(session)
    first = waves.plan(counts.get(AT_ONCE, 0))
    last = max(2, *first.waves) if first.waves else 2
    cuts = [outbox.Cut(AT_ONCE, first.batch_size, first.waves, None)] if first.waves else []
    for hour, slot in sorted((hour, slot) for slot, hour in serving.hours.items()):
        batches = -(-counts.get(slot, 0) // waves.MAX_BATCH)
        if batches:
            cuts.append(outbox.Cut(slot, waves.MAX_BATCH, (last,) * batches, hour))
    return cuts
