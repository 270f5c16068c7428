"""What became of issues: a newsletter's over time, and one issue in full; each as a file for a spreadsheet too."""

from flask import Response, redirect, render_template, url_for
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response as AnyResponse

from newsletter.accounts.permissions import Permission
from newsletter.articles import queries as articles
from newsletter.core.i18n import gettext as _
from newsletter.issues import queries
from newsletter.newsletters.models import Measure
from newsletter.reports import issues, sheets
from newsletter.reports.issues import IssueReport
from newsletter.tracking import queries as tracking
from newsletter.web.admin import guard, paging
from newsletter.web.admin.room import admin, enter, enter_by_id
from newsletter.web.admin.sheet import sheet
from newsletter.web.context import installation

CHARTED = 30  # issues


@admin.get("/newsletters/<slug>/reports")
@guard.requires(Permission.READ)
def reports(slug: str) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        rows = issues.page(session, newsletter.id, before=paging.before(), limit=paging.PER_PAGE + 1)
        listing = paging.listing(rows, lambda report: report.issue.id, slug=slug)
    shown = list(listing.rows)
    return render_template(
        "admin/reports.html",
        listing=listing,
        total=_total(shown),
        charted=list(reversed(shown[:CHARTED])),
        measures_clicks=any(report.measured.clicks is not Measure.OFF for report in shown),
        measures_opens=any(report.measured.opens is not Measure.OFF for report in shown),
    )


@admin.get("/newsletters/<slug>/reports.csv")
@guard.requires(Permission.READ)
def reports_sheet(slug: str) -> Response:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        rows = list(sheets.of_newsletter(session, newsletter.id))
    return sheet(f"{slug}-issues", rows)


@admin.get("/issues/<int:issue_id>/report")
@guard.requires(Permission.READ)
def report(issue_id: int) -> str | AnyResponse:
    with installation().database.reading() as session:
        issue = queries.by_id(session, issue_id)
        newsletter = enter_by_id(session, issue.newsletter_id)
        if issue.frozen_at is None:
            return redirect(url_for("admin.issue", issue_id=issue_id), 303)
        (found,) = issues.of_issues(session, [issue])
        links = tracking.links(session, issue_id)
        ids = [link.article_id for link in links if link.article_id is not None]
        domains, rest = issues.domains_of(session, issue_id)
        return render_template(
            "admin/report.html",
            issue=issue,
            newsletter=newsletter,
            report=found,
            links=links,
            titles={number: item.title for number, item in articles.in_language(session, ids, "").items()},
            days=tracking.days(session, issue_id),
            domains=domains,
            rest=rest,
        )


@admin.get("/issues/<int:issue_id>/report/<kind>.csv")
@guard.requires(Permission.READ)
def report_sheet(issue_id: int, kind: str) -> Response | AnyResponse:
    """The links or the domains of an issue, or, for who may see readers, every delivery."""
    with installation().database.reading() as session:
        issue = queries.by_id(session, issue_id)
        newsletter = enter_by_id(session, issue.newsletter_id)
        name = f"{newsletter.slug}-{issue.number}-{kind}"
        if kind == "links":
            return sheet(name, list(sheets.links_of(session, issue)))
        if kind == "domains":
            return sheet(name, list(sheets.domains_of(session, issue)))
    if kind == "deliveries":
        if not guard.may(Permission.MANAGE_SUBSCRIBERS):
            raise Forbidden(_("Your role does not show readers. Ask an owner."))
        return sheet(name, sheets.deliveries_of(installation().database.reading, issue_id))
    return redirect(url_for("admin.report", issue_id=issue_id), 303)


def _total(found: list[IssueReport]) -> dict[str, int]:
    return {
        "sent": sum(report.outcome.sent for report in found),
        "hard": sum(report.outcome.hard for report in found),
        "complained": sum(report.outcome.complained for report in found),
        "left": sum(report.left for report in found),
    }
