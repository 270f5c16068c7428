"""`newsletter issues slow` and `resend`: how fast an issue leaves, and that it leaves again for those it missed."""

from functools import partial

import click

from newsletter.cli import deciding
from newsletter.cli.deciding import of_issue
from newsletter.cli.shared import actor, open_here, show
from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.issues import queries, resending, slowing
from newsletter.issues.resending import Missed


@click.command()
@of_issue
@click.option("--per-second", type=float, default=None, help="Messages a second, all workers together.")
@click.option("--per-minute", type=float, default=None, help="Messages a minute.")
@click.option("--off", is_flag=True, help="As fast as possible again.")
def slow(issue_id: int, json_: bool, per_second: float | None, per_minute: float | None, off: bool) -> None:
    """Slow an issue down that is being sent; workers hear of it within a second."""
    if sum((per_second is not None, per_minute is not None, off)) != 1:
        raise click.UsageError(_("Name one of --per-second, --per-minute and --off."))
    limit = per_minute / slowing.MINUTE if per_minute is not None else per_second
    deciding.decide(issue_id, partial(slowing.slow, per_second=None if off else limit), json_)


@click.command()
@of_issue
@click.option("--dry-run", is_flag=True, help="Only say who would get it.")
def resend(issue_id: int, json_: bool, dry_run: bool) -> None:
    """Send an issue once more to those who were missed: what failed or is unknown, but for readers who have left, are
    blocked, or whose address does not exist.
    """
    here = open_here()
    if dry_run:
        with here.database.reading() as session:
            issue = queries.by_id(session, issue_id)
            resending.check(issue, now=utc_now())
            found = resending.missed(session, issue, now=utc_now())
    else:
        with here.database.unit() as session:
            found = resending.resend(session, queries.by_id(session, issue_id), actor=actor(), now=utc_now())
    answer = {
        "failed": found.failed,
        "too_late": found.late,
        "unknown": found.unknown,
        "left_out": {why.value: count for why, count in found.left_out.items()},
        "sent_again": not dry_run,
    }
    show(answer, json_, lambda: _lines(found, dry_run=dry_run))
    if dry_run and not found.again:
        raise RefusedError(_("There is nobody to send it to again."))


def _lines(found: Missed, *, dry_run: bool) -> list[str]:
    head = _("Would be sent again: %(count)s") if dry_run else _("Sent again: %(count)s")
    return [
        head % {"count": found.again},
        *(f"  {name}: {count}" for name, count in (("failed", found.failed), ("unknown", found.unknown)) if count),
        *(f"  {why.value}: {count}" for why, count in found.left_out.items() if count),
    ]


COMMANDS = (slow, resend)
