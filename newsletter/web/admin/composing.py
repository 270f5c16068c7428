"""Every button of the composer: what it changes in an issue, and what is said when that cannot be."""

from typing import Any
from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response as AnyResponse

from newsletter.accounts.permissions import Permission
from newsletter.articles import placing
from newsletter.core.errors import ConflictError, NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.issues import approvals, dispatch, editing, history, pool, queries, standing, undoing
from newsletter.issues import refresh as refreshing
from newsletter.issues.models import Issue
from newsletter.newsletters.models import Newsletter
from newsletter.web.admin import guard
from newsletter.web.admin.compose import composer_page
from newsletter.web.admin.message import view_arguments
from newsletter.web.admin.room import admin, enter_by_id
from newsletter.web.context import installation

DECIDING = ("approve", "pull-back", "schedule", "send")  # verbs that ask for the permission to send


@admin.post("/issues/<int:issue_id>")
@guard.requires(Permission.COMPOSE)
def change_issue(issue_id: int) -> AnyResponse | tuple[str, int]:
    """Every button of the composer comes here and brings the texts along, so that none of them loses what was typed."""
    verb, _colon, article = request.form.get("do", "save").partition(":")
    if verb in DECIDING and not guard.may(Permission.SEND):
        raise Forbidden(_("Your role does not allow this. Ask an owner."))
    try:
        with installation().database.unit() as session:
            found = queries.by_id(session, issue_id)
            newsletter = enter_by_id(session, found.newsletter_id)
            editing.change_text(
                session,
                found,
                subject=request.form.get("subject", ""),
                introduction=request.form.get("introduction", ""),
                preheader=request.form.get("preheader"),
                expected_revision=_shown_revision(found, verb),
                actor=guard.user().email,
                now=guard.now(),
            )
            anchor = _do(session, newsletter, found, verb, int(article) if _is_id(article) else 0)
    except ConflictError as error:
        return conflict_page(issue_id, str(error), verb), 409
    except NotFoundError:
        raise
    except RefusedError as error:
        return _refused_page(issue_id, error), 422
    if verb == "send":
        return redirect(url_for("admin.ask_to_send", issue_id=issue_id), 303)
    arguments: dict[str, Any] = {"issue_id": issue_id, "_anchor": anchor, **view_arguments()}
    return redirect(url_for("admin.issue", **arguments), 303)


def _do(session: Session, newsletter: Newsletter, issue: Issue, verb: str, article_id: int) -> str | None:
    """Do what a button says; the anchor to come back to."""
    by: dict[str, Any] = {"actor": guard.user().email, "now": guard.now()}
    match verb:
        case "save":
            flash(_("Saved."))
        case "drop":
            editing.drop(session, issue, article_id, **by)
            flash(_("The article is out of this issue. It can be in the next one."))
            return "articles"
        case "up" | "down" | "place":
            to = _place(session, issue, verb, article_id)
            if to:
                into = request.form.get(f"section-{article_id}") if verb == "place" else None
                editing.move(session, issue, article_id, to=to, into=into, **by)
            return f"article-{article_id}"
        case "add":
            return _add(session, newsletter, issue, article_id, by)
        case "undo" | "redo":
            _step(session, issue, verb, by)
            return "contents"
        case "refresh":
            _tell_renewed(refreshing.refresh(session, issue, **by))
            return "articles"
        case "approve":
            approvals.approve(session, issue, email=guard.user().email, now=guard.now())
            flash(standing.in_words(issue, newsletter, approvals.of_revision(session, issue)) or _("It is on its way."))
        case "pull-back":
            dispatch.pull_back(session, issue, **by)
            flash(_("Pulled back. It leaves when you send it."))
        case "schedule":
            dispatch.schedule(session, issue, send_at=_asked_moment(newsletter), **by)
            flash(standing.in_words(issue, newsletter))
    return None


def _place(session: Session, issue: Issue, verb: str, article_id: int) -> int:
    """Where an article is to go; 0: it stays."""
    if verb == "place":
        return placing.read_place(request.form.get(f"place-{article_id}", "")) or 0
    order = queries.articles_of(session, issue.id)
    if article_id not in order:
        return 0
    to = order.index(article_id) + (0 if verb == "up" else 2)
    return to if to <= len(order) else 0


