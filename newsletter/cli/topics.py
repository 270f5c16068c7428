"""`newsletter topics`: what articles of a newsletter are filed under, and readers choose from."""

import click

from newsletter.accounts import audit
from newsletter.cli.shared import actor, as_json, open_here, show, table
from newsletter.core.clock import utc_now
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.newsletters import queries
from newsletter.newsletters import topics as naming
from newsletter.newsletters.models import Topic
from newsletter.subscriptions import topics as leaving


@click.group()
def topics() -> None:
    """What articles are filed under, and readers choose from."""


@topics.command()
@click.argument("slug")
@click.argument("name")
@click.option("--newsletter", "newsletter_slug", required=True)
@as_json
def add(slug: str, name: str, newsletter_slug: str, json_: bool) -> None:
    """Add a topic. SLUG is its short name; NAME is what readers see."""
    here = open_here()
    with here.database.unit() as session:
        made = naming.add(session, queries.by_slug(session, newsletter_slug), name, slug=slug)
        answer = _plain(made)
    show(answer, json_, lambda: [_("Readers can choose “%(name)s” now.", name=answer["name"])])


@topics.command()
@click.argument("slug")
@click.argument("name")
@click.option("--newsletter", "newsletter_slug", required=True)
@as_json
def rename(slug: str, name: str, newsletter_slug: str, json_: bool) -> None:
    """Give a topic another name; its short name stays."""
    here = open_here()
    with here.database.unit() as session:
        found = naming.by_slug(session, queries.by_slug(session, newsletter_slug), slug)
        naming.rename(session, found, name)
        answer = _plain(found)
    show(answer, json_, lambda: [_("It is called “%(name)s” now.", name=answer["name"])])


@topics.command()
@click.argument("slug")
@click.option("--newsletter", "newsletter_slug", required=True)
@as_json
def remove(slug: str, newsletter_slug: str, json_: bool) -> None:
    """Take a topic away. Its articles stay; who had chosen nothing else gets everything."""
    here = open_here()
    with here.database.unit() as session:
        found = naming.by_slug(session, queries.by_slug(session, newsletter_slug), slug)
        freed = leaving.remove(session, found)
        audit.record(
            session,
            actor=actor(),
            action="topic.removed",
            subject="topic",
            subject_id=found.id,
            now=utc_now(),
            slug=slug,
            readers=freed,
        )
    show(
        {"slug": slug, "readers_with_everything_now": freed},
        json_,
        lambda: [
            ngettext(
                "The topic is gone. %(num)s reader had chosen nothing else and gets everything now.",
                "The topic is gone. %(num)s readers had chosen nothing else and get everything now.",
                freed,
            )
        ],
    )


@topics.command("list")
@click.option("--newsletter", "newsletter_slug", required=True)
@as_json
def list_(newsletter_slug: str, json_: bool) -> None:
    """The topics of a newsletter."""
    here = open_here()
    with here.database.reading() as session:
        answer = [_plain(item) for item in queries.topics(session, queries.by_slug(session, newsletter_slug).id)]
    show(answer, json_, lambda: table([[item["slug"], item["name"]] for item in answer]))


def _plain(topic: Topic) -> dict[str, str]:
    return {"slug": topic.slug, "name": topic.name}
