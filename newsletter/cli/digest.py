"""`newsletter digest`: compose what is new and send it, or look at it first."""

import time
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from newsletter.cli.breaking import breaking
from newsletter.cli.rehearsing import preview, replay
from newsletter.cli.ruling import rules, runs, trace
from newsletter.cli.shared import actor, as_json, open_here, show
from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.core.installation import Installation
from newsletter.issues import digest as composing
from newsletter.issues import dispatch, queries, standing
from newsletter.issues.models import IssueStatus, Trigger
from newsletter.newsletters import queries as newsletters

POLL = 0.5


@click.group()
def digest() -> None:
    """What is new since the last issue, as an issue."""


for command in (breaking, preview, replay, rules, runs, trace):
    digest.add_command(command)


@digest.command()
@click.argument("slug")
@click.option("--wait", is_flag=True, help="Stay, with a progress bar, until the issue is out.")
@as_json
def send(slug: str, wait: bool, json_: bool) -> None:
    """Compose what is new since the newsletter's last issue and send it. Fit for cron: nothing new sends nothing and
    leaves with 0.
    """
    here = open_here()
    with here.database.unit() as session:
        newsletter = newsletters.by_slug(session, slug)
        issue = composing.compose(session, newsletter, trigger=Trigger.COMMAND, actor=actor(), now=utc_now())
        held = issue is not None and composing.is_held(session, issue)
        if issue is not None and not held:
            dispatch.send(session, issue, actor=actor(), now=utc_now())
            articles = len(queries.articles_of(session, issue.id))
            words = standing.in_words(issue, newsletter)
    if issue is None:
        show({"issue": None, "sent": False}, json_, lambda: [_("Nothing new: nothing was sent.")])
        return
    if held:
        show(
            {"issue": issue.id, "number": issue.number, "sent": False},
            json_,
            lambda: [_("Issue %(number)s has too little that is new. It waits on the desk.", number=issue.number)],
        )
        return
    answer: dict[str, Any] = {"issue": issue.id, "number": issue.number, "articles": articles, "sent": True}
    if words:
        answer |= {"send_at": issue.send_at}
    if wait:
        answer |= _wait(here, issue.id, quiet=json_)
    show(
        answer,
        json_,
        lambda: [
            _("Issue %(number)s: %(words)s", number=issue.number, words=words)
            if words and not wait
            else ngettext(
                "Issue %(number)s with %(num)s article is on its way. Follow it: newsletter issues show %(id)s",
                "Issue %(number)s with %(num)s articles is on its way. Follow it: newsletter issues show %(id)s",
                articles,
                number=issue.number,
                id=issue.id,
            )
            if not wait
            else _("Issue %(number)s is out.", number=issue.number)
        ],
    )


def _wait(here: Installation, issue_id: int, *, quiet: bool) -> dict[str, Any]:
    """Watch an issue until it is out, paused or cancelled."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=quiet) as bar:
        task = bar.add_task(_("Sending"), total=None)
        while True:
            with here.database.reading() as session:
                progress = queries.progress(session, issue_id)
            bar.update(task, total=progress.audience, completed=progress.done)
            if progress.status is IssueStatus.SENT:
                return {"status": progress.status, "deliveries": progress.counts}
            if progress.status in (IssueStatus.PAUSED, IssueStatus.CANCELLED):
                raise RefusedError(_("The issue was stopped. It stands at: newsletter issues show %(id)s", id=issue_id))
            time.sleep(POLL)
