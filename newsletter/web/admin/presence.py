"""Who else is at the same issue or article: asked for by their pages every ten seconds."""

from collections.abc import Iterable

from flask import render_template, request
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from newsletter.accounts import presence
from newsletter.accounts.permissions import Permission
from newsletter.articles import queries as articles
from newsletter.issues import editing
from newsletter.issues import queries as issues
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin
from newsletter.web.context import installation

SUBJECTS = ("issue", "article")


@admin.post("/presence/<subject>/<int:subject_id>")
@guard.requires(Permission.READ, shared=True)
def be_present(subject: str, subject_id: int) -> str:
    """Say that one is there, and hear who else is, and at which version the thing is by now."""
    if subject not in SUBJECTS:
        raise NotFound
    user, now = guard.user(), guard.now()
    typing = request.form.get("typing") == "yes"
    with installation().database.unit() as session:
        version = _version(session, subject, subject_id)
        presence.note(session, subject, subject_id, user.id, typing=typing, now=now)
        others = presence.others(session, subject, subject_id, user.id, now=now)
    return render_template("admin/presence.html", others=others, version=version, now=now)


def _version(session: Session, subject: str, subject_id: int) -> str:
    """NotFound for what the user may not see."""
    if subject == "issue":
        issue = issues.by_id(session, subject_id)
        _must_see([issue.newsletter_id])
        return str(issue.revision) if issue.status in editing.OPEN else "left"
    article = articles.by_id(session, subject_id)
    _must_see(articles.held_by(session, subject_id))
    return article.updated_at.isoformat()


def _must_see(newsletter_ids: Iterable[int]) -> None:
    if guard.rights().everywhere is None and not any(map(guard.rights().sees, newsletter_ids)):
        raise NotFound
