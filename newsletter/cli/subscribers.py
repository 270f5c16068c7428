"""`newsletter subscribers`: readers in bulk, and one reader looked up."""

import csv
import sys
from dataclasses import asdict
from pathlib import Path

import click
from rich.progress import Progress

from newsletter.cli.prefer import described, lines, prefer
from newsletter.cli.sent import sent
from newsletter.cli.shared import actor, as_json, open_here, show
from newsletter.core.addresses import parse_address
from newsletter.core.clock import utc_now
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.newsletters import queries as newsletters
from newsletter.subscriptions import consent, counts, queries
from newsletter.subscriptions.models import SubscriptionStatus
from newsletter.transfer import exports, imports


@click.group()
def subscribers() -> None:
    """Import, export, look one up."""


subscribers.add_command(prefer)
subscribers.add_command(sent)


@subscribers.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--newsletter", "slug", required=True)
@click.option(
    "--status",
    type=click.Choice(["active", "pending"]),
    required=True,
    help="active: they agreed before, as you can prove; pending: each gets a confirmation mail.",
)
@click.option("--proof", default="", help="Where and when they agreed; kept with each consent.")
@as_json
def import_(file: Path, slug: str, status: str, proof: str, json_: bool) -> None:
    """Import readers from a CSV file with a header row; `email` is needed, `name` and `language` are known, the rest
    are attributes.

    A bad row is reported and leaves the others alone. The same file twice changes nothing.
    """
    here = open_here()
    report = imports.Report()
    try:
        with file.open("rb") as stream, Progress(disable=json_ or not sys.stderr.isatty()) as bar:
            task = bar.add_task(_("Importing"), total=file.stat().st_size)
            for rows in imports.read_rows(stream, report):
                with here.database.unit() as session:
                    newsletter = newsletters.by_slug(session, slug)
                    imports.import_rows(
                        session,
                        here.signer,
                        newsletter,
                        rows,
                        report,
                        status=SubscriptionStatus(status),
                        proof=proof or _("import of %(file)s", file=file.name),
                        actor=actor(),
                        now=utc_now(),
                    )
                bar.update(task, completed=stream.tell() if stream.seekable() else 0)
    except OSError as error:
        raise RefusedError(
            _("%(file)s cannot be read: %(reason)s.", file=file, reason=error.strerror or error)
        ) from None
    show(
        asdict(report),
        json_,
        lambda: [
            _(
                "%(added)s added, %(known)s subscribed already, %(blocked)s blocked or gone, %(bad)s not understood.",
                added=report.added,
                known=report.known,
                blocked=report.blocked,
                bad=report.bad,
            ),
            *(_("line %(line)s: %(reason)s", line=item["line"], reason=item["reason"]) for item in report.errors),
        ],
    )


@subscribers.command()
@click.option("--newsletter", "slug", required=True)
@click.option("--status", type=click.Choice([item.value for item in SubscriptionStatus]), default=None)
def export(slug: str, status: str | None) -> None:
    """Write the readers of a newsletter as CSV to standard output."""
    here = open_here()
    writer = csv.writer(sys.stdout, lineterminator="\n")
    with here.database.reading() as session:
        newsletter = newsletters.by_slug(session, slug)
        for row in exports.rows(session, newsletter.id, status=SubscriptionStatus(status) if status else None):
            writer.writerow(row)


@subscribers.command()
@as_json
def recount(json_: bool) -> None:
    """Compare the counters of subscriptions with the subscriptions, and put right what differs.

    Sign-ups wait while it counts: some seconds with a million readers.
    """
    here = open_here()
    with here.database.unit() as session:
        slugs = {item.id: item.slug for item in newsletters.all_newsletters(session)}
        drifts = counts.repair(session, today=utc_now().date())
    found = [
        {
            "newsletter": slugs.get(drift.newsletter_id, ""),
            "status": drift.status or "days",
            "counted": drift.counted,
            "actual": drift.actual,
        }
        for drift in drifts
    ]
    show(
        {"repaired": found},
        json_,
        lambda: (
            [_("%(newsletter)s, %(status)s: %(counted)s, and now %(actual)s.", **item) for item in found]
            or [_("The counters are right.")]
        ),
    )


@subscribers.command("show")
@click.argument("email")
@as_json
def show_(email: str, json_: bool) -> None:
    """Everything known about one address."""
    here = open_here()
    with here.database.reading() as session:
        rows = queries.of_address(session, parse_address(email).key)
        if not rows:
            raise NotFoundError(_("Nobody has subscribed with %(email)s.", email=email))
        slugs = {item.id: item.slug for item in newsletters.all_newsletters(session)}
        history = consent.history(session, rows[0].subscriber_id)
        decided = {row.id: described(session, row.id) for row in rows}
    answer = {
        "email": rows[0].email,
        "name": rows[0].name,
        "language": rows[0].language,
        "subscriptions": [
            {
                "id": row.id,
                "newsletter": slugs[row.newsletter_id],
                "status": row.status,
                "ended_reason": row.ended_reason,
                "created_at": row.created_at,
                "confirmed_at": row.confirmed_at,
                "ended_at": row.ended_at,
                **decided[row.id],
            }
            for row in rows
        ],
        "consent": [
            {"at": event.at, "newsletter": slugs[event.newsletter_id], "kind": event.kind, "wording": event.wording}
            for event in history
        ],
    }
    show(
        answer,
        json_,
        lambda: [
            rows[0].email,
            *(
                line
                for row in rows
                for line in (
                    f"  {slugs[row.newsletter_id]}: {row.status}"
                    + (f" ({row.ended_reason})" if row.ended_reason else ""),
                    *(f"    {words}" for words in lines(decided[row.id])),
                )
            ),
        ],
    )
