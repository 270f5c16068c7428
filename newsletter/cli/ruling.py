"""`newsletter digest rules`, `trace` and `runs`: by which rules digests are composed, and what came of them."""

import json
from dataclasses import asdict
from datetime import tzinfo
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import click

from newsletter.cli.shared import ROW_ID, actor, as_json, open_here, show
from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import format_datetime
from newsletter.core.i18n import gettext as _
from newsletter.issues import difference, pool, queries, rulebook, rulings
from newsletter.issues import runs as running
from newsletter.issues.difference import Difference, rehearsed
from newsletter.issues.runs import RunView
from newsletter.issues.selection.rules import DEFAULT, read_rules
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import schedules

MAX_RULES = 100_000  # characters
MOST_RUNS = 1000


@click.command()
@click.argument("slug")
@click.option("--set", "file", type=click.File("r", encoding="utf-8"), help="A JSON file, or - for standard input.")
@click.option("--default", is_flag=True, help="Go back to the defaults, or for a rhythm to the newsletter's.")
@click.option("--cadence", default=None, help="Short name of a rhythm that has rules of its own.")
@click.option("--dry-run", is_flag=True, help="Say what the past weeks would have been, and save nothing.")
@as_json
def rules(slug: str, file: TextIO | None, default: bool, cadence: str | None, dry_run: bool, json_: bool) -> None:
    """Show by which rules a newsletter's digests are composed, and change them. What is left out of the file is as by
    default.
    """
    here = open_here()
    asked = read_rules(read_document(file)) if file is not None else None
    with here.database.reading() if dry_run else here.database.unit() as session:
        newsletter = newsletters.by_slug(session, slug)
        schedule = schedules.by_slug(session, newsletter, cadence)
        if dry_run:
            found = rehearsed(session, newsletter, schedule, asked or DEFAULT, now=utc_now())
        elif file is not None or default:
            own = None if cadence is None else schedule
            rulebook.change_rules(session, newsletter, asked, schedule=own, actor=actor(), now=utc_now())
        kept = pool.rules_of(newsletter, schedule).model_dump(mode="json")
    if dry_run:
        show_difference(found, schedules.zone_of(newsletter, schedule), json_)
        return
    show(kept, json_, lambda: [json.dumps(kept, ensure_ascii=False, indent=2)])


@click.command()
@click.argument("issue_id", type=ROW_ID)
@as_json
def trace(issue_id: int, json_: bool) -> None:
    """Why each article is in an issue, or out of it."""
    here = open_here()
    with here.database.reading() as session:
        queries.by_id(session, issue_id)
        told = rulings.of_issue(session, issue_id)
    show([asdict(item) for item in told], json_, lambda: [f"{item.title}: {item.words}" for item in told])


@click.command()
@click.argument("slug")
@click.option("--without-issue", is_flag=True, help="Only those of which no issue came.")
@click.option("--limit", type=click.IntRange(1, MOST_RUNS), default=20, show_default=True, help="How many.")
@click.option("--why", is_flag=True, help="Why each article was in, or out.")
@as_json
def runs(slug: str, without_issue: bool, limit: int, why: bool, json_: bool) -> None:
    """What came of a newsletter's hours, the latest first: an issue, or why none."""
    here = open_here()
    with here.database.reading() as session:
        newsletter = newsletters.by_slug(session, slug)
        found = running.page(session, newsletter.id, limit=limit, without_issue=without_issue)
        told = {run.id: rulings.of_run(session, run.id) for run in found} if why else {}
    zone = ZoneInfo(newsletter.timezone)

    def document(run: RunView) -> dict[str, Any]:
        trace_ = {"trace": [asdict(item) for item in told[run.id]]} if why else {}
        return asdict(run) | trace_

    def lines() -> list[str]:
        said = []
        for run in found:
            said.append(f"{format_datetime(run.due_at or run.cut_off, zone=zone)}  {_what(run)}")
            said += [f"  {item.title}: {item.words}" for item in told.get(run.id, ())]
        return said or [_("No digest has been composed yet.")]

    show([document(run) for run in found], json_, lines)


def show_difference(found: Difference, zone: tzinfo, json_: bool) -> None:
    """Print what would have been different: hour by hour, then the sum."""

    def lines() -> list[str]:
        hours = [line for change in found.changes for line in difference.in_words(change, found.titles, zone)]
        since = _("Looked back to %(day)s.", day=format_datetime(found.begin, zone=zone))
        return [*hours, *([""] if hours else []), since, *difference.summary(found)]

    show(difference.document(found), json_, lines)


def read_document(file: TextIO) -> dict[str, Any]:
    """The JSON object in a file; RefusedError for anything else."""
    try:
        found = json.loads(file.read(MAX_RULES))
    except ValueError:
        raise RefusedError(_("This is not JSON, or more than a hundred thousand characters of it.")) from None
    if not isinstance(found, dict):
        raise RefusedError(_("Rules are one JSON object."))
    return found


def _what(run: RunView) -> str:
    if run.number is None:
        return run.words
    return f"{run.words} ({_('Issue %(number)s', number=run.number)})"
