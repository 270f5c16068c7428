"""`newsletter newsletters`: publications."""

from dataclasses import asdict, replace
from typing import Any

import click

from newsletter.accounts import audit
from newsletter.cli import measuring
from newsletter.cli.shared import actor, as_json, open_here, show, table
from newsletter.core.clock import utc_now
from newsletter.core.i18n import gettext as _
from newsletter.newsletters import editing, queries
from newsletter.newsletters.editing import NewsletterValues, values_of
from newsletter.newsletters.models import Review, TooLate


@click.group()
def newsletters() -> None:
    """What people sign up to."""


@newsletters.command()
@click.argument("slug")
@click.option("--name", required=True, help="As readers see it.")
@click.option("--from", "from_address", required=True, help="Address it is sent from.")
@click.option("--language", type=click.Choice(["fr", "en"]), default="fr", show_default=True)
@click.option("--publisher", default="", help="Who publishes it; the name unless given.")
@click.option("--description", default="", help="One or two sentences above the form.")
@click.option(
    "--timezone", default="UTC", show_default=True, help="Of its schedule and dates, for example Africa/Lome."
)
@click.option("--schedule", default=None, help="When digests leave, as a cron expression: '30 18 * * 1-6'.")
@click.option("--reply-to", default=None, help="Where readers' answers go.")
@click.option("--postal-address", default="", help="Printed at the foot of each mail.")
@as_json
def create(slug: str, name: str, from_address: str, json_: bool, **more: str | None) -> None:
    """Add a newsletter. SLUG is its short name in links: lower-case letters, digits and hyphens."""
    here = open_here()
    values = NewsletterValues(slug=slug, name=name, from_address=from_address, **more)  # type: ignore[arg-type]
    with here.database.unit() as session:
        made = editing.create_newsletter(session, values, now=utc_now(), vault=here.vault)
        answer = asdict(values_of(session, made)) | {"form": here.links.form(made.slug)}
    show(
        answer,
        json_,
        lambda: [_("%(name)s is ready. Its form: %(url)s", name=answer["name"], url=answer["form"])],
    )


@newsletters.command()
@click.argument("slug")
@click.option("--name", default=None, help="As readers see it.")
@click.option("--from", "from_address", default=None, help="Address it is sent from.")
@click.option("--from-name", default=None, help="Name it is sent from.")
@click.option("--language", type=click.Choice(["fr", "en"]), default=None)
@click.option("--publisher", default=None, help="Who publishes it.")
@click.option("--description", default=None, help="One or two sentences above the form.")
@click.option("--timezone", default=None, help="Of its schedule and dates.")
@click.option("--reply-to", default=None, help="Where readers' answers go; empty: to the sender's address.")
@click.option("--postal-address", default=None, help="Printed at the foot of each mail.")
@click.option(
    "--review",
    type=click.Choice([item.value for item in Review]),
    default=None,
    help="What a digest of a schedule waits for.",
)
@click.option("--approver", "approvers", multiple=True, help="Address that proofs go to; may be given several times.")
@click.option("--no-approvers", is_flag=True, help="Nobody gets proofs.")
@click.option(
    "--too-late",
    type=click.Choice([item.value for item in TooLate]),
    default=None,
    help="When nobody approved it by its hour.",
)
@click.option("--cooling", "cooling_minutes", type=int, default=None, help="Minutes between sending and leaving.")
@click.option("--breaking-cap", type=int, default=None, help="Breaking news a reader gets in a day at most.")
@as_json
def change(slug: str, json_: bool, no_approvers: bool, **asked: Any) -> None:
    """Change what is given of a newsletter; the rest stays."""
    here = open_here()
    given = {name: value for name, value in asked.items() if value not in (None, ())}
    if no_approvers:
        given["approvers"] = ()
    if "review" in given:
        given["review"] = Review(given["review"])
    if "too_late" in given:
        given["too_late"] = TooLate(given["too_late"])
    with here.database.unit() as session:
        found = queries.by_slug(session, slug)
        before = values_of(session, found)
        values = replace(before, **given)
        editing.change_newsletter(session, found, values, now=utc_now(), vault=here.vault)
        session.flush()
        answer = asdict(values_of(session, found))
        audit.record(
            session,
            actor=actor(),
            action="newsletter.changed",
            subject="newsletter",
            subject_id=found.id,
            now=utc_now(),
            changed=audit.changes(asdict(before), answer),
        )
    show(answer, json_, lambda: [f"{name}: {_plain(value)}" for name, value in answer.items()])


def _plain(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)


@newsletters.command("list")
@as_json
def list_(json_: bool) -> None:
    """All newsletters."""
    here = open_here()
    with here.database.reading() as session:
        answer = [
            asdict(values_of(session, item)) | {"form": here.links.form(item.slug)}
            for item in queries.all_newsletters(session)
        ]
    show(answer, json_, lambda: table([[str(item["slug"]), str(item["name"]), str(item["form"])] for item in answer]))


newsletters.add_command(measuring.measure)
