"""`newsletter newsletters`: publications."""

from dataclasses import asdict

import click

from newsletter.cli.shared import as_json, open_here, show, table
from newsletter.core.clock import utc_now
from newsletter.core.i18n import gettext as _
from newsletter.newsletters import editing, queries
from newsletter.newsletters.editing import NewsletterValues, values_of


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
