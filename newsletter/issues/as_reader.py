"""An issue that has not left as one reader would get it now: their language, edition and articles, or why nothing."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.articles import queries as articles
from newsletter.core.addresses import parse_address
from newsletter.core.i18n import LOCALES
from newsletter.core.i18n import gettext as _
from newsletter.core.templating import RenderedMail
from newsletter.core.urls import Links
from newsletter.delivery.models import SkipReason
from newsletter.delivery.personalise import Recipient
from newsletter.issues import pool, preview, seen
from newsletter.issues.models import Issue, IssueKind
from newsletter.issues.reach import reach
from newsletter.issues.selection.candidate import Ruling, Verdict
from newsletter.issues.selection.pick import Pool
from newsletter.issues.selection.reasons import in_words
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Edition, Newsletter
from newsletter.subscriptions import choices
from newsletter.subscriptions import queries as subscriptions
from newsletter.subscriptions.audience import Recipients
from newsletter.subscriptions.models import Subscription


@dataclass(frozen=True, slots=True)
class AsReader:
    """`mail` None: they get nothing, and `nothing` says why. `left_out`: the articles that they do not get."""

    email: str
    language: str
    edition: Edition
    mail: RenderedMail | None
    nothing: str
    left_out: list[Ruling]


def as_reader(session: Session, issue: Issue, email: str, links: Links, *, now: datetime) -> AsReader:
    """What the freeze would give a reader at this moment. Raises RefusedError for what is no address, and for an issue
    that could not be sent.
    """
    newsletter = newsletters.by_id(session, issue.newsletter_id)
    rows = subscriptions.of_address(session, parse_address(email).key)
    row = next((item for item in rows if item.newsletter_id == newsletter.id), None)
    if row is None:
        return _nothing(email, newsletter, _("%(email)s does not subscribe to this newsletter.", email=email))
    who = Recipients(links).find(session, row.subscriber_id, newsletter_id=newsletter.id, issue_id=issue.id)
    if not isinstance(who, Recipient):
        return _nothing(email, newsletter, _why_skipped(who))
    readers = reach(session, issue, now=now).subquery()
    if session.scalar(select(readers.c.subscriber_id).where(readers.c.subscriber_id == row.subscriber_id)) is None:
        return _nothing(email, newsletter, _why_not_reached(issue))
    return _served(session, issue, newsletter, who, (row.id, row.subscriber_id, row.language), links, now=now)


def _served(
    session: Session,
    issue: Issue,
    newsletter: Newsletter,
    who: Recipient,
    reader: tuple[int, int, str],
    links: Links,
    *,
    now: datetime,
) -> AsReader:
    subscription_id, subscriber_id, spoken = reader
    values = choices.values_of(session, session.get_one(Subscription, subscription_id))
    language = spoken if spoken in (newsletter.languages or LOCALES) else newsletter.language
    held = pool.pool_of(session, issue)
    picked, rulings = _picked(session, issue, held, subscriber_id, values.topics, language, now=now)
    if not picked and issue.kind is not IssueKind.CORRECTION:
        why = _("Nothing of it is left for this reader: they have had it, or did not choose its topics.")
        return AsReader(who.email, language, values.edition, None, why, rulings)
    setter = preview.typesetter(session, issue, newsletter, language=language, edition=values.edition, links=links)
    mail = preview.seen_by(_without_doors(who, links), preview.set_mail(setter, picked), links)
    return AsReader(who.email, language, values.edition, mail, "", rulings)


def _picked(
    session: Session,
    issue: Issue,
    held: Pool,
    subscriber_id: int,
    topics: frozenset[int] | None,
    language: str,
    *,
    now: datetime,
) -> tuple[tuple[int, ...], list[Ruling]]:
    """The articles, and what stays out. A correction tells again what its readers have had."""
    if issue.kind is IssueKind.CORRECTION:
        return tuple(item.article_id for item in held.items), []
    known = seen.stories_seen(session, subscriber_id, {item.story_id for item in held.items}, now=now)
    told = held.explain(topics=topics, language=language, seen=known)
    return (
        held.pick(topics=topics, language=language, seen=known),
        [ruling for ruling in told if ruling.verdict is not Verdict.IN],
    )


def _without_doors(who: Recipient, links: Links) -> Recipient:
    """The reader without their own links: whoever looks at a preview must not unsubscribe them by a slip."""
    return Recipient(
        who.subscription_id,
        who.email,
        who.name,
        links.home(),
        links.home(),
        attributes=who.attributes,
        domain=who.domain,
    )


def _nothing(email: str, newsletter: Newsletter, why: str) -> AsReader:
    return AsReader(email, newsletter.language, Edition.FULL, None, why, [])


def _why_skipped(reason: SkipReason) -> str:
    return {
        SkipReason.SUPPRESSED: _("This address is blocked: nothing is sent to it."),
        SkipReason.PAUSED: _("This reader is having a break."),
    }.get(reason, _("This reader has not confirmed, or has left."))


def _why_not_reached(issue: Issue) -> str:
    match issue.kind:
        case IssueKind.BREAKING:
            return _("This reader wants no breaking news, or has had enough of it today.")
        case IssueKind.CORRECTION:
            return _("This reader did not get what is corrected.")
    return _("This reader has chosen another rhythm.")


def left_out_in_words(session: Session, found: AsReader) -> list[tuple[str, str]]:
    """(title, why) of each article of the issue that the reader does not get."""
    titles = articles.in_language(session, [ruling.article_id for ruling in found.left_out], found.language)
    return [
        (titles[ruling.article_id].title, in_words(ruling.verdict, ruling.reason))
        for ruling in found.left_out
        if ruling.article_id in titles
    ]
