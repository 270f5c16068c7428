"""`newsletter digest breaking`: what cannot wait for the next digest."""

import click

from newsletter.cli import listing
from newsletter.cli.shared import ROW_ID, actor, as_json, open_here, show
from newsletter.core.clock import utc_now
from newsletter.core.i18n import gettext as _
from newsletter.issues import breaking as breaking_news
from newsletter.newsletters import queries as newsletters


@click.command()
@click.argument("slug")
@click.option("--article", "articles", required=True, multiple=True, type=ROW_ID, help="May be given several times.")
@click.option("--subject", default="", help="The title of the first article unless given.")
@as_json
def breaking(slug: str, articles: tuple[int, ...], subject: str, json_: bool) -> None:
    """Send articles as breaking news: at once, to everybody who wants such, whatever their cadence."""
    with open_here().database.unit() as session:
        made = breaking_news.send_breaking(
            session, newsletters.by_slug(session, slug), articles, subject=subject, actor=actor(), now=utc_now()
        )
        session.flush()
        answer = listing.details(session, made.id)
    show(
        answer,
        json_,
        lambda: [
            answer["standing"]
            or _(
                "Issue %(number)s is on its way. Follow it: newsletter issues show %(id)s",
                number=answer["number"],
                id=answer["id"],
            )
        ],
    )
