"""`newsletter reports`: what became of issues."""

import csv
import sys
from dataclasses import asdict
from typing import Any

import click

from newsletter.cli.shared import ROW_ID, as_json, open_here, show, table
from newsletter.core.i18n import gettext as _
from newsletter.issues import queries
from newsletter.newsletters import queries as newsletters
from newsletter.reports import issues, sheets
from newsletter.reports.issues import IssueReport
from newsletter.transfer.exports import safe

MOST = click.IntRange(1, 1000)


@click.group()
def reports() -> None:
    """What became of issues: sent, bounced, complaints, who left, clicks."""


@reports.command("list")
@click.argument("slug")
@click.option("--limit", type=MOST, default=20, show_default=True)
@click.option("--csv", "csv_", is_flag=True, help="All issues, as a table for a spreadsheet.")
@as_json
def list_(slug: str, limit: int, csv_: bool, json_: bool) -> None:
    """A newsletter's issues, the newest first."""
    with open_here().database.reading() as session:
        newsletter = newsletters.by_slug(session, slug)
        if csv_:
            writer = csv.writer(sys.stdout)
            for row in sheets.of_newsletter(session, newsletter.id):
                writer.writerow([safe(cell) if isinstance(cell, str) else cell for cell in row])
            return
        found = issues.page(session, newsletter.id, limit=limit)
    head = [
        _("No."),
        _("Left on"),
        _("Sent"),
        _("Bounces"),
        _("Complaints"),
        _("Left by it"),
        _("Clicks"),
        _("Subject"),
    ]
    show([_answer(report) for report in found], json_, lambda: table([head, *map(_line, found)]))


@reports.command("show")
@click.argument("issue_id", type=ROW_ID)
@as_json
def show_(issue_id: int, json_: bool) -> None:
    """One issue, with the domains of its readers."""
    with open_here().database.reading() as session:
        (found,) = issues.of_issues(session, [queries.by_id(session, issue_id)])
        lines, rest = issues.domains_of(session, issue_id)
    answer = _answer(found) | {"domains": [asdict(line) for line in lines], "other_domains": asdict(rest)}
    head = [_("Domain"), _("Sent"), _("No such address"), _("Refused otherwise")]
    rows = [[line.domain, str(line.sent), str(line.hard), str(line.other)] for line in lines]
    show(answer, json_, lambda: [*table([_line(found)]), "", *table([head, *rows])])


def _answer(report: IssueReport) -> dict[str, Any]:
    return {"issue": report.issue.id} | dict(zip(sheets.ISSUES, sheets.issue_row(report), strict=True))


def _line(report: IssueReport) -> list[str]:
    outcome = report.outcome
    return [
        str(report.issue.number),
        f"{issues.frozen_on(report):%Y-%m-%d}",
        str(outcome.sent),
        str(outcome.hard),
        str(outcome.complained),
        str(report.left),
        str(report.measured.clicked.clicks),
        report.issue.subject,
    ]
