"""`newsletter issues check`: look at an issue as the desk does before it leaves."""

import sys

import click

from newsletter.cli.shared import ROW_ID, as_json, open_here, show
from newsletter.core.clock import utc_now
from newsletter.core.i18n import gettext as _
from newsletter.issues import checking, clearance, queries
from newsletter.issues.preflight import wording
from newsletter.issues.preflight.findings import Finding


@click.command()
@click.argument("issue_id", type=ROW_ID)
@as_json
def check(issue_id: int, json_: bool) -> None:
    """Look at an issue: its text, links and pictures, and how it passes a mail server. Ends with 1 when something keeps
    it from leaving.
    """
    here = open_here()
    with here.database.reading() as session:
        queries.by_id(session, issue_id)
    findings = checking.check_now(here, issue_id, clock=utc_now) or []
    with here.database.reading() as session:
        issue = queries.by_id(session, issue_id)
        stops = bool(clearance.in_the_way(session, issue))
        decided = clearance.overruled(session, issue)
    answer = {
        "issue": issue_id,
        "revision": issue.revision,
        "stops": stops,
        "overruled_by": decided.email if decided else None,
        "findings": [
            {**item.as_document(), "words": wording.in_words(item), "advice": wording.advice(item)} for item in findings
        ],
    }
    show(answer, json_, lambda: [*(line for item in findings for line in _lines(item)), _end(stops)])
    if stops:
        sys.exit(1)


def _lines(finding: Finding) -> list[str]:
    head = f"{wording.level_in_words(finding.level)}: {wording.in_words(finding)}"
    return [head, f"  {wording.advice(finding)}", *(f"    {place}" for place in finding.where)]


def _end(stops: bool) -> str:
    return _("This issue does not leave like this.") if stops else _("Nothing is in the way.")
