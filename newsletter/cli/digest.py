"""`newsletter digest`: compose what is new and send it, or look at it first."""

import time
from datetime import datetime
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy.orm import Session

from newsletter.cli.shared import actor, as_json, open_here, show
from newsletter.core.addresses import parse_address
from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.core.installation import Installation
from newsletter.delivery.personalise import Recipient
from newsletter.issues import digest as composing
from newsletter.issues import dispatch, preview, queries
from newsletter.issues.models import IssueStatus, Trigger
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import queries as subscriptions
from newsletter.subscriptions.audience import Recipients

POLL = 0.5


@click.group()
def digest() -> None:
    """What is new since the last issue, as an issue."""


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
        if issue is not None:
            dispatch.send(session, issue, actor=actor(), now=utc_now())
            articles = len(queries.articles_of(session, issue.id))
    if issue is None:
        show({"issue": None, "sent": False}, json_, lambda: [_("Nothing new: nothing was sent.")])
        return
    answer: dict[str, Any] = {"issue": issue.id, "number": issue.number, "articles": articles, "sent": True}
    if wait:
        answer |= _wait(here, issue.id, quiet=json_)
    show(
        answer,
        json_,
        lambda: [
            ngettext(
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


@digest.command("preview")
@click.argument("slug")
@click.option("--as", "email", default=None, help="As this reader would get it.")
@click.option("--at", "moment", type=click.DateTime(), default=None, help="With what was there at this time (UTC).")
@click.option("--html", is_flag=True, help="The HTML instead of the text.")
@as_json
def preview_(slug: str, email: str | None, moment: datetime | None, html: bool, json_: bool) -> None:
    """Show the next digest without making or sending anything."""
    here = open_here()
    now = moment.replace(tzinfo=utc_now().tzinfo) if moment else utc_now()
    with here.database.reading() as session:
        newsletter = newsletters.by_slug(session, slug)
        language, reader = newsletter.language, None
        if email is not None:
            language, reader = _reader(session, here, newsletter, email)
        articles = composing.next_articles(session, newsletter, cut_off=now)
        if not articles:
            show({"articles": []}, json_, lambda: [_("Nothing new.")])
            return
        mail = preview.preview_next(
            session,
            newsletter,
            [item.article_id for item in articles],
            language=language,
            links=here.links,
            now=now,
            reader=reader,
        )
    answer = {
        "subject": mail.subject,
        "preheader": mail.preheader,
        "language": language,
        "articles": [{"id": item.article_id, "title": item.title} for item in articles],
        "html": mail.html,
        "text": mail.text,
    }
    show(answer, json_, lambda: [mail.html] if html else [mail.subject, "", mail.text])


def _reader(session: Session, here: Installation, newsletter: Newsletter, email: str) -> tuple[str, Recipient]:
    """The language of a reader, and what is personal of theirs."""
    rows = subscriptions.of_address(session, parse_address(email).key)
    row = next((item for item in rows if item.newsletter_id == newsletter.id), None)
    if row is None:
        raise RefusedError(_("%(email)s does not subscribe to this newsletter.", email=email))
    found = Recipients(here.links).find(session, row.subscriber_id, newsletter_id=newsletter.id, issue_id=0)
    if not isinstance(found, Recipient):
        raise RefusedError(
            _("%(email)s would get nothing: not subscribed now, or on the do-not-mail list.", email=email)
        )
    return row.language, found


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
