"""`newsletter digest`: compose what is new and send it, or look at it first."""

import json
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TextIO

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.cli.breaking import breaking
from newsletter.cli.shared import ROW_ID, actor, as_json, open_here, show
from newsletter.core.addresses import parse_address
from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.core.installation import Installation
from newsletter.delivery.personalise import Recipient
from newsletter.issues import digest as composing
from newsletter.issues import dispatch, preview, queries, rehearse, rulings, standing
from newsletter.issues.models import IssueStatus, Trigger
from newsletter.issues.selection.reasons import in_words
from newsletter.issues.selection.rules import read_rules, rules_document
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import queries as subscriptions
from newsletter.subscriptions.audience import Recipients
from newsletter.subscriptions.models import Subscription

POLL = 0.5
MAX_RULES = 100_000  # characters


@click.group()
def digest() -> None:
    """What is new since the last issue, as an issue."""


digest.add_command(breaking)


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


@digest.command("preview")
@click.argument("slug")
@click.option("--as", "email", default=None, help="As this reader would get it.")
@click.option("--at", "moment", type=click.DateTime(), default=None, help="With what was there at this time (UTC).")
@click.option("--html", is_flag=True, help="The HTML instead of the text.")
@click.option("--why", is_flag=True, help="Why each article is in, or out.")
@as_json
def preview_(slug: str, email: str | None, moment: datetime | None, html: bool, why: bool, json_: bool) -> None:
    """Show the next digest without making or sending anything."""
    here = open_here()
    now = moment.replace(tzinfo=utc_now().tzinfo) if moment else utc_now()
    with here.database.reading() as session:
        newsletter = newsletters.by_slug(session, slug)
        who = _reader(session, here, newsletter, email) if email is not None else None
        next_ = rehearse.next_digest(session, newsletter, now=now, reader=who.subscription if who else None)
        titles = {item.article_id: item.title for item in next_.candidates}
        mail = (
            preview.preview_next(
                session,
                newsletter,
                next_.picked,
                language=who.language if who else newsletter.language,
                edition=next_.edition,
                sections=next_.sections,
                rules=next_.rules,
                links=here.links,
                now=now,
                reader=who.recipient if who else None,
            )
            if next_.picked
            else None
        )
    reasons = [
        {
            "id": ruling.article_id,
            "title": titles[ruling.article_id],
            "verdict": ruling.verdict,
            "why": in_words(ruling.verdict, ruling.reason),
        }
        for ruling in next_.rulings
    ]
    answer = {
        "subject": mail.subject if mail else None,
        "preheader": mail.preheader if mail else None,
        "language": who.language if who else newsletter.language,
        "edition": next_.edition,
        "articles": [{"id": item, "title": titles[item]} for item in next_.picked],
        "trace": reasons,
        "html": mail.html if mail else None,
        "text": mail.text if mail else None,
    }

    def lines() -> list[str]:
        trace = ["", *(f"{item['title']}: {item['why']}" for item in reasons)] if why else []
        if mail is None:
            return [_("Nothing new."), *trace]
        return [mail.html] if html else [mail.subject, "", mail.text, *trace]

    show(answer, json_, lines)


@digest.command("rules")
@click.argument("slug")
@click.option("--set", "file", type=click.File("r", encoding="utf-8"), help="A JSON file, or - for standard input.")
@click.option("--default", is_flag=True, help="Go back to the defaults.")
@as_json
def rules_(slug: str, file: TextIO | None, default: bool, json_: bool) -> None:
    """Show by which rules a newsletter's digests are composed, and change them. What is left out of the file is as by
    default.
    """
    here = open_here()
    with here.database.unit() as session:
        newsletter = newsletters.by_slug(session, slug)
        if file is not None or default:
            document = None if file is None else read_rules(_document(file))
            newsletter.rules = rules_document(document) if document else None
            audit.record(
                session,
                actor=actor(),
                action="newsletter.rules",
                subject="newsletter",
                subject_id=newsletter.id,
                now=utc_now(),
                rules=newsletter.rules or {},
            )
        rules = read_rules(newsletter.rules).model_dump(mode="json")
    show(rules, json_, lambda: [json.dumps(rules, ensure_ascii=False, indent=2)])


@digest.command()
@click.argument("issue_id", type=ROW_ID)
@as_json
def trace(issue_id: int, json_: bool) -> None:
    """Why each article is in an issue, or out of it."""
    here = open_here()
    with here.database.reading() as session:
        queries.by_id(session, issue_id)
        told = rulings.of_issue(session, issue_id)
    show([asdict(item) for item in told], json_, lambda: [f"{item.title}: {item.words}" for item in told])


def _document(file: TextIO) -> dict[str, Any]:
    try:
        found = json.loads(file.read(MAX_RULES))
    except ValueError:
        raise RefusedError(_("This is not JSON, or more than a hundred thousand characters of it.")) from None
    if not isinstance(found, dict):
        raise RefusedError(_("Rules are one JSON object."))
    return found


@dataclass(frozen=True, slots=True)
class _Reader:
    """Somebody a digest is looked at for."""

    language: str
    recipient: Recipient
    subscription: Subscription


def _reader(session: Session, here: Installation, newsletter: Newsletter, email: str) -> _Reader:
    """A reader of the newsletter, and what is personal of theirs."""
    rows = subscriptions.of_address(session, parse_address(email).key)
    row = next((item for item in rows if item.newsletter_id == newsletter.id), None)
    if row is None:
        raise RefusedError(_("%(email)s does not subscribe to this newsletter.", email=email))
    found = Recipients(here.links).find(session, row.subscriber_id, newsletter_id=newsletter.id, issue_id=0)
    if not isinstance(found, Recipient):
        raise RefusedError(
            _("%(email)s would get nothing: not subscribed now, or on the do-not-mail list.", email=email)
        )
    return _Reader(row.language, found, session.get_one(Subscription, row.id))


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
