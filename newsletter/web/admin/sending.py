"""An issue on its way: asked about once more, sent, watched, paused, resumed, cancelled."""

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core.i18n import gettext as _
from newsletter.delivery import bounces
from newsletter.delivery.models import DeliveryStatus
from newsletter.issues import (
    approvals,
    clearance,
    correction,
    dispatch,
    editing,
    finding,
    preview,
    queries,
    resending,
    runs,
    standing,
)
from newsletter.issues.models import Issue, IssueKind
from newsletter.newsletters.models import Newsletter
from newsletter.web.admin import guard, paging, preflight, sendings
from newsletter.web.admin.compose import articles_in_order
from newsletter.web.admin.live import Live, look
from newsletter.web.admin.room import admin, enter_by_id
from newsletter.web.context import installation

Page = str | Response


def live_page(session: Session, newsletter: Newsletter, issue: Issue) -> str:
    """The page of an issue that has been sent, or is being."""
    text, status = request.args.get("q", "").strip()[:320], _status(request.args.get("status"))
    domain, after = request.args.get("domain", "").strip().lower()[:255], request.args.get("after", "")[:400]
    found = finding.find(session, issue.id, text=text, status=status, domain=domain, after=after, limit=paging.PER_PAGE)
    asked: dict[str, Any] = {"issue_id": issue.id, "q": text or None, "status": status, "domain": domain or None}
    live = look(session, issue, now=guard.now())
    return render_template(
        "admin/live.html",
        issue=issue,
        live=live,
        shown=sendings.shown(session, issue, live, now=guard.now()),
        rows=found.rows,
        older=url_for("admin.issue", **asked, after=found.after, _anchor="deliveries") if found.after else None,
        newest=url_for("admin.issue", **asked, _anchor="deliveries") if after else None,
        text=text,
        status=status,
        domain=domain,
        statuses=list(DeliveryStatus),
        resends=resending.history(session, issue.id),
        held=bounces.held(session, issue.id),
        standing=standing.in_words(issue, newsletter),
        kind=standing.kind_in_words(issue.kind),
        correctable=issue.frozen_at is not None and issue.status in correction.CORRECTABLE,
        corrected=queries.by_id(session, issue.corrects_id) if issue.corrects_id else None,
        archive_url=installation().links.archive(newsletter.slug, issue.number),
        run_id=runs.of_issue(session, issue.id),
    )


@admin.get("/issues/<int:issue_id>/progress")
@guard.requires(Permission.READ)
def progress(issue_id: int) -> str:
    """The moving parts of the live page, asked for every two seconds. `seen`: the status that the page shows."""
    with installation().database.reading() as session:
        found = queries.by_id(session, issue_id)
        newsletter = enter_by_id(session, found.newsletter_id)
        live = _live(session, found)
        shown = sendings.shown(session, found, live, now=guard.now())
    return render_template(
        "admin/live-parts.html",
        issue=found,
        newsletter=newsletter,
        live=live,
        shown=shown,
        changed=request.args.get("seen") != found.status,
    )


@admin.get("/issues/<int:issue_id>/send")
@guard.requires(Permission.SEND)
def ask_to_send(issue_id: int) -> Page:
    with installation().database.reading() as session:
        found = queries.by_id(session, issue_id)
        newsletter = enter_by_id(session, found.newsletter_id)
        if found.status not in editing.OPEN:
            return redirect(url_for("admin.issue", issue_id=issue_id), 303)
        seen = preflight.known(session, found)
        mail = preview.preview(session, found, language=newsletter.language, links=installation().links)
        return render_template(
            "admin/send.html",
            issue=found,
            mail=mail,
            articles=articles_in_order(session, found, newsletter.language),
            audience=queries.readers_of(session, found, now=guard.now()),
            size=len(mail.html.encode()) + len(mail.text.encode()),
            preflight=seen,
            stops=bool(seen and seen.stops) or bool(clearance.without_readers(session, found)),
            cooling=newsletter.cooling_minutes,
            kind="" if found.kind is IssueKind.DIGEST else standing.kind_in_words(found.kind),
        )


@admin.post("/issues/<int:issue_id>/send")
@guard.requires(Permission.SEND)
def send(issue_id: int) -> Response:
    """Let it go, after the cooling-off time if there is one."""
    with installation().database.unit() as session:
        found = queries.by_id(session, issue_id)
        newsletter = enter_by_id(session, found.newsletter_id)
        dispatch.send(session, found, actor=guard.user().email, now=guard.now())
        flash(standing.in_words(found, newsletter) or _("The issue is on its way."))
    return redirect(url_for("admin.issue", issue_id=issue_id), 303)


@admin.post("/issues/<int:issue_id>/pull-back")
@guard.requires(Permission.SEND)
def pull_back(issue_id: int) -> Response:
    return _act(issue_id, dispatch.pull_back, _("Pulled back. It leaves when you send it."))


@admin.post("/issues/<int:issue_id>/approve")
@guard.requires(Permission.SEND)
def approve(issue_id: int) -> Response:
    """From the desk, where only the headline is seen: of the revision that was shown there."""
    revision = request.form.get("revision", "")
    with installation().database.unit() as session:
        found = queries.by_id(session, issue_id)
        approvals.approve(
            session,
            found,
            email=guard.user().email,
            now=guard.now(),
            expected_revision=int(revision) if revision.isdecimal() and len(revision) < 16 else None,
        )
    flash(_("Approved."))
    return redirect(url_for("admin.issue", issue_id=issue_id), 303)


@admin.post("/issues/<int:issue_id>/pause")
@guard.requires(Permission.SEND)
def pause(issue_id: int) -> Response:
    return _act(issue_id, dispatch.pause, _("Paused. What is on the wire right now still arrives."))


@admin.post("/issues/<int:issue_id>/resume")
@guard.requires(Permission.SEND)
def resume(issue_id: int) -> Response:
    return _act(issue_id, dispatch.resume, _("Sending goes on."))


@admin.get("/issues/<int:issue_id>/cancel")
@guard.requires(Permission.SEND)
def ask_to_cancel(issue_id: int) -> str:
    with installation().database.reading() as session:
        found = queries.by_id(session, issue_id)
        enter_by_id(session, found.newsletter_id)
        return render_template(
            "admin/cancel.html", issue=found, live=_live(session, found), waits=found.status in editing.OPEN
        )


@admin.post("/issues/<int:issue_id>/cancel")
@guard.requires(Permission.SEND)
def cancel(issue_id: int) -> Response:
    return _act(issue_id, dispatch.cancel, _("Cancelled. Nobody else gets this issue."))


def _act(issue_id: int, verb: Callable[..., Any], done: str) -> Response:
    with installation().database.unit() as session:
        found = queries.by_id(session, issue_id)
        verb(session, found, actor=guard.user().email, now=guard.now())
    flash(done)
    return redirect(url_for("admin.issue", issue_id=issue_id), 303)


def _live(session: Session, issue: Issue) -> Live:
    return look(session, issue, now=guard.now())


def _status(text: str | None) -> DeliveryStatus | None:
    return DeliveryStatus(text) if text in set(DeliveryStatus) else None
