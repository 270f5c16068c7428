"""Everything that is looked at before an issue leaves: first what the database has, then, without it, all the rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import use_locale
from newsletter.core.installation import Installation
from newsletter.core.templating import RenderedMail
from newsletter.core.tokens import Signer
from newsletter.core.urls import Links
from newsletter.delivery import slots
from newsletter.delivery.personalise import Recipient
from newsletter.issues import contents, forms, laboratory, measuring, one_click, spam_filters
from newsletter.issues.laboratory import NOBODY, READER, Specimen
from newsletter.issues.measuring import Measures
from newsletter.issues.models import Issue, Variant
from newsletter.issues.one_click import Reply
from newsletter.issues.preflight import look, reaching, unfilled
from newsletter.issues.preflight.findings import Finding, Level, found, merged
from newsletter.issues.preflight.look import Copy
from newsletter.issues.preflight.reaching import Ask
from newsletter.issues.preview import Typesetters
from newsletter.issues.reach import reach
from newsletter.issues.spam_filters import Score
from newsletter.issues.typesetting import assemble
from newsletter.mail.dkim import DkimKey
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import senders
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions.models import Subscriber
from newsletter.tracking import links as tracked
from newsletter.tracking.rewriting import unfollowed

# Stands in for the installation's links where only the message itself is looked at.
ANY_LINKS: Final = Links("https://news.example", Signer("only looked at"))


@dataclass(frozen=True, slots=True)
class Outside:
    """What is asked of the world; a test has its own."""

    ask: Ask
    post: Callable[[str], Reply] = one_click.post
    spam: Callable[[bytes], list[Score]] = spam_filters.ask
    published: Callable[[Sequence[DkimKey]], list[Finding]] = laboratory.published


def outside(here: Installation) -> Outside:
    """The real world, as this installation may ask it."""
    return Outside(reaching.asker(here.settings.fetch_allow))


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the database has about an issue, as values. `findings`: what was found on the way."""

    issue_id: int
    revision: int
    language: str
    copies: list[Copy]
    specimens: list[Specimen]
    keys: list[DkimKey]
    unsubscribe_url: str
    own_pages: tuple[str, ...]
    findings: list[Finding] = field(default_factory=list)


def gather(session: Session, here: Installation, issue: Issue, *, now: datetime) -> Gathered:
    """Read what is looked at: the forms of the issue with most readers, and its keys."""
    newsletter = newsletters.by_id(session, issue.newsletter_id)
    links = here.links
    leave, choose = links.unsubscribe(NOBODY, NOBODY), links.preferences(NOBODY)
    reader = Recipient(NOBODY, READER, "", leave, choose, named_clicks=True, named_opens=True)
    measures = _measures(session, issue, newsletter)
    gathered = Gathered(
        issue_id=issue.id,
        revision=issue.revision,
        language=newsletter.language,
        copies=[],
        specimens=[],
        keys=senders.signing_keys(session, newsletter.domain, here.vault),
        unsubscribe_url=reader.unsubscribe_url,
        own_pages=(links.archive(""), f"{links.site_url}/u/", f"{links.site_url}/p/"),
    )
    try:
        with use_locale(newsletter.language):
            for mail in _mails(session, issue, newsletter, links, now=now):
                gathered.copies.append(_copy(mail, reader))
                tried = measuring.as_tried(mail, measures, links)
                prepared = contents.trial(
                    tried, issue, newsletter, links=links, keys=gathered.keys, secret=here.key("mail")
                )
                gathered.specimens.append(Specimen(prepared, reader))
    except RefusedError as error:
        gathered.findings.append(found("cannot_be_written", Level.FATAL, message=str(error)))
    gathered.findings.extend(_readers_without(session, issue, gathered.copies, now=now))
    return gathered


def examine(gathered: Gathered, world: Outside, *, now: datetime) -> list[Finding]:
    """Look at all of it, the worst findings first. Takes up to a minute; no transaction may be open."""
    with use_locale(gathered.language):
        findings = list(gathered.findings)
        for copy in gathered.copies:
            findings += look.look(copy)
        tried, message = laboratory.try_out(gathered.specimens, gathered.keys, now=now)
        findings += tried
        findings += one_click.judge(gathered.unsubscribe_url, world.post(gathered.unsubscribe_url))
        findings += world.published(gathered.keys)
        if message:
            findings += spam_filters.judge(world.spam(message))
        findings += reaching.check(*_addresses(gathered), world.ask)
        return merged(findings)


