"""What somebody in the newsroom should look at, over all rooms: the desk shows it, the worst first.

Each source is asked for a few rows by an index or is a small table; nothing here counts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.delivery import advice, bounces, deliverability, domain_figures
from newsletter.delivery.models import Batch
from newsletter.delivery.reputation import Verdict
from newsletter.feedback import mailboxes
from newsletter.feeds import health
from newsletter.feeds import queries as feeds
from newsletter.issues import runs, standing
from newsletter.issues.models import DigestRun, Issue, IssueStatus, RunOutcome
from newsletter.issues.selection.outcome import Missed
from newsletter.newsletters import domain_checks
from newsletter.newsletters.models import Newsletter, SenderDomain, SigningKey

LATELY = timedelta(days=2)
THIS_WEEK = timedelta(days=7)
MOST = 4  # of one kind; the others are behind the link
MANY_HARD, LEAST_HARD = 0.02, 5  # of an issue's messages: what large providers take for an old list
OLD_KEY = timedelta(days=365)


class About(StrEnum):
    """What a concern is about, which is where its link leads."""

    FEED = "feed"
    SENDER_DOMAIN = "sender_domain"
    RECIPIENTS = "recipients"
    BOUNCES = "bounces"
    MAILBOX = "mailbox"
    ISSUE = "issue"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing to look at. `bad`: mail or news is being lost. `which` names it within its kind: a number, a domain, or
    the short name of a newsletter.
    """

    bad: bool
    what: str
    then: str
    about: About
    which: int | str = ""


def concerns(
    session: Session, newsletters: Sequence[Newsletter], *, shared: bool = True, now: datetime
) -> list[Concern]:
    """Everything that calls for somebody, about these newsletters and the feeds that they take and, if `shared`, about
    all feeds and what else all newsletters share.
    """
    found = [
        *_issues(session, newsletters),
        *_runs(session, newsletters, now=now),
        *_sender_domains(session, newsletters, now=now),
        *_hard_bounces(session, newsletters, now=now),
    ]
    if shared:
        found += [*_recipients(session), *_held(session), *_mailboxes(session)]
    found += _feeds(session, None if shared else {item.id for item in newsletters}, now=now)
    return sorted(found, key=lambda item: not item.bad)


def _issues(session: Session, newsletters: Sequence[Newsletter]) -> Iterator[Concern]:
    """Drafts that were to leave by themselves and did not."""
    by_id = {item.id: item for item in newsletters}
    query = (
        select(Issue)
        .where(Issue.status == IssueStatus.DRAFT, Issue.newsletter_id.in_(by_id), Issue.pause_reason.is_not(None))
        .order_by(Issue.id.desc())
        .limit(MOST)
    )
    for issue in session.scalars(query):
        newsletter = by_id[issue.newsletter_id]
        said = standing.in_words(issue, newsletter)
        named = _("%(name)s, issue %(number)s", name=newsletter.name, number=issue.number)
        yield Concern(True, named, said, About.ISSUE, issue.id)


def _runs(session: Session, newsletters: Sequence[Newsletter], *, now: datetime) -> Iterator[Concern]:
    """Hours at which a digest should have left."""
    for newsletter in newsletters:
        query = (
            select(DigestRun)
            .where(
                DigestRun.newsletter_id == newsletter.id,
                DigestRun.outcome == RunOutcome.MISSED,
                DigestRun.due_at >= now - LATELY,
            )
            .order_by(DigestRun.id.desc())
            .limit(1)
        )
        for run in session.scalars(query):
            if (run.reason or {}).get("code") == Missed.CLOSED:
                continue  # somebody had sent by hand what there was
            said = runs.in_words(run.outcome, run.reason)
            yield Concern(True, newsletter.name, said, About.RUN, newsletter.slug)


def _recipients(session: Session) -> Iterator[Concern]:
    """Domains of readers that take our mail badly."""
    for domain, row in list(domain_figures.standings(session).items()):
        opinion = deliverability.opinion_of(row)
        if opinion.verdict in (Verdict.SLOW_DOWN, Verdict.STOP):
            yield Concern(opinion.verdict is Verdict.STOP, domain, advice.happened(opinion), About.RECIPIENTS, domain)


def _held(session: Session) -> Iterator[Concern]:
    for item in bounces.held(session)[:MOST]:
        what = ngettext(
            "%(num)s bounce of %(domain)s is held.",
            "%(num)s bounces of %(domain)s are held.",
            item.count,
            domain=item.domain,
        )
        yield Concern(False, what, _("So many at once are hard to believe: decide."), About.BOUNCES)


def _sender_domains(session: Session, newsletters: Sequence[Newsletter], *, now: datetime) -> Iterator[Concern]:
    """Records in DNS that are wrong, and keys that are due to be renewed."""
    slugs = {item.domain: item.slug for item in reversed(newsletters)}
    for domain in domain_checks.troubled(session):
        if domain in slugs:
            said = _("Records in DNS are missing or wrong: large providers may refuse your mail.")
            yield Concern(True, domain, said, About.SENDER_DOMAIN, slugs[domain])
    oldest = (
        select(SenderDomain.domain, func.min(SigningKey.starts_at))
        .join(SigningKey, SigningKey.sender_domain_id == SenderDomain.id)
        .where(SigningKey.retired_at.is_(None), SigningKey.starts_at < now - OLD_KEY)
        .group_by(SenderDomain.domain)
    )
    for domain, _since in session.execute(oldest):
        if domain in slugs:
            said = _("Its keys have signed for more than a year: make new ones.")
            yield Concern(False, domain, said, About.SENDER_DOMAIN, slugs[domain])


def _mailboxes(session: Session) -> Iterator[Concern]:
    for mailbox in mailboxes.all_mailboxes(session):
        if mailbox.failing_since is not None:
            what = _("The mailbox %(name)s cannot be read.", name=mailbox.name)
            yield Concern(True, what, mailbox.last_error or "", About.MAILBOX)


def _feeds(session: Session, within: set[int] | None, *, now: datetime) -> Iterator[Concern]:
    for feed in feeds.failing(session, within=within, limit=MOST):
        yield Concern(True, feed.title, health.health(feed, now).words, About.FEED, feed.id)


def _hard_bounces(session: Session, newsletters: Sequence[Newsletter], *, now: datetime) -> Iterator[Concern]:
    """Issues of the week of which too many messages went to addresses that do not exist."""
    by_id = {item.id: item for item in newsletters}
    query = (
        select(Issue, func.sum(Batch.hard), func.sum(Batch.sent + Batch.failed))
        .join(Batch, Batch.issue_id == Issue.id)
        .where(Issue.newsletter_id.in_(by_id), Issue.status == IssueStatus.SENT, Issue.finished_at >= now - THIS_WEEK)
        .group_by(Issue.id)
        .order_by(Issue.id.desc())
        .limit(MOST)
    )
    for issue, *sums in session.execute(query):
        hard, answered = map(int, sums)  # PostgreSQL adds up to decimals
        if hard >= LEAST_HARD and hard > MANY_HARD * answered:
            newsletter = by_id[issue.newsletter_id]
            named = _("%(name)s, issue %(number)s", name=newsletter.name, number=issue.number)
            said = ngettext(
                "%(num)s message went to an address that does not exist, of %(of)s.",
                "%(num)s messages went to addresses that do not exist, of %(of)s.",
                hard,
                of=answered,
            )
            yield Concern(False, named, said, About.ISSUE, issue.id)