def _add(session: Session, newsletter: Newsletter, issue: Issue, article_id: int, by: dict[str, Any]) -> str:
    """The article that the button names, else the one of the field; at a place where one is named."""
    asked = request.form.get("article", "").strip()
    article_id = article_id or (int(asked) if _is_id(asked) else 0)
    if not article_id:
        raise RefusedError(_("Choose the article that you want to add."))
    place = placing.read_place(request.form.get(f"place-{article_id}", ""))
    editing.add(session, issue, article_id, place=place, **by)
    if article_id not in pool.pool_of(session, issue).pick(topics=None, language=newsletter.language):
        flash(
            _("The article is in, but there is no room for it at its place. Move it up, or take another one out."),
            "warn",
        )
    return f"article-{article_id}"


def _step(session: Session, issue: Issue, verb: str, by: dict[str, Any]) -> None:
    step = (undoing.undo if verb == "undo" else undoing.redo)(session, issue, **by)
    if step is None:
        flash(_("There is no step to undo.") if verb == "undo" else _("There is no step to take again."))
        return
    words = undoing.in_words(step.what)
    flash(_("Undone: %(step)s.", step=words) if verb == "undo" else _("Done again: %(step)s.", step=words))


def _tell_renewed(renewed: refreshing.Renewed) -> None:
    parts = []
    if renewed.added:
        parts.append(ngettext("%(num)s article came in.", "%(num)s articles came in.", len(renewed.added)))
    if renewed.removed:
        parts.append(ngettext("%(num)s article is out.", "%(num)s articles are out.", len(renewed.removed)))
    flash(" ".join(parts) or _("Nothing new has come in since."))


def _refused_page(issue_id: int, error: RefusedError) -> str:
    """The composer with what was typed, and why it could not be kept."""
    with installation().database.reading() as session:
        found = queries.by_id(session, issue_id)
        if found.status not in editing.OPEN:
            raise error
        newsletter = enter_by_id(session, found.newsletter_id)
        return composer_page(session, newsletter, found, typed=_typed(), problem=str(error))


def conflict_page(issue_id: int, words: str, verb: str) -> str:
    """What was typed and what there is now, beside each other; nothing is lost of either."""
    with installation().database.reading() as session:
        found = queries.by_id(session, issue_id)
        enter_by_id(session, found.newsletter_id)
        typed = {name: _typed().get(name, getattr(found, name)) for name in history.TEXTS}
        return render_template(
            "admin/conflict.html",
            issue=found,
            words=words,
            typed=typed,
            same=all(_alike(typed[name], getattr(found, name)) for name in history.TEXTS),
            only_text=verb == "save",
        )


def _typed() -> dict[str, str]:
    return {name: request.form[name].replace("\r\n", "\n") for name in history.TEXTS if name in request.form}


def _shown_revision(issue: Issue, verb: str) -> int | None:
    """The revision that the form was made of. Whoever only writes is not in the way of a colleague who only moves
    articles: while the texts are what the form began with, nothing of theirs is overwritten.
    """
    began = {name: request.form.get(f"was_{name}") for name in history.TEXTS}
    for texts in (began, _typed()):  # a save whose answer was lost on the way comes a second time
        known = len(texts) == len(history.TEXTS) and all(
            text is not None and _alike(text, getattr(issue, name)) for name, text in texts.items()
        )
        if verb == "save" and known:
            return None
    asked = request.form.get("revision", "")
    return int(asked) if _is_id(asked) else None


def _alike(typed: str, kept: str) -> bool:
    return typed.replace("\r\n", "\n").strip() == kept.strip()


def _asked_moment(newsletter: Newsletter) -> Any:
    found = placing.read_moment(request.form.get("send_at", ""), ZoneInfo(newsletter.timezone))
    if found is None:
        raise RefusedError(_("Name the moment at which it is to leave."))
    return found


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 16
