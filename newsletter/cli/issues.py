"""`newsletter issues`: editions and how their sending goes."""

from typing import Any

import click

from newsletter.cli import checking, deciding, listing, measuring, pacing
from newsletter.cli.shared import ROW_ID, as_json, open_here, show, table
from newsletter.core.i18n import gettext as _
from newsletter.issues import dispatch, queries, reasons
from newsletter.issues.models import IssueStatus
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
        slugs = {item.id: item for item in newsletters.all_newsletters(session)}
        answer = [listing.summary(session, issue, slugs) for issue in queries.page(session, newsletter_id, limit=limit)]
    show(
        answer,
        json_,
        lambda: table(
            [
                [str(row["id"]), row["newsletter"], str(row["number"]), row["kind"], _state(row), row["subject"]]
                for row in answer
            ]
        ),
    )


@issues.command("show")
@click.argument("issue_id", type=ROW_ID)
@as_json
def show_(issue_id: int, json_: bool) -> None:
    """Where one issue stands: its audience, how many deliveries are in each state, and why it has stopped if it has."""
    here = open_here()
    with here.database.reading() as session:
        answer = listing.details(session, issue_id)
    show(
        answer,
        json_,
        lambda: [
            f"{answer['newsletter']} {answer['number']}: {answer['subject'] or '…'} ({answer['status']})",
            *([answer["standing"]] if answer["standing"] else []),
            *_why(answer),
            *_review(answer),
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
    deciding.decide(issue_id, dispatch.pause, json_)


@issues.command()
@click.argument("issue_id", type=ROW_ID)
@as_json
def resume(issue_id: int, json_: bool) -> None:
    """Go on with a paused issue. If it had stopped by itself, only twice as much stops it again for that reason."""
    deciding.decide(issue_id, dispatch.resume, json_)


@issues.command()
@click.argument("issue_id", type=ROW_ID)
@as_json
def cancel(issue_id: int, json_: bool) -> None:
    """Give an issue up: who has not got it will not get it."""
    deciding.decide(issue_id, dispatch.cancel, json_)


issues.add_command(checking.check)
issues.add_command(measuring.clicks)
for command in (*deciding.COMMANDS, *pacing.COMMANDS):
    issues.add_command(command)


def _state(row: dict[str, Any]) -> str:
    return f"{row['status']} ({row['pause_reason']['code']})" if row["pause_reason"] else row["status"]


def _why(answer: dict[str, Any]) -> list[str]:
    reason = answer["pause_reason"]
    if reason is None or answer["status"] != IssueStatus.PAUSED:
        return []
    return [_("It has stopped by itself."), f"  {reasons.in_words(reason)}", f"  {reasons.advice(reason)}"]


def _review(answer: dict[str, Any]) -> list[str]:
    lines = [_("Kind: %(kind)s", kind=answer["kind"]), _("Revision: %(revision)s", revision=answer["revision"])]
    if answer["approvals"]:
        lines.append(_("Approved by: %(who)s", who=", ".join(answer["approvals"])))
    if answer["send_at"] is not None:
        lines.append(_("Hour: %(hour)s", hour=f"{answer['send_at']:%Y-%m-%d %H:%M} UTC"))
    if answer["nothing_new"] is not None:
        lines.append(_("Readers for whom nothing was new: %(count)s", count=answer["nothing_new"]))
    return lines


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
