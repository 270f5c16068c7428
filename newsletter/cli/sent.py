"""`newsletter subscribers sent` and `newsletter articles readers`: who was sent what."""

from dataclasses import asdict

import click

from newsletter.cli.shared import ROW_ID, as_json, open_here, show, table
from newsletter.core.addresses import parse_address
from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import gettext as _
from newsletter.issues import sent_to
from newsletter.newsletters import queries as newsletters
from newsletter.subscriptions import queries

MOST = click.IntRange(1, 1000)


@click.command()
@click.argument("email")
@click.option("--before", type=ROW_ID, default=None, help="Go on below this issue's id.")
@click.option("--limit", type=MOST, default=50, show_default=True)
@as_json
def sent(email: str, before: int | None, limit: int, json_: bool) -> None:
    """What a reader was sent, the newest first, with the articles."""
    here = open_here()
    with here.database.reading() as session:
        rows = queries.of_address(session, parse_address(email).key)
        if not rows:
            raise NotFoundError(_("Nobody has subscribed with %(email)s.", email=email))
        slugs = {item.id: item.slug for item in newsletters.all_newsletters(session)}
        found = sent_to.sent_to(session, rows[0].subscriber_id, before=before, limit=limit)
    answer = [asdict(item) | {"newsletter": slugs[item.newsletter_id]} for item in found]
    show(
        answer,
        json_,
        lambda: [
            line
            for item in found
            for line in (
                f"{slugs[item.newsletter_id]} {item.number}  {item.at:%Y-%m-%d %H:%M} UTC  {item.status}",
                *(f"  {article.id}  {article.title}" for article in item.articles),
            )
        ],
    )


@click.command()
@click.argument("article_id", type=ROW_ID)
@click.option("--after", type=ROW_ID, default=None, help="Go on after this delivery.")
@click.option("--limit", type=MOST, default=50, show_default=True)
@as_json
def readers(article_id: int, after: int | None, limit: int, json_: bool) -> None:
    """Whom an article was sent to."""
    here = open_here()
    with here.database.reading() as session:
        found = sent_to.readers_of(session, article_id, after=after, limit=limit)
    show(
        [asdict(item) for item in found],
        json_,
        lambda: table(
            [[item.email, str(item.issue_id), item.status, f"{item.at:%Y-%m-%d %H:%M} UTC"] for item in found]
        ),
    )
