"""The way from a fresh installation to the first issue: what is done, and what comes next."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from newsletter.articles.models import Placement
from newsletter.core.i18n import gettext as _
from newsletter.issues.models import Issue, IssueStatus
from newsletter.newsletters import domain_checks, schedules
from newsletter.newsletters.models import Newsletter, SenderDomain
from newsletter.subscriptions.models import Subscription, SubscriptionStatus


class Leads(StrEnum):
    """Where a step is taken."""

    ARTICLES = "articles"
    SUBSCRIBERS = "subscribers"
    SCHEDULES = "schedules"
    DOMAIN = "domain"
    ISSUES = "issues"
    RELAYS = "relays"


@dataclass(frozen=True, slots=True)
class Step:
    """`help`: why it matters, in a sentence."""

    done: bool
    label: str
    help: str
    leads: Leads


def steps(session: Session, newsletter: Newsletter, *, site_url: str, mail_leaves: bool) -> list[Step]:
    """The steps of one newsletter in their order; none once an issue of it has been sent.

    `mail_leaves`: a relay was named, so that mail goes further than the local mailbox.
    """
    if _any(session, select(Issue.id).where(Issue.newsletter_id == newsletter.id, Issue.status == IssueStatus.SENT)):
        return []
    return list(_steps(session, newsletter, site_url, mail_leaves=mail_leaves))


def _steps(session: Session, newsletter: Newsletter, site_url: str, *, mail_leaves: bool) -> Iterator[Step]:
    own = Placement.newsletter_id == newsletter.id
    yield Step(
        _any(session, select(Placement.article_id).where(own)),
        _("Add a first article"),
        _("Written here, taken from an address, or by a feed that brings them by itself."),
        Leads.ARTICLES,
    )
    reads = select(Subscription.id).where(
        Subscription.newsletter_id == newsletter.id, Subscription.status == SubscriptionStatus.ACTIVE
    )
    yield Step(
        _any(session, reads),
        _("Find a first subscriber"),
        _("Subscribe yourself on the form: you will see what your readers see."),
        Leads.SUBSCRIBERS,
    )
    yield Step(
        bool(schedules.main_of(session, newsletter.id).rule),
        _("Say when it leaves"),
        _("Without an hour, issues leave when you press the button."),
        Leads.SCHEDULES,
    )
    yield Step(
        mail_leaves and urlsplit(site_url).scheme == "https",
        _("Give it a relay and a public address"),
        _("Until then mail stays in the mailbox of this machine, which is good for trying."),
        Leads.RELAYS,
    )
    yield Step(
        _records_are_right(session, newsletter),
        _("Publish the DNS records"),
        _("They vouch for your mail; without them large providers refuse it."),
        Leads.DOMAIN,
    )
    yield Step(False, _("Compose and send the first issue"), _("Try it with your own address first."), Leads.ISSUES)


def _records_are_right(session: Session, newsletter: Newsletter) -> bool:
    looked_at = select(SenderDomain.id).where(
        SenderDomain.domain == newsletter.domain, SenderDomain.checked_at.is_not(None)
    )
    return _any(session, looked_at) and newsletter.domain not in domain_checks.troubled(session)


def _any(session: Session, query: Select[Any]) -> bool:
    return session.scalar(query.limit(1)) is not None
