"""How fast an issue leaves, by hand, and that it leaves once more for those who were missed."""

import math

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.issues import queries, resending, slowing
from newsletter.issues.models import Issue
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin, enter_by_id
from newsletter.web.context import installation

UNITS = {"second": 1, "minute": slowing.MINUTE}


@admin.post("/issues/<int:issue_id>/slow")
@guard.requires(Permission.SEND)
def slow_down(issue_id: int) -> Response:
    """Let so many leave in a second or a minute; without a number, as many as go."""
    limit = None if request.form.get("off") else _limit()
    with installation().database.unit() as session:
        found = queries.by_id(session, issue_id)
        enter_by_id(session, found.newsletter_id)
        slowing.slow(session, found, per_second=limit, actor=guard.user().email, now=guard.now())
    flash(_("As fast as possible again.") if limit is None else _("Slowed down. It takes effect within a second."))
    return redirect(url_for("admin.issue", issue_id=issue_id), 303)


@admin.get("/issues/<int:issue_id>/resend")
@guard.requires(Permission.SEND)
def ask_to_resend(issue_id: int) -> str:
    """Who would get it once more. Of a large issue that is counted when the page is there, or when somebody asks."""
    with installation().database.reading() as session:
        found = _of_issue(session, issue_id)
        quickly = bool(request.args.get("count")) or resending.is_quickly_counted(session, issue_id)
        missed = resending.missed(session, found, now=guard.now()) if quickly else None
        return render_template(
            "admin/resend.html",
            issue=found,
            missed=missed,
            at_most=resending.at_most(session, issue_id),
            number=resending.times(session, issue_id) + 1,
        )


@admin.get("/issues/<int:issue_id>/resend/count")
@guard.requires(Permission.SEND)
def count_missed(issue_id: int) -> str:
    """The figures alone."""
    with installation().database.reading() as session:
        found = _of_issue(session, issue_id)
        missed = resending.missed(session, found, now=guard.now())
    return render_template("admin/resend-count.html", issue=found, missed=missed)


@admin.post("/issues/<int:issue_id>/resend")
@guard.requires(Permission.SEND)
def resend(issue_id: int) -> Response:
    number = request.form.get("number", "")
    if not (number.isascii() and number.isdecimal() and len(number) < 9):
        raise RefusedError(_("It was sent again meanwhile. Look at how it stands now."))
    with installation().database.unit() as session:
        found = _of_issue(session, issue_id)
        done = resending.resend(session, found, actor=guard.user().email, now=guard.now(), number=int(number))
    flash(ngettext("It leaves again for %(num)s reader.", "It leaves again for %(num)s readers.", done.again))
    return redirect(url_for("admin.issue", issue_id=issue_id), 303)


def _of_issue(session: Session, issue_id: int) -> Issue:
    found = queries.by_id(session, issue_id)
    enter_by_id(session, found.newsletter_id)
    resending.check(found, now=guard.now())
    return found


def _limit() -> float:
    """Messages a second; RefusedError for what is no number."""
    text = request.form.get("limit", "").strip().replace(",", ".")
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or not text.isascii():
        raise RefusedError(_("“%(text)s” is no number.", text=text[:40]))
    return number / UNITS.get(request.form.get("unit", ""), 1)