def look_at(session: Session, issue: Issue) -> list[Finding]:
    """What can be said at once, inside a transaction: the usual forms, looked at without a network.

    Nothing is said of an issue that cannot be rendered: the freeze finds that, and stops it with the reason.
    """
    newsletter = newsletters.by_id(session, issue.newsletter_id)
    reader = Recipient(NOBODY, READER, "", ANY_LINKS.unsubscribe(NOBODY, NOBODY), ANY_LINKS.preferences(NOBODY))
    findings: list[Finding] = []
    try:
        with use_locale(newsletter.language):
            setters = Typesetters(session, issue, newsletter, ANY_LINKS)
            for form in forms.usual(session, issue, newsletter):
                findings += look.look(_copy(forms.mail_of(form, setters), reader))
    except RefusedError:
        return []
    return merged(findings)


def _mails(
    session: Session, issue: Issue, newsletter: Newsletter, links: Links, *, now: datetime
) -> list[RenderedMail]:
    """Those with most readers first; of a frozen issue, what its readers get, with the addresses that links lead to."""
    if issue.frozen_at is None:
        setters = Typesetters(session, issue, newsletter, links)
        return [forms.mail_of(form, setters) for form in forms.foreseen(session, issue, newsletter, now=now)]
    variants = session.scalars(
        select(Variant)
        .where(Variant.issue_id == issue.id)
        .order_by(Variant.readers.desc(), Variant.id)
        .limit(forms.MOST)
    )
    urls = tracked.urls(session, issue.id)
    mails = [
        assemble(contents.blocks_of(session, variant), subject=variant.subject, preheader=variant.preheader)
        for variant in variants
    ]
    return [replace(mail, html=unfollowed(mail.html, urls)) for mail in mails]


def _measures(session: Session, issue: Issue, newsletter: Newsletter) -> Measures:
    """What is measured of a frozen issue, or will be of one that were frozen now."""
    if issue.frozen_at is None:
        return Measures(newsletter.clicks, newsletter.opens)
    return Measures(*tracked.measures(session, issue.id))


def copy_of(mail: RenderedMail) -> Copy:
    """A mail as it is looked at, of a reader of whom nothing is known."""
    reader = Recipient(NOBODY, READER, "", ANY_LINKS.unsubscribe(NOBODY, NOBODY), ANY_LINKS.preferences(NOBODY))
    return _copy(mail, reader)


def _copy(mail: RenderedMail, reader: Recipient) -> Copy:
    bare = Copy(mail.subject, mail.preheader, mail.html, mail.text)
    marks = {mark for part in bare.parts().values() for mark in slots.split(part)[1::2]}
    return Copy(mail.subject, mail.preheader, mail.html, mail.text, {mark: _sample(mark, reader) for mark in marks})


def _sample(mark: str, reader: Recipient) -> str:
    """What stands there for a reader of whom nothing is known."""
    if (asked := slots.read_field(mark)) is not None:
        return asked[1]
    if mark == slots.SLOT_UNSUBSCRIBE:
        return reader.unsubscribe_url
    return reader.preferences_url


def _addresses(gathered: Gathered) -> tuple[list[str], list[str]]:
    """Links and pictures of all forms; not our own pages, of which the issue's has still to come."""
    links: dict[str, None] = {}
    pictures: dict[str, None] = {}
    for copy in gathered.copies:
        some_links, some_pictures = look.addresses(copy)
        links |= dict.fromkeys(url for url in some_links if not url.startswith(gathered.own_pages))
        pictures |= dict.fromkeys(some_pictures)
    return list(links), list(pictures)


def _readers_without(session: Session, issue: Issue, copies: Sequence[Copy], *, now: datetime) -> list[Finding]:
    """Readers for whom a slot stays empty: one query for each thing that is asked without a fallback."""
    asked: set[str] = set()
    for copy in copies:
        asked |= {name for name, fallback in unfilled.asked(copy.parts()).items() if not fallback}
    count = partial(_count_without, session, issue, now=now)
    return [
        found("readers_without", Level.WARNING, name=name, count=readers)
        for name in sorted(asked - {"email"})
        if (readers := count(name))
    ]


def _count_without(session: Session, issue: Issue, name: str, *, now: datetime) -> int:
    readers = reach(session, issue, now=now).subquery()
    query = select(func.count()).select_from(readers).join(Subscriber, Subscriber.id == readers.c.subscriber_id)
    return session.scalars(query.where(_lacks(name))).one()


def _lacks(name: str) -> ColumnElement[bool]:
    if name == "name":
        return Subscriber.name == ""
    return func.coalesce(Subscriber.attributes[name].as_string(), "") == ""
