"""`newsletter feeds`: sources that are read by themselves."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click
from sqlalchemy.orm import Session

from newsletter.cli import feed_lists
from newsletter.cli.feed_lists import noted, take
from newsletter.cli.shared import ROW_ID, as_json, open_here, show, table
from newsletter.core.clock import utc_now
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.feeds import adding, discover, polling, queries
from newsletter.feeds.apart import Apart
from newsletter.feeds.health import health
from newsletter.feeds.models import Feed
from newsletter.feeds.polling import Polled
from newsletter.feeds.queries import Listed
from newsletter.newsletters import queries as newsletters


@click.group()
def feeds() -> None:
    """Have sites read: what they publish becomes articles."""


for command in feed_lists.COMMANDS:
    feeds.add_command(command)


@feeds.command()
@click.argument("url")
@click.option("--newsletter", "slug", required=True, help="Short name of the newsletter that takes what comes.")
@click.option("--topic", "topic_slug", help="What all of it is filed under; else what each entry says.")
@as_json
def add(url: str, slug: str, topic_slug: str | None, json_: bool) -> None:
    """Take a feed. URL is its address, or any page of the site."""
    added = take(open_here(), url, slug, topic_slug)
    answer = {
        "id": added.feed.id,
        "title": added.feed.title,
        "url": added.feed.url,
        "joined": added.joined,
        "articles": added.taken.added,
        "refused": added.taken.refused,
    }
    show(
        answer,
        json_,
        lambda: [
            _("Feed %(id)s: %(title)s, %(url)s", id=answer["id"], title=answer["title"], url=answer["url"]),
            ngettext("%(num)s article came in.", "%(num)s articles came in.", len(added.taken.added))
            if added.joined
            else _("This newsletter takes it already."),
        ],
    )


@feeds.command("list")
@click.option("--newsletter", "slug", help="Those of one newsletter.")
@as_json
def list_(slug: str | None, json_: bool) -> None:
    """Feeds and how they are doing."""
    here, now = open_here(), utc_now()
    with here.database.reading() as session:
        newsletter_id = newsletters.by_slug(session, slug).id if slug else None
        answer = [_plain(row, now) for row in queries.listed(session, newsletter_id=newsletter_id, limit=100_000)]
    show(
        answer,
        json_,
        lambda: table(
            [[str(row["id"]), row["state"], row["title"], row["url"], row["error"] or row["words"]] for row in answer]
        ),
    )


@feeds.command("show")
@click.argument("feed_id", metavar="ID", type=ROW_ID)
@as_json
def show_(feed_id: int, json_: bool) -> None:
    """All about a feed."""
    here, now = open_here(), utc_now()
    with here.database.reading() as session:
        (row,) = queries.with_takers(session, [queries.by_id(session, feed_id)])
    answer = _plain(row, now)
    show(answer, json_, lambda: table([[name, _cell(value)] for name, value in answer.items()]))


@feeds.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, type=ROW_ID)
@as_json
def poll(ids: tuple[int, ...], json_: bool) -> None:
    """Read now what is due, or these feeds whether they are due or not."""
    here = open_here()
    with here.database.reading() as session:
        for feed_id in ids:
            queries.by_id(session, feed_id)
    fetch = discover.fetcher(here.settings.fetch_allow)
    with Apart() as parse:
        polled = polling.poll_due(here.database, fetch, clock=utc_now, ids=ids or None, parse=parse)
    answer = [
        {
            "id": one.feed_id,
            "title": one.title,
            "changed": one.changed,
            "articles": one.taken.added,
            "revised": one.taken.revised,
            "refused": one.taken.refused,
            "error": one.error,
        }
        for one in polled
    ]
    show(answer, json_, lambda: [line for one in polled for line in _came(one)] or [_("No feed is due.")])


@feeds.command()
@click.argument("feed_id", metavar="ID", type=ROW_ID)
@as_json
def pause(feed_id: int, json_: bool) -> None:
    """Read a feed no more until it is resumed. Digests go on with the others."""
    _change(feed_id, "feed.paused", lambda session, feed: adding.pause(session, feed, now=utc_now()), json_)


@feeds.command()
@click.argument("feed_id", metavar="ID", type=ROW_ID)
@as_json
def resume(feed_id: int, json_: bool) -> None:
    """Read a feed again."""
    _change(feed_id, "feed.resumed", lambda session, feed: adding.resume(session, feed, now=utc_now()), json_)


@feeds.command()
@click.argument("feed_id", metavar="ID", type=ROW_ID)
@click.option("--newsletter", "slug", required=True, help="The newsletter that takes it no longer.")
@as_json
def remove(feed_id: int, slug: str, json_: bool) -> None:
    """Take a feed away from a newsletter. Its articles stay."""
    here = open_here()
    with here.database.unit() as session:
        feed = queries.by_id(session, feed_id)
        gone = adding.remove(session, feed, newsletters.by_slug(session, slug).id)
        noted(session, "feed.removed", feed, newsletter=slug)
    show(
        {"id": feed_id, "read_for_others": not gone},
        json_,
        lambda: [
            _("It is read no longer. Its articles stay.") if gone else _("It is read for other newsletters still.")
        ],
    )


def _change(feed_id: int, action: str, act: Callable[[Session, Feed], None], json_: bool) -> None:
    here = open_here()
    with here.database.unit() as session:
        feed = queries.by_id(session, feed_id)
        act(session, feed)
        noted(session, action, feed)
    with here.database.reading() as session:
        (row,) = queries.with_takers(session, [queries.by_id(session, feed_id)])
    answer = _plain(row, utc_now())
    show(answer, json_, lambda: [f"{answer['title']}: {answer['words']}"])


def _plain(row: Listed, now: datetime) -> dict[str, Any]:
    feed, told = row.feed, health(row.feed, now)
    return {
        "id": feed.id,
        "title": feed.title,
        "url": feed.url,
        "kind": feed.kind,
        "language": feed.language or None,
        "state": told.state,
        "since": told.since,
        "words": told.words,
        "error": feed.last_error,
        "failures": feed.failures,
        "news_at": feed.news_at,
        "polled_at": feed.polled_at,
        "next_poll_at": feed.next_poll_at,
        "interval_minutes": feed.interval_minutes,
        "newsletters": [
            {"newsletter": taker.newsletter.slug, "topic": taker.topic.slug if taker.topic else None}
            for taker in row.takers
        ],
    }


def _came(one: Polled) -> list[str]:
    if one.error:
        return [f"{one.title}: {one.error}"]
    if not one.changed:
        return [f"{one.title}: {_('nothing new')}"]
    told = [ngettext("%(num)s new article", "%(num)s new articles", len(one.taken.added))]
    if one.taken.revised:
        told.append(ngettext("%(num)s revised", "%(num)s revised", one.taken.revised))
    if one.taken.refused:
        told.append(ngettext("%(num)s left out", "%(num)s left out", one.taken.refused))
    return [f"{one.title}: {', '.join(told)}", *(f"  {title}" for title in one.taken.added)]


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(
            f"{item['newsletter']}/{item['topic']}" if item["topic"] else item["newsletter"] for item in value
        )
    return "—" if value is None else str(value)
