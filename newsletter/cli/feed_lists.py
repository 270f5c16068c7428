"""Taking feeds by command, one or a list of them."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.cli.shared import actor, as_json, open_here, show
from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.core.installation import Installation
from newsletter.feeds import adding, discover, opml, queries
from newsletter.feeds.adding import Added
from newsletter.feeds.apart import Apart
from newsletter.feeds.models import Feed
from newsletter.feeds.opml import Outline
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import topics
from newsletter.newsletters.models import Topic

MAX_FILE = 5_000_000


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--newsletter", "slug", required=True, help="Short name of the newsletter that takes what comes.")
@as_json
def import_(file: Path, slug: str, json_: bool) -> None:
    """Take the feeds of a list (OPML). A folder that is called like a topic is the topic."""
    here = open_here()
    if file.stat().st_size > MAX_FILE:
        raise RefusedError(_("%(file)s is too large: 5 MB at most.", file=file))
    outlines = opml.read_opml(file.read_bytes())
    with here.database.reading() as session:
        named = queries.topics_by_name(session, newsletters.by_slug(session, slug).id)
    rows: list[dict[str, Any]] = []
    for outline in track(outlines, console=Console(stderr=True), transient=True, description=file.name):
        rows.append(_import_one(here, outline, slug, named))
    failed = [row for row in rows if row["error"]]
    show(
        {"feeds": rows, "failed": len(failed)},
        json_,
        lambda: [
            *(f"{row['url']}: {row['error']}" for row in failed),
            ngettext("%(num)s feed was taken.", "%(num)s feeds were taken.", len(rows) - len(failed)),
            ngettext("%(num)s feed could not be.", "%(num)s feeds could not be.", len(failed)),
        ],
    )


@click.command()
@click.option("--newsletter", "slug", help="Those of one newsletter.")
@as_json
def export(slug: str | None, json_: bool) -> None:
    """Print the feeds as a list that other programs read (OPML)."""
    here = open_here()
    with here.database.reading() as session:
        newsletter = newsletters.by_slug(session, slug) if slug else None
        found = queries.listed(session, newsletter_id=newsletter.id if newsletter else None, limit=100_000)
    outlines = queries.outlines(found, newsletter)
    answer = [{"url": item.url, "title": item.title, "folder": item.folder} for item in outlines]
    text = opml.write_opml(outlines, title=newsletter.name if newsletter else "Newsletter", now=utc_now()).decode()
    show(answer, json_, lambda: [text.rstrip()])


def take(here: Installation, url: str, slug: str, topic_slug: str | None) -> Added:
    """Find a feed and have a newsletter take it."""
    with here.database.reading() as session:
        newsletter = newsletters.by_slug(session, slug)
        topic = topics.by_slug(session, newsletter, topic_slug) if topic_slug else None
    with Apart() as parse:
        found = discover.find_feed(url, discover.fetcher(here.settings.fetch_allow), utc_now(), parse=parse)
    with here.database.unit() as session:
        topic_id = topic.id if topic else None
        added = adding.add(session, found, newsletter_id=newsletter.id, topic_id=topic_id, now=utc_now())
        noted(session, "feed.added", added.feed, newsletter=slug)
    return added


def _import_one(here: Installation, outline: Outline, slug: str, named: dict[str, Topic]) -> dict[str, Any]:
    row: dict[str, Any] = {"url": outline.url, "id": None, "title": outline.title, "articles": 0, "error": None}
    topic = named.get(queries.folded(outline.folder))
    try:
        added = take(here, outline.url, slug, topic.slug if topic else None)
    except RefusedError as error:
        return row | {"error": str(error)}
    return row | {"id": added.feed.id, "title": added.feed.title, "articles": len(added.taken.added)}


def noted(session: Session, action: str, feed: Feed, **details: Any) -> None:
    """Put on record who did what to a feed."""
    audit.record(
        session,
        actor=actor(),
        action=action,
        subject="feed",
        subject_id=feed.id,
        now=utc_now(),
        url=feed.url,
        **details,
    )


COMMANDS = (import_, export)
