"""`newsletter articles`: what digests are made of."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from newsletter.articles import editing, extract, queries, stories
from newsletter.articles.extract import ArticleDraft, Given
from newsletter.cli import placing
from newsletter.cli.sent import readers
from newsletter.cli.shared import ROW_ID, actor, as_json, open_here, show, table
from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.fetching import fetch
from newsletter.core.i18n import gettext as _
from newsletter.core.installation import Installation
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.editing import ensure_topic

MAX_FILE = 5_000_000


@click.group()
def articles() -> None:
    """Take articles in, list them, and say where they belong."""


for command in placing.COMMANDS:
    articles.add_command(command)
articles.add_command(readers)


@articles.command()
@click.argument("source")
@click.option("--newsletter", "slug", required=True, help="Short name of the newsletter it is offered to.")
@click.option("--title", help="Else the one found in the text.")
@click.option("--summary", help="Else the beginning of the text.")
@click.option("--author")
@click.option("--source-name", help="Who published it first.")
@click.option("--url", help="Where the full article stands.")
@click.option("--language", type=click.Choice(["fr", "en"]), help="Else told from the text.")
@click.option("--topic")
@click.option("--image", help="Address of a picture.")
@click.option("--image-alt", help="What the picture shows, for those who do not see it.")
@click.option("--published", type=click.DateTime(), help="In UTC; else the date found in the text.")
@click.option("--translation-of", type=ROW_ID, help="Number of the article that this one translates.")
@as_json
def add(
    source: str,
    slug: str,
    url: str | None,
    image: str | None,
    published: datetime | None,
    translation_of: int | None,
    json_: bool,
    **found: str | None,
) -> None:
    """Take an article in. SOURCE is a text, Markdown or HTML file, a web address, or - for standard input."""
    here = open_here()
    given: Given = {
        "title": found["title"],
        "summary": found["summary"],
        "author": found["author"],
        "source_name": found["source_name"],
        "language": found["language"],
        "topic": found["topic"],
        "image_url": image,
        "image_alt": found["image_alt"],
        "published_at": published.replace(tzinfo=UTC) if published else None,
    }
    with here.database.reading() as session:
        zone = ZoneInfo(newsletters.by_slug(session, slug).timezone)
    draft = _read(here, source, url, zone, given)
    with here.database.unit() as session:
        newsletter = newsletters.by_slug(session, slug)
        stories.take_turn(session)
        topic = ensure_topic(session, newsletter.id, draft.topic) if draft.topic else None
        if translation_of is not None:
            queries.placed(session, translation_of, newsletter.id)
        article, created = editing.add_article(
            session,
            draft,
            newsletter_id=newsletter.id,
            topic_id=topic.id if topic else None,
            translation_of=translation_of,
            actor=actor(),
            now=utc_now(),
        )
    answer = {
        "id": article.id,
        "created": created,
        "title": article.title,
        "summary": article.summary,
        "author": article.author,
        "source": article.source_name,
        "language": article.language,
        "topic": topic.name if topic else None,
        "url": article.url,
        "image": article.image_url,
        "published_at": article.published_at,
        "text": article.body_text,
    }
    show(
        answer,
        json_,
        lambda: [
            _("Article %(id)s: %(title)s", id=article.id, title=article.title)
            if created
            else _("Article %(id)s was there already: %(title)s", id=article.id, title=article.title)
        ],
    )


@articles.command("list")
@click.option("--newsletter", "slug", required=True)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@as_json
def list_(slug: str, limit: int, json_: bool) -> None:
    """Articles of a newsletter, the newest first."""
    here = open_here()
    with here.database.reading() as session:
        newsletter = newsletters.by_slug(session, slug)
        rows = queries.page(session, newsletter.id, limit=limit)
    answer = [
        {
            "id": row.article.id,
            "title": row.article.title,
            "language": row.article.language,
            "url": row.article.url,
            "published_at": row.article.published_at,
            "placed_at": row.placed_at,
            "withdrawn": row.withdrawn_at is not None,
        }
        for row in rows
    ]
    show(answer, json_, lambda: table([[str(row["id"]), str(row["language"]), str(row["title"])] for row in answer]))


def _read(here: Installation, source: str, url: str | None, zone: ZoneInfo, given: Given) -> ArticleDraft:
    """The draft from wherever SOURCE points."""
    if source.startswith(("http://", "https://")):
        return extract.from_url(fetch(source, allow=here.settings.fetch_allow), zone=zone, **given)
    if source == "-":
        return extract.from_file(sys.stdin.buffer.read(MAX_FILE + 1), "-", url=url, zone=zone, **given)
    path = Path(source)
    try:
        if path.stat().st_size > MAX_FILE:
            raise RefusedError(_("%(file)s is too large: 5 MB at most.", file=source))
        return extract.from_file(path.read_bytes(), path.name, url=url, zone=zone, **given)
    except OSError as error:
        raise RefusedError(
            _("%(file)s cannot be read: %(reason)s.", file=source, reason=error.strerror or error)
        ) from None
