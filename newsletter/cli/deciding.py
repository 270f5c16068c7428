"""`newsletter issues approve`, `move`, `send` and their like: what people do to an issue before it leaves."""

from collections.abc import Callable
from functools import partial
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import click
from sqlalchemy.orm import Session

from newsletter.articles import placing
from newsletter.cli import listing
from newsletter.cli.shared import ROW_ID, Command, actor, as_json, open_here, show
from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.issues import approvals, correction, dispatch, editing, narrowing, queries, refresh
from newsletter.issues.models import Issue
from newsletter.newsletters import queries as newsletters
from newsletter.subscriptions.segments import queries as segments

MAX_TEXT = 100_000  # characters


def of_issue(command: Command) -> Command:
    """What each of these commands is told: which issue."""
    for option in (as_json, click.argument("issue_id", type=ROW_ID)):
        command = option(command)
    return command


def seen(command: Command) -> Command:
    """The revision that somebody has looked at, so that nothing newer is overwritten."""
    return click.option(
        "--revision", type=click.IntRange(1), default=None, help="Only if this is still its revision (see show)."
    )(command)


def decide(issue_id: int, verb: Callable[..., Any], json_: bool) -> None:
    """Do `verb(session, issue, actor=, now=)`, and tell how the issue stands then."""
    with open_here().database.unit() as session:
        verb(session, queries.by_id(session, issue_id), actor=actor(), now=utc_now())
        session.flush()
        answer = listing.details(session, issue_id)
    _tell(answer, json_)


@click.command()
@of_issue
@seen
def approve(issue_id: int, json_: bool, revision: int | None) -> None:
    """Let an issue under review leave at its hour; when that is over, now."""

    def verb(session: Session, issue: Issue, *, actor: str, now: Any) -> None:
        approvals.approve(session, issue, email=actor, now=now, expected_revision=revision)

    decide(issue_id, verb, json_)


@click.command()
@of_issue
@seen
def skip(issue_id: int, json_: bool, revision: int | None) -> None:
    """Give up an issue that has not left; its articles may come in the next one."""

    def verb(session: Session, issue: Issue, *, actor: str, now: Any) -> None:
        approvals.skip(session, issue, by=actor, now=now, expected_revision=revision)

    decide(issue_id, verb, json_)


@click.command("refresh")
@of_issue
@seen
def refresh_(issue_id: int, json_: bool, revision: int | None) -> None:
    """Compose a digest again, up to now: texts, places and what was taken out stay as editors left them."""
    decide(issue_id, partial(refresh.refresh, expected_revision=revision), json_)


@click.command()
@of_issue
@click.argument("article_id", type=ROW_ID)
@seen
def drop(issue_id: int, article_id: int, json_: bool, revision: int | None) -> None:
    """Take an article out; it may come in the next issue."""
    decide(issue_id, partial(_of_article, editing.drop, article_id, expected_revision=revision), json_)


@click.command()
@of_issue
@click.argument("article_id", type=ROW_ID)
@click.option("--to", "place", required=True, type=click.IntRange(1), help="Place; 1 is the lead.")
@seen
def move(issue_id: int, article_id: int, place: int, json_: bool, revision: int | None) -> None:
    """Put an article at a place."""
    decide(issue_id, partial(_of_article, editing.move, article_id, to=place, expected_revision=revision), json_)


@click.command()
@of_issue
@click.argument("article_id", type=ROW_ID)
@click.option("--to", "place", default=None, type=click.IntRange(1), help="Place; the end of its section unless given.")
@seen
def add(issue_id: int, article_id: int, place: int | None, json_: bool, revision: int | None) -> None:
    """Put an article in by hand, until the issue leaves."""
    decide(issue_id, partial(_of_article, editing.add, article_id, place=place, expected_revision=revision), json_)


