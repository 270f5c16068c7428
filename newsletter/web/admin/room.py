"""The blueprint of the desk, and what every page of it shows around its content."""

from typing import Any

import flask
from flask import Blueprint, g, url_for
from sqlalchemy.orm import Session

from newsletter.core.i18n import gettext as _
from newsletter.newsletters import queries
from newsletter.newsletters.models import Newsletter
from newsletter.web.admin import guard
from newsletter.web.admin.rooms import rooms, settings_tabs
from newsletter.web.context import installation

admin = Blueprint("admin", __name__, url_prefix="/admin")
admin.before_request(guard.let_in)
admin.after_request(guard.close_up)

CURRENT = "newsletter"  # in the browser's session: the newsletter last looked at


def enter(session: Session, slug: str) -> Newsletter:
    """The newsletter a page is about; NotFoundError when there is none of this name. The frame shows it from now on."""
    return _show(guard.entered(queries.by_slug(session, slug)))


def enter_by_id(session: Session, newsletter_id: int) -> Newsletter:
    return _show(guard.entered(queries.by_id(session, newsletter_id)))


def _show(newsletter: Newsletter) -> Newsletter:
    # Its name, not the row: the row is of no use once a refused action has rolled its unit back.
    g.shown, g.zone = newsletter.slug, newsletter.timezone
    if flask.session.get(CURRENT) != newsletter.slug:
        flask.session[CURRENT] = newsletter.slug
    return newsletter


@admin.context_processor
def _frame() -> dict[str, Any]:
    """What base_desk.html asks for."""
    found = g.get("signed_in")
    if found is None:
        return {"user": None, "newsletters": [], "newsletter": None, "settings_tabs": [], "may": guard.may}
    with installation().database.reading() as session:
        everything = guard.theirs(session)
    shown = g.get("shown") or flask.session.get(CURRENT)
    current = next((item for item in everything if item.slug == shown), everything[0] if everything else None)
    return {
        "user": found.user,
        "newsletters": everything,
        "newsletter": current,
        "newsletter_url": lambda item: url_for("admin.issues", slug=item.slug),
        "rooms": list(rooms(current)),
        "settings_tabs": settings_tabs(current),
        "account_menu": [(_("My account"), url_for("admin.account"))],
        "sign_out_url": url_for("admin.sign_out"),
        "may": guard.may,
    }
