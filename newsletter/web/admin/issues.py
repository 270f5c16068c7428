"""Issues of a newsletter: the list, a new digest, and the page of one, which is a composer until it is sent."""

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core.i18n import gettext as _
from newsletter.issues import approvals, digest, queries, standing
from newsletter.issues.models import IssueKind, IssueStatus, Trigger
from newsletter.web.admin import guard, paging
from newsletter.web.admin.compose import composer_page, leads
from newsletter.web.admin.live import Live
from newsletter.web.admin.room import admin, enter, enter_by_id
from newsletter.web.admin.sending import live_page
from newsletter.web.context import installation


@admin.get("/newsletters/<slug>/issues")
@guard.requires(Permission.READ)
def issues(slug: str) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        rows = queries.page(session, newsletter.id, before=paging.before(), limit=paging.PER_PAGE + 1)
        listing = paging.listing(rows, lambda issue: issue.id, slug=slug)
        live = {
            issue.id: Live.of(issue, queries.progress(session, issue.id), now=guard.now()) for issue in listing.rows
        }
        titles = leads(session, listing.rows)
        approved = approvals.of_issues(session, {issue.id: issue for issue in listing.rows})
        standings = {
            issue.id: standing.in_words(issue, newsletter, approved.get(issue.id, ())) for issue in listing.rows
        }
    return render_template(
        "admin/issues.html",
        listing=listing,
        live=live,
        leads=titles,
        standing=standings,
        kinds={kind: standing.kind_in_words(kind) for kind in IssueKind},
    )


@admin.post("/newsletters/<slug>/issues")
@guard.requires(Permission.COMPOSE)
def compose_digest(slug: str) -> Response:
    with installation().database.unit() as session:
        newsletter = enter(session, slug)
        made = digest.compose(session, newsletter, trigger=Trigger.BUTTON, actor=guard.user().email, now=guard.now())
        issue_id = made.id if made else None
    if issue_id is None:
        flash(_("Nothing is new since the last issue, so there is nothing to compose. Add an article first."), "warn")
        return redirect(url_for("admin.articles", slug=slug), 303)
    return redirect(url_for("admin.issue", issue_id=issue_id), 303)


@admin.get("/issues/<int:issue_id>")
@guard.requires(Permission.READ)
def issue(issue_id: int) -> str:
    with installation().database.reading() as session:
        found = queries.by_id(session, issue_id)
        newsletter = enter_by_id(session, found.newsletter_id)
        if found.status in (IssueStatus.DRAFT, IssueStatus.SCHEDULED):
            return composer_page(session, newsletter, found)
        return live_page(session, newsletter, found)
