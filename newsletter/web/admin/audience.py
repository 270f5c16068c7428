"""Who gets an issue: chosen in the composer, shown wherever the issue is."""

from dataclasses import dataclass

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core.errors import ConflictError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.issues import editing, narrowed, narrowing, queries
from newsletter.issues.models import Issue, IssueKind, IssueStatus
from newsletter.subscriptions.segments import queries as segments
from newsletter.subscriptions.segments.models import Segment
from newsletter.web.admin import guard
from newsletter.web.admin.composing import conflict_page
from newsletter.web.admin.room import admin, enter_by_id
from newsletter.web.context import installation

Page = str | Response | tuple[str, int]


@dataclass(frozen=True, slots=True)
class AudienceBox:
    """What the pages of an issue show of who gets it. `words` is empty for everybody, `problem` says why nobody does.
    `open`: it can still be chosen; `in_composer`: by the composer's own form.
    """

    words: str
    problem: str
    segments: list[Segment]
    open: bool
    in_composer: bool


@admin.app_template_global()
def audience_box(issue: Issue) -> AudienceBox:
    """For the templates about an issue, which include `admin/composer-audience.html`."""
    with installation().database.reading() as session:
        found = narrowed.chosen(session, issue)
        known = segments.of_newsletter(session, issue.newsletter_id)
    in_composer = issue.status in editing.OPEN
    stopped = issue.status is IssueStatus.PAUSED and issue.frozen_at is None
    return AudienceBox(
        words="" if found.problem else narrowed.in_words(found),
        problem=found.problem if issue.frozen_at is None else "",
        segments=known,
        open=issue.kind is not IssueKind.CORRECTION and (in_composer or stopped),
        in_composer=in_composer,
    )


@admin.post("/issues/<int:issue_id>/audience")
@guard.requires(Permission.COMPOSE)
def choose_audience(issue_id: int) -> Page:
    """Comes with the composer's whole form, so that what was typed there is not lost."""
    try:
        with installation().database.unit() as session:
            found = queries.by_id(session, issue_id)
            enter_by_id(session, found.newsletter_id)
            expected = _shown_revision()
            if found.status in editing.OPEN and {"subject", "introduction"} <= set(request.form):
                editing.change_text(
                    session,
                    found,
                    subject=request.form["subject"],
                    introduction=request.form["introduction"],
                    preheader=request.form.get("preheader"),
                    expected_revision=expected,
                    actor=guard.user().email,
                    now=guard.now(),
                )
                expected = None  # the issue is locked by now, and was at that revision
            narrowing.narrow(
                session,
                found,
                only=_asked("only"),
                without=_asked("without"),
                actor=guard.user().email,
                now=guard.now(),
                expected_revision=expected,
            )
            words = narrowed.in_words(narrowed.chosen(session, found))
    except ConflictError as error:
        return conflict_page(issue_id, str(error), "audience"), 409
    flash(words or _("Everybody it is for gets it."))
    return redirect(url_for("admin.issue", issue_id=issue_id), 303)


def _asked(name: str) -> int | None:
    """The segment that was chosen; None for none."""
    asked = request.form.get(name, "")
    if not asked:
        return None
    if not asked.isascii() or not asked.isdecimal() or len(asked) > 18:
        raise RefusedError(_("This segment does not exist."))
    return int(asked)


def _shown_revision() -> int | None:
    asked = request.form.get("revision", "")
    return int(asked) if asked.isdecimal() and len(asked) < 16 else None
