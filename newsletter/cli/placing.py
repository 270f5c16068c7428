"""`newsletter articles pin` and its like: an editor's word about an article in a newsletter."""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

import click

from newsletter.articles import placing
from newsletter.articles.placing import Placing
from newsletter.cli.shared import ROW_ID, Command, actor, as_json, open_here, show
from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.newsletters import queries as newsletters


def of_article(command: Command) -> Command:
    """What each of these commands is told: which article, in which newsletter."""
    for option in (
        as_json,
        click.option("--newsletter", "slug", required=True, help="Short name of the newsletter."),
        click.argument("article_id", type=ROW_ID),
    ):
        command = option(command)
    return command


@click.command()
@of_article
@click.option(
    "--place",
    default=1,
    show_default=True,
    type=click.IntRange(1, placing.LAST_PLACE),
    help="Place in the next digest; 1 is the lead.",
)
def pin(article_id: int, slug: str, json_: bool, place: int) -> None:
    """Give an article a fixed place in the next digest, whatever the rules say."""
    _say(article_id, slug, json_, lambda said, _zone: replace(said, pin=place))


@click.command()
@of_article
def unpin(article_id: int, slug: str, json_: bool) -> None:
    """Let the rules decide about its place again."""
    _say(article_id, slug, json_, lambda said, _zone: replace(said, pin=None))


@click.command()
@of_article
@click.option("--by", required=True, type=float, help="Added to its score, -10 to 10; 0 takes it back.")
def boost(article_id: int, slug: str, json_: bool, by: float) -> None:
    """Raise or lower an article where digests are ordered by score."""
    _say(article_id, slug, json_, lambda said, _zone: replace(said, boost=by))


@click.command()
@of_article
@click.option("--until", help="Date or date and time, in the newsletter's time zone.")
@click.option("--none", "lift", is_flag=True, help="Lift it.")
def embargo(article_id: int, slug: str, json_: bool, until: str | None, lift: bool) -> None:
    """Keep an article out of digests until a moment."""
    _say(article_id, slug, json_, lambda said, zone: replace(said, embargo_until=_moment("--until", until, lift, zone)))


@click.command()
@of_article
@click.option("--at", "at_", help="Date or date and time, in the newsletter's time zone.")
@click.option("--none", "lift", is_flag=True, help="It never expires.")
def expire(article_id: int, slug: str, json_: bool, at_: str | None, lift: bool) -> None:
    """Keep an article out of digests from a moment on."""
    _say(article_id, slug, json_, lambda said, zone: replace(said, expires_at=_moment("--at", at_, lift, zone)))


@click.command()
@of_article
@click.option("--off", is_flag=True, help="Take it out of the reserve.")
def reserve(article_id: int, slug: str, json_: bool, off: bool) -> None:
    """Keep an article for a day with too little news."""
    _say(article_id, slug, json_, lambda said, _zone: replace(said, reserve=not off))


COMMANDS = (pin, unpin, boost, embargo, expire, reserve)


def _moment(option: str, text: str | None, lift: bool, zone: tzinfo) -> datetime | None:
    if lift == bool(text):
        raise RefusedError(_("Give either %(option)s or --none.", option=option))
    return placing.read_moment(text or "", zone)


def _say(article_id: int, slug: str, json_: bool, change: Callable[[Placing, tzinfo], Placing]) -> None:
    with open_here().database.unit() as session:
        newsletter = newsletters.by_slug(session, slug)
        before = placing.placing_of(placing.placement_of(session, article_id, newsletter.id))
        said = change(before, ZoneInfo(newsletter.timezone))
        placing.place(session, article_id, newsletter.id, said, actor=actor(), now=utc_now())
    show(
        {"id": article_id, "newsletter": slug} | asdict(said),
        json_,
        lambda: [_("Article %(id)s:", id=article_id), *_lines(said)],
    )


def _lines(said: Placing) -> list[str]:
    found = [
        said.pin is not None and _("pinned to place %(place)d", place=said.pin),
        said.boost and _("boost %(boost)s", boost=f"{said.boost:+g}"),
        said.embargo_until and _("not before %(when)s", when=f"{said.embargo_until:%Y-%m-%d %H:%M} UTC"),
        said.expires_at and _("not from %(when)s on", when=f"{said.expires_at:%Y-%m-%d %H:%M} UTC"),
        said.reserve and _("in the reserve"),
    ]
    return [f"  {line}" for line in found if line] or ["  " + _("nothing is set; the rules decide")]
