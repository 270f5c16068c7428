"""The domain a newsletter is sent from: what has to stand in its DNS, what was found there, and its keys."""

from urllib.parse import urlsplit

from flask import flash, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core.i18n import gettext as _
from newsletter.core.nameservers import nameservers
from newsletter.core.settings import relay_url
from newsletter.issues import newcomers
from newsletter.newsletters import dns_wording, domain_checks, queries, senders
from newsletter.newsletters.models import Newsletter
from newsletter.newsletters.senders import KeyStage
from newsletter.subscriptions import counts as subscriptions
from newsletter.subscriptions.models import SubscriptionStatus
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin, enter
from newsletter.web.context import installation


def purposes() -> dict[str, tuple[str, str]]:
    """A title and a reason for each purpose that a record can have."""
    return {
        "dkim": (_("DKIM signature"), _("Lets mailbox providers check that a message comes from you, unchanged.")),
        "spf": (
            _("SPF"),
            _("Names the servers that may send for you. Your relay's provider gives the part to include."),
        ),
        "bounces": (_("Bounces"), _("Where messages that could not be delivered come back to.")),
        "dmarc": (_("DMARC"), _("Says what to do with mail that claims to be yours and is not, and who is told.")),
    }


def stages() -> dict[KeyStage, str]:
    """What a key does at present."""
    return {
        KeyStage.WAITING: _("waits to be published"),
        KeyStage.SIGNING: _("signs"),
        KeyStage.LEAVING: _("signs no more; leave it there for a week"),
        KeyStage.GONE: _("can be taken out"),
    }


@admin.get("/newsletters/<slug>/domain")
@guard.requires(Permission.READ)
def domain(slug: str) -> str:
    here, now = installation(), guard.now()
    host = urlsplit(relay_url(here.settings)).hostname or ""
    with here.database.reading() as session:
        newsletter = enter(session, slug)
        new = _newcomers(session, newsletter)
        name = newsletter.domain
        records = senders.dns_records(session, name, here.vault, now=now, relay_host=host)
        found, checked_at = domain_checks.last(session, name)
        seen = {kind: domain_checks.sources(session, name, kind=kind, now=now) for kind in ("dmarc", "tls")}
    return render_template(
        "admin/domain.html",
        records=records,
        purposes=purposes(),
        stages=stages(),
        domain=name,
        newcomers=new,
        findings=[(item, dns_wording.in_words(item)) for item in found],
        checked_at=checked_at,
        seen=seen,
        rotating=any(item.stage is KeyStage.WAITING for item in records),
    )


@admin.post("/newsletters/<slug>/domain/check")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def check_domain(slug: str) -> Response:
    """Ask DNS now; it takes some seconds at most."""
    here = installation()
    with here.database.reading() as session:
        name = enter(session, slug).domain
    domain_checks.look(
        here.database, name, vault=here.vault, relay_url=relay_url(here.settings), ask=nameservers(), now=guard.now()
    )
    return redirect(url_for("admin.domain", slug=slug), 303)


@admin.post("/newsletters/<slug>/domain/rotate")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def rotate_keys(slug: str) -> Response:
    here = installation()
    with here.database.unit() as session:
        name = enter(session, slug).domain
        senders.begin_rotation(session, name, vault=here.vault, actor=guard.user().email, now=guard.now())
    flash(_("The new keys are made. Publish their records; they sign when you say so."))
    return redirect(url_for("admin.domain", slug=slug), 303)


@admin.post("/newsletters/<slug>/domain/finish")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def finish_rotation(slug: str) -> Response:
    with installation().database.unit() as session:
        name = enter(session, slug).domain
        senders.finish_rotation(session, name, actor=guard.user().email, now=guard.now())
    flash(_("The new keys sign from now on. Leave the old records in place for a week."))
    return redirect(url_for("admin.domain", slug=slug), 303)


@admin.post("/newsletters/<slug>/domain/abandon")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def abandon_rotation(slug: str) -> Response:
    with installation().database.unit() as session:
        name = enter(session, slug).domain
        senders.abandon_rotation(session, name, actor=guard.user().email, now=guard.now())
    flash(_("The new keys are dropped."))
    return redirect(url_for("admin.domain", slug=slug), 303)


def _newcomers(session: Session, newsletter: Newsletter) -> list[newcomers.Newcomer]:
    """Its domain, where that is new and has many readers."""
    alike = [item for item in queries.all_newsletters(session) if item.domain == newsletter.domain]
    found = subscriptions.counts_of(session, [item.id for item in alike])
    readers = {newsletter_id: counts[SubscriptionStatus.ACTIVE] for newsletter_id, counts in found.items()}
    return newcomers.newcomers(session, alike, readers, now=guard.now())
