"""The domain a newsletter is sent from, and what has to stand in its DNS."""

from flask import render_template

from newsletter.accounts.permissions import Permission
from newsletter.core.i18n import gettext as _
from newsletter.newsletters import senders
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
        records = senders.dns_records(session, newsletter.domain, installation().vault)
    return render_template("admin/domain.html", records=records, purposes=purposes(), domain=newsletter.domain)
