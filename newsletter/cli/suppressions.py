"""`newsletter suppressions`: addresses that nothing is sent to."""

import click

from newsletter.cli.shared import ROW_ID, actor, as_json, open_here, show, table
from newsletter.core.addresses import parse_address
from newsletter.core.clock import utc_now
from newsletter.core.i18n import gettext as _
from newsletter.subscriptions import staff
from newsletter.suppression import ledger


@click.group()
def suppressions() -> None:
    """The do-not-mail list: why, since when, by whom, and how to take an address off."""


@suppressions.command("list")
@click.option("--before", type=ROW_ID, default=None, help="The number of the last one of the page before.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@as_json
def list_(before: int | None, limit: int, json_: bool) -> None:
    """Addresses on the list, the newest first."""
    with open_here().database.reading() as session:
        found = ledger.page(session, before=before, limit=limit)
    answer = [
        {
            "id": item.id,
            "email": item.email_key,
            "reason": item.reason,
            "source": item.source,
            "note": item.note,
            "since": item.created_at,
        }
        for item in found
    ]
    rows = [[str(item.id), item.email_key, item.reason, item.source, item.note[:80]] for item in found]
    show(answer, json_, lambda: table(rows) or [_("The list is empty.")])


@suppressions.command()
@click.argument("email")
@click.option("--why", required=True, help="Kept beside it.")
@as_json
def add(email: str, why: str, json_: bool) -> None:
    """Never write to EMAIL."""
    with open_here().database.unit() as session:
        staff.block(session, parse_address(email).key, why=why, actor=actor(), now=utc_now())
    show(
        {"email": email, "suppressed": True}, json_, lambda: [_("Nothing is sent to %(email)s any more.", email=email)]
    )


@suppressions.command()
@click.argument("email")
@click.option("--why", required=True, help="Kept beside it.")
@as_json
def lift(email: str, why: str, json_: bool) -> None:
    """Write to EMAIL again."""
    with open_here().database.unit() as session:
        staff.unblock(session, parse_address(email).key, why=why, actor=actor(), now=utc_now())
    show({"email": email, "suppressed": False}, json_, lambda: [_("Issues are sent to %(email)s again.", email=email)])
