"""What was found by looking at an issue: a box in the composer, a page, another look, and an owner's overruling."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core import jobs
from newsletter.core.i18n import gettext as _
from newsletter.issues import clearance, editing, inspection, queries
from newsletter.issues.models import Issue
from newsletter.issues.preflight import wording
from newsletter.issues.preflight.findings import Finding, Level, counted, fatal
from newsletter.issues.preflight_models import Overrule
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin, enter_by_id
from newsletter.web.context import installation

ASK_AGAIN = timedelta(minutes=1)  # until a look that has not come is asked for again
MOST_ASKED = 1000

_asked: dict[tuple[int, int], datetime] = {}


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding in words. `state` is the mark beside it."""

    level: Level
    word: str
    state: str
    what: str
    advice: str
    where: Sequence[str]
    page: str


@dataclass(frozen=True, slots=True)
class View:
    """What is known of an issue as it is now. `checked_at` None: only the message itself was looked at, just now.
    `stops`: something fatal is there that nobody has overruled.
    """

    findings: list[Shown]
    counts: dict[Level, int]
    checked_at: datetime | None
    overruled: Overrule | None
    stops: bool

    def of(self, level: str) -> list[Shown]:
        return [item for item in self.findings if item.level == level]


def known(session: Session, issue: Issue) -> View | None:
    """The findings of the last look; None when nobody has looked at the issue as it is now."""
    run = clearance.latest(session, issue)
    return _view(session, issue, clearance.findings_of(run), run.finished_at) if run else None


def at_once(session: Session, issue: Issue) -> View:
    """What can be seen without a look; finding out takes as long as some pages together."""
    return _view(session, issue, inspection.look_at(session, issue), None)


def _view(session: Session, issue: Issue, findings: Sequence[Finding], checked_at: datetime | None) -> View:
    decided = clearance.overruled(session, issue)
    open_ = [item for item in fatal(findings) if decided is None or item.key not in decided.keys]
    return View(
        findings=[_shown(item) for item in findings],
        counts=counted(findings),
        checked_at=checked_at,
        overruled=decided,
        stops=bool(open_),
    )


def look_soon(issue: Issue) -> None:
    """Have an issue looked at that its editor has opened and nobody has looked at."""
    key = (issue.id, issue.revision)
    if guard.now() - _asked.get(key, guard.now() - ASK_AGAIN) < ASK_AGAIN:
        return
    if len(_asked) >= MOST_ASKED:
        _asked.clear()
    _asked[key] = guard.now()
    installation().broker.send([jobs.Wake(jobs.CHECK_ISSUE, (issue.id,))])


@admin.get("/issues/<int:issue_id>/preflight")
@guard.requires(Permission.READ)
def preflight(issue_id: int) -> str:
    with installation().database.reading() as session:
        issue = queries.by_id(session, issue_id)
        newsletter = enter_by_id(session, issue.newsletter_id)
        view = known(session, issue) or at_once(session, issue)
    return render_template(
        "admin/preflight.html", issue=issue, newsletter=newsletter, preflight=view, waits=issue.status in editing.OPEN
    )


@admin.get("/issues/<int:issue_id>/preflight/box")
@guard.requires(Permission.READ)
def preflight_box(issue_id: int) -> str | tuple[str, int]:
    """The box in the composer, asked for once the page is there. `known`: only if somebody has looked."""
    with installation().database.reading() as session:
        issue = queries.by_id(session, issue_id)
        newsletter = enter_by_id(session, issue.newsletter_id)
        view = known(session, issue)
        if view is None and request.args.get("known"):
            return "", 204
        view = view or at_once(session, issue)
    waits = issue.status in editing.OPEN
    if view.checked_at is None and waits:
        look_soon(issue)
    return render_template("admin/preflight-box.html", issue=issue, newsletter=newsletter, preflight=view, waits=waits)


@admin.post("/issues/<int:issue_id>/preflight")
@guard.requires(Permission.COMPOSE)
def check_again(issue_id: int) -> Response:
    with installation().database.unit() as session:
        enter_by_id(session, queries.by_id(session, issue_id).newsletter_id)
        jobs.wake(session, jobs.CHECK_ISSUE, issue_id, 1)
    flash(_("It is being looked at. Load this page again in half a minute."))
    return redirect(url_for("admin.preflight", issue_id=issue_id), 303)


@admin.post("/issues/<int:issue_id>/preflight/overrule")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def overrule(issue_id: int) -> Response:
    with installation().database.unit() as session:
        issue = queries.by_id(session, issue_id)
        enter_by_id(session, issue.newsletter_id)
        clearance.overrule(session, issue, by=guard.user(), reason=request.form.get("reason", ""), now=guard.now())
    flash(_("Overruled. The issue can be sent as it is now."))
    return redirect(url_for("admin.issue", issue_id=issue_id), 303)


def _shown(finding: Finding) -> Shown:
    return Shown(
        finding.level,
        wording.level_in_words(finding.level),
        wording.state_of(finding.level),
        wording.in_words(finding),
        wording.advice(finding),
        finding.where,
        str(finding.params.get("page", "")),
    )
