"""`newsletter issues`: editions and how their sending goes."""

from typing import Any

import click
from sqlalchemy.orm import Session

from newsletter.cli.shared import ROW_ID, actor, as_json, open_here, show, table
from newsletter.core.clock import utc_now
from newsletter.core.i18n import gettext as _
from newsletter.delivery import bounces
from newsletter.issues import dispatch, queries, reasons
from newsletter.issues.models import Issue
from newsletter.newsletters import queries as newsletters


@click.group()
def issues() -> None:
    """What was sent, is being sent, or waits."""


@issues.command("list")
@click.option("--newsletter", "slug", default=None, help="Only of this newsletter.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@as_json
def list_(slug: str | None, limit: int, json_: bool) -> None:
    """Issues, the newest first."""
    here = open_here()
    with here.database.reading() as session:
        newsletter_id = newsletters.by_slug(session, slug).id if slug else None
        slugs = {item.id: item.slug for item in newsletters.all_newsletters(session)}
        answer = [_summary(issue, slugs) for issue in queries.page(session, newsletter_id, limit=limit)]
    show(
        answer,
        json_,
        lambda: table(
            [[str(row["id"]), row["newsletter"], str(row["number"]), _state(row), row["subject"]] for row in answer]
        ),
    )


@issues.command("show")
@click.argument("issue_id", type=ROW_ID)
@as_json
def show_(issue_id: int, json_: bool) -> None:
    """Where one issue stands: its audience, how many deliveries are in each state, and why it has stopped if it has."""
    here = open_here()
    with here.database.reading() as session:
        answer = _details(session, issue_id)
    show(
        answer,
        json_,
        lambda: [
            f"{answer['newsletter']} {answer['number']}: {answer['subject'] or '…'} ({answer['status']})",
            *_why(answer["pause_reason"]),
            _("Audience: %(count)s", count="…" if answer["audience"] is None else answer["audience"]),
            *(f"  {name}: {count}" for name, count in answer["deliveries"].items()),
            *_on_the_way(answer),
        ],
    )


@issues.command()
@click.argument("issue_id", type=ROW_ID)
@as_json
def pause(issue_id: int, json_: bool) -> None:
    """Stop after the messages in hand; nothing is lost."""
    _change(issue_id, dispatch.pause, json_)


@issues.command()
@click.argument("issue_id", type=ROW_ID)
@as_json
def resume(issue_id: int, json_: bool) -> None:
    """Go on with a paused issue. If it had stopped by itself, only twice as much stops it again for that reason."""
    _change(issue_id, dispatch.resume, json_)


@issues.command()
@click.argument("issue_id", type=ROW_ID)
@as_json
def cancel(issue_id: int, json_: bool) -> None:
    """Give an issue up: who has not got it will not get it."""
    _change(issue_id, dispatch.cancel, json_)


def _change(issue_id: int, change: Any, json_: bool) -> None:
    here = open_here()
    with here.database.unit() as session:
        change(session, queries.by_id(session, issue_id), actor=actor(), now=utc_now())
        session.flush()
        answer = _details(session, issue_id)
    show(answer, json_, lambda: [_("Issue %(number)s: %(status)s", number=answer["number"], status=answer["status"])])


def _details(session: Session, issue_id: int) -> dict[str, Any]:
    issue = queries.by_id(session, issue_id)
    progress = queries.progress(session, issue_id)
    slugs = {item.id: item.slug for item in newsletters.all_newsletters(session)}
    return _summary(issue, slugs) | {
        "frozen_at": progress.frozen_at,
        "finished_at": progress.finished_at,
        "wave": progress.wave,
        "waves": progress.waves,
        "brake_released": issue.brake_released,
        "held_bounces": sum(item.count for item in bounces.held(session, issue_id)),
        "deliveries": {status.value: count for status, count in progress.counts.items()},
    }


def _summary(issue: Issue, slugs: dict[int, str]) -> dict[str, Any]:
    return {
        "id": issue.id,
        "newsletter": slugs[issue.newsletter_id],
        "number": issue.number,
        "status": issue.status.value,
        "pause_reason": issue.pause_reason,
        "subject": issue.subject,
        "audience": issue.audience,
        "created_at": issue.created_at,
    }


def _state(row: dict[str, Any]) -> str:
    return f"{row['status']} ({row['pause_reason']['code']})" if row["pause_reason"] else row["status"]


def _why(reason: dict[str, Any] | None) -> list[str]:
    if reason is None:
        return []
    return [_("It has stopped by itself."), f"  {reasons.in_words(reason)}", f"  {reasons.advice(reason)}"]


def _on_the_way(answer: dict[str, Any]) -> list[str]:
    lines = []
    if answer["waves"] > 1 and answer["finished_at"] is None:
        lines.append(_("Wave %(wave)s of %(waves)s", wave=answer["wave"], waves=answer["waves"]))
    if answer["held_bounces"]:
        lines.append(
            _(
                "Bounces that are held: %(count)s. See `newsletter bounces held list`.",
                count=answer["held_bounces"],
            )
        )
    return lines
