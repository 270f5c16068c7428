"""Topics of a newsletter: named, renamed, taken away."""

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from newsletter.accounts import audit
from newsletter.accounts.permissions import Permission
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.newsletters import queries
from newsletter.newsletters import topics as naming
from newsletter.subscriptions import topics as leaving
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin, enter
from newsletter.web.context import installation

Page = str | Response | tuple[str, int]


@admin.get("/newsletters/<slug>/topics")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def topics(slug: str) -> str:
    return _page(slug)


@admin.post("/newsletters/<slug>/topics")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def change_topics(slug: str) -> Page:
    """Add a topic, or rename or remove the one that the form names."""
    named, action, name = (request.form.get(field, "") for field in ("topic", "action", "name"))
    try:
        with installation().database.unit() as session:
            newsletter = enter(session, slug)
            if action == "add":
                naming.add(session, newsletter, name)
                said = _("Noted.")
            elif action == "rename":
                naming.rename(session, naming.by_slug(session, newsletter, named), name)
                said = _("Noted.")
            else:
                found = naming.by_slug(session, newsletter, named)
                freed = leaving.remove(session, found)
                audit.record(
                    session,
                    actor=guard.user().email,
                    action="topic.removed",
                    subject="topic",
                    subject_id=found.id,
                    now=guard.now(),
                    slug=named,
                    readers=freed,
                )
                said = ngettext(
                    "The topic is gone. %(num)s reader had chosen nothing else and gets everything now.",
                    "The topic is gone. %(num)s readers had chosen nothing else and get everything now.",
                    freed,
                )
    except RefusedError as error:
        return _page(slug, problem=str(error)), 422
    flash(said)
    return redirect(url_for("admin.topics", slug=slug), 303)


def _page(slug: str, problem: str = "") -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        found = queries.topics(session, newsletter.id)
    return render_template("admin/topics.html", topics=found, problem_text=problem)
