"""Topics of a newsletter: named, renamed, taken away."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from newsletter.accounts import audit
from newsletter.accounts.permissions import Permission
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.newsletters import queries
from newsletter.newsletters import topics as naming
from newsletter.newsletters.models import Topic
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
                made = naming.add(session, newsletter, name)
                _note(session, "topic.added", made, newsletter=slug, name=made.name)
                said = _("Noted.")
            elif action == "rename":
                found = naming.by_slug(session, newsletter, named)
                old = found.name
                naming.rename(session, found, name)
                changed = audit.changes({"name": old}, {"name": found.name})
                _note(session, "topic.renamed", found, newsletter=slug, changed=changed)
                said = _("Noted.")
            else:
                found = naming.by_slug(session, newsletter, named)
                freed = leaving.remove(session, found)
                _note(session, "topic.removed", found, newsletter=slug, slug=named, readers=freed)
                said = ngettext(
                    "The topic is gone. %(num)s reader had chosen nothing else and gets everything now.",
                    "The topic is gone. %(num)s readers had chosen nothing else and get everything now.",
                    freed,
                )
    except RefusedError as error:
        return _page(slug, problem=str(error)), 422
    flash(said)
    return redirect(url_for("admin.topics", slug=slug), 303)


def _note(session: Session, action: str, topic: Topic, **details: Any) -> None:
    audit.record(
        session,
        actor=guard.user().email,
        user_id=guard.user().id,
        action=action,
        subject="topic",
        subject_id=topic.id,
        now=guard.now(),
        **details,
    )


def _page(slug: str, problem: str = "") -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        found = queries.topics(session, newsletter.id)
    return render_template("admin/topics.html", topics=found, problem_text=problem)
