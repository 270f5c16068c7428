"""The domain a newsletter is sent from, and what has to stand in its DNS."""

from flask import render_template
from sqlalchemy.orm import Session

from newsletter.accounts.permissions import Permission
from newsletter.core.i18n import gettext as _
from newsletter.issues import newcomers
from newsletter.newsletters import queries, senders
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import queries as subscriptions
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


@admin.get("/newsletters/<slug>/domain")
@guard.requires(Permission.READ)
def domain(slug: str) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        new = _newcomers(session, newsletter)
        records = senders.dns_records(session, newsletter.domain, installation().vault)
    return render_template(
        "admin/domain.html", records=records, purposes=purposes(), domain=newsletter.domain, newcomers=new
    )


def _newcomers(session: Session, newsletter: Newsletter) -> list[newcomers.Newcomer]:
    """Its domain, where that is new and has many readers."""
    alike = [item for item in queries.all_newsletters(session) if item.domain == newsletter.domain]
    readers = {item.id: subscriptions.counts(session, item.id)[SubscriptionStatus.ACTIVE] for item in alike}
    return newcomers.newcomers(session, alike, readers, now=guard.now())