@click.command()
@of_issue
@click.option("--subject", default=None, help="Empty: made from the first article.")
@click.option("--introduction", type=click.File("r", encoding="utf-8"), help="A file, or - for standard input.")
@seen
def write(issue_id: int, subject: str | None, introduction: TextIO | None, json_: bool, revision: int | None) -> None:
    """Set the subject, the introduction, or both."""
    text = introduction.read(MAX_TEXT) if introduction is not None else None
    if subject is None and text is None:
        raise RefusedError(_("Give --subject, --introduction, or both."))

    def verb(session: Session, issue: Issue, **by: Any) -> None:
        editing.change_text(
            session,
            issue,
            subject=issue.subject if subject is None else subject,
            introduction=issue.introduction if text is None else text,
            expected_revision=revision,
            **by,
        )

    decide(issue_id, verb, json_)


@click.command()
@of_issue
@click.option("--at", "moment", required=True, help="Date and time, in the newsletter's time zone.")
def schedule(issue_id: int, moment: str, json_: bool) -> None:
    """Let an issue leave at a moment; until then it can be pulled back."""

    def verb(session: Session, issue: Issue, **by: Any) -> None:
        zone = ZoneInfo(newsletters.by_id(session, issue.newsletter_id).timezone)
        send_at = placing.read_moment(moment, zone)
        if send_at is None:
            raise RefusedError(_("Name the moment at which it is to leave."))
        dispatch.schedule(session, issue, send_at=send_at, **by)

    decide(issue_id, verb, json_)


@click.command("pull-back")
@of_issue
def pull_back(issue_id: int, json_: bool) -> None:
    """Make a draft again of an issue that has not left yet."""
    decide(issue_id, dispatch.pull_back, json_)


@click.command()
@of_issue
def send(issue_id: int, json_: bool) -> None:
    """Let an issue leave: at once, or after the newsletter's cooling-off time."""
    decide(issue_id, dispatch.send, json_)


@click.command()
@of_issue
@click.option(
    "--text",
    required=True,
    type=click.File("r", encoding="utf-8"),
    help="What to say: a file, or - for standard input.",
)
@click.option("--subject", default=None, help="“Correction:” and the subject of the issue unless given.")
@click.option("--article", "article_id", type=ROW_ID, default=None, help="Only to those who were sent this article.")
def correct(issue_id: int, text: TextIO, subject: str | None, article_id: int | None, json_: bool) -> None:
    """Write to those whom an issue has reached, and to nobody else."""
    words = text.read(MAX_TEXT)
    with open_here().database.unit() as session:
        made = correction.send_correction(
            session,
            queries.by_id(session, issue_id),
            text=words,
            subject=subject or "",
            article_id=article_id,
            actor=actor(),
            now=utc_now(),
        )
        session.flush()
        answer = listing.details(session, made.id)
    _tell(answer, json_)


@click.command()
@of_issue
@click.option("--only", default=None, help="Only readers of this segment.")
@click.option("--without", default=None, help="All but the readers of this segment.")
@click.option("--everybody", is_flag=True, help="Everybody it is for.")
@seen
def audience(
    issue_id: int, json_: bool, only: str | None, without: str | None, everybody: bool, revision: int | None
) -> None:
    """Choose who gets an issue: a segment, all but one, or everybody."""
    if everybody == (only is not None or without is not None):
        raise click.UsageError(_("Give --only, --without, or --everybody."))

    def verb(session: Session, issue: Issue, **by: Any) -> None:
        chosen = [
            segments.by_name(session, issue.newsletter_id, name).id if name is not None else None
            for name in (only, without)
        ]
        narrowing.narrow(session, issue, only=chosen[0], without=chosen[1], expected_revision=revision, **by)

    decide(issue_id, verb, json_)


COMMANDS = (approve, skip, refresh_, drop, move, add, write, schedule, pull_back, send, correct, audience)


def _of_article(verb: Callable[..., Any], article_id: int, session: Session, issue: Issue, **more: Any) -> None:
    verb(session, issue, article_id, **more)


def _tell(answer: dict[str, Any], json_: bool) -> None:
    lines = [_("Issue %(number)s: %(status)s", number=answer["number"], status=answer["status"])]
    show(answer, json_, lambda: [*lines, *([answer["standing"]] if answer["standing"] else [])])
