"""`newsletter schedules`: the rhythms of a newsletter, each with the hours at which its digests leave."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import click
from sqlalchemy.orm import Session

from newsletter.cli.shared import actor, as_json, open_here, show, table
from newsletter.core.clock import utc_now
from newsletter.core.i18n import format_datetime
from newsletter.core.i18n import gettext as _
from newsletter.core.timetable import SKIPPED
from newsletter.issues import schedule as running
from newsletter.issues.schedule import Departure
from newsletter.newsletters import cadences, queries
from newsletter.newsletters import schedules as reading
from newsletter.newsletters.cadences import ScheduleValues
from newsletter.newsletters.models import Newsletter, Schedule

MOST_RUNS = 366
DAY = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")


@click.group()
def schedules() -> None:
    """When digests leave. A newsletter has one rhythm or several, and readers choose theirs."""


def _options(command: Any) -> Any:
    """What may be said of a rhythm."""
    for option in (
        click.option("--carry", type=int, default=None, help="In how many later digests may come what found no room."),
        click.option(
            "--catch-up", "catch_up_minutes", type=int, default=None, help="Minutes a missed hour is made up."
        ),
        click.option("--lead", "lead_minutes", type=int, default=None, help="Minutes composed before it leaves."),
        click.option("--quiet", default=None, help="Hours in which nothing leaves: 22:00-06:30; it waits for the end."),
        click.option("--holidays", default=None, help="Left out on public holidays: TG, FR, CA-QC; empty: on none."),
        click.option("--skip", "skipped", multiple=True, help="A day left out, or 2026-08-01/2026-08-15. Repeatable."),
        click.option("--until", "ends_at", type=click.DateTime(DAY), default=None, help="Last moment."),
        click.option("--from", "starts_at", type=click.DateTime(DAY), default=None, help="First moment."),
        click.option("--timezone", default=None, help="Where its clock hangs; the newsletter's unless given."),
        click.option("--name", default=None, help="As readers see it, for example “Every evening”."),
        click.option("--newsletter", "newsletter_slug", required=True),
    ):
        command = option(command)
    return command


@schedules.command()
@click.argument("slug")
@click.argument("rule")
@_options
@as_json
def add(slug: str, rule: str, newsletter_slug: str, json_: bool, **asked: Any) -> None:
    """Add a rhythm that readers can choose. SLUG is its short name; RULE is a cron expression ("30 18 * * 1-6") or a
    recurrence rule ("FREQ=WEEKLY;BYDAY=SU;BYHOUR=9").
    """
    here, now = open_here(), utc_now()
    with here.database.unit() as session:
        newsletter = queries.by_slug(session, newsletter_slug)
        values = _with(ScheduleValues(name=asked["name"] or slug, slug=slug), newsletter, asked | {"rule": rule})
        made = cadences.create(session, newsletter, values, actor=actor(), now=now)
        answer = _document(newsletter, made, now=now)
    show(answer, json_, lambda: [_("Readers can choose “%(name)s” now.", name=answer["name"]), *_lines(answer)])


@schedules.command()
@click.argument("slug")
@click.option("--rule", default=None, help="Cron expression or recurrence rule; empty, for the main one: by hand.")
@click.option("--no-skip", is_flag=True, help="No day is left out any more.")
@click.option("--always", is_flag=True, help="Without a first and a last moment.")
@_options
@as_json
def change(slug: str, newsletter_slug: str, no_skip: bool, always: bool, json_: bool, **asked: Any) -> None:
    """Change what is given of a rhythm; the rest stays. --skip adds days."""
    here, now = open_here(), utc_now()
    with here.database.unit() as session:
        newsletter, found = _find(session, newsletter_slug, slug)
        before = cadences.values_of(found)
        if always:
            before = replace(before, starts_at=None, ends_at=None)
        kept = () if no_skip else before.skipped
        values = _with(replace(before, skipped=kept), newsletter, asked | {"skipped": (*kept, *asked["skipped"])})
        cadences.change(session, newsletter, found, values, actor=actor(), now=now)
        answer = _document(newsletter, found, now=now)
    show(answer, json_, lambda: _lines(answer))


@schedules.command()
@click.argument("slug")
@click.option("--newsletter", "newsletter_slug", required=True)
@as_json
def pause(slug: str, newsletter_slug: str, json_: bool) -> None:
    """Let nothing leave by itself until it is resumed. What comes in meanwhile waits."""
    _turn(slug, newsletter_slug, json_, cadences.pause)


@schedules.command()
@click.argument("slug")
@click.option("--newsletter", "newsletter_slug", required=True)
@as_json
def resume(slug: str, newsletter_slug: str, json_: bool) -> None:
    """Go on with the next hour; those that passed are not made up for."""
    _turn(slug, newsletter_slug, json_, cadences.resume)


@schedules.command()
@click.argument("slug")
@click.option("--newsletter", "newsletter_slug", required=True)
@as_json
def remove(slug: str, newsletter_slug: str, json_: bool) -> None:
    """Take a rhythm away. Its readers are on the main one from now on."""
    here = open_here()
    with here.database.unit() as session:
        _newsletter, found = _find(session, newsletter_slug, slug)
        cadences.remove(session, found, actor=actor(), now=utc_now())
        main = reading.main_of(session, found.newsletter_id).name
    show(
        {"slug": slug, "removed": True},
        json_,
        lambda: [_("The rhythm is gone. Its readers get “%(name)s” from now on.", name=main)],
    )


@schedules.command("list")
@click.option("--newsletter", "newsletter_slug", required=True)
@as_json
def list_(newsletter_slug: str, json_: bool) -> None:
    """The rhythms of a newsletter, the main one first, each with the next ten times it leaves."""
    here, now = open_here(), utc_now()
    with here.database.reading() as session:
        newsletter = queries.by_slug(session, newsletter_slug)
        answer = [_document(newsletter, item, now=now) for item in reading.of_newsletter(session, newsletter.id)]
    show(answer, json_, lambda: [line for item in answer for line in (*_lines(item), "")][:-1])


@schedules.command()
@click.argument("slug", required=False)
@click.option("--newsletter", "newsletter_slug", required=True)
@click.option("--rule", default=None, help="By this rule, which is not saved.")
@click.option("--count", type=click.IntRange(1, MOST_RUNS), default=10, show_default=True)
@as_json
def runs(slug: str | None, newsletter_slug: str, rule: str | None, count: int, json_: bool) -> None:
    """The next times that digests leave: those of a rhythm, of all of them, or by a rule that is only tried."""
    here, now = open_here(), utc_now()
    with here.database.reading() as session:
        newsletter = queries.by_slug(session, newsletter_slug)
        found = reading.by_slug(session, newsletter, slug)
        zone = reading.zone_of(newsletter, found)
        if rule is not None:
            values = replace(cadences.values_of(found), rule=rule)
            planned = cadences.planned(newsletter, values, begin=found.created_at, now=now)
            told = running.departures_by(planned, found.name, now=now, count=count)
        elif slug is None:
            told = running.departures(session, newsletter, now=now, count=count)
        else:
            told = running.departures_of(newsletter, found, now=now, count=count)
    show(
        [asdict(item) for item in told],
        json_,
        lambda: (
            table([[*_told(item, zone), item.cadence] for item in told])
            or [_("No departure to come: digests are sent by hand or by command.")]
        ),
    )


def _turn(slug: str, newsletter_slug: str, json_: bool, verb: Any) -> None:
    here, now = open_here(), utc_now()
    with here.database.unit() as session:
        newsletter, found = _find(session, newsletter_slug, slug)
        verb(session, newsletter, found, actor=actor(), now=now)
        answer = _document(newsletter, found, now=now)
    show(answer, json_, lambda: _lines(answer))


def _find(session: Session, newsletter_slug: str, slug: str) -> tuple[Newsletter, Schedule]:
    newsletter = queries.by_slug(session, newsletter_slug)
    return newsletter, reading.by_slug(session, newsletter, slug)


def _with(values: ScheduleValues, newsletter: Newsletter, asked: dict[str, Any]) -> ScheduleValues:
    """The values with what is asked for in place of theirs. A moment without a zone is the rhythm's."""
    given = {name: value for name, value in asked.items() if value not in (None, ())}
    found = replace(values, **{name: value for name, value in given.items() if name not in ("starts_at", "ends_at")})
    return replace(
        found,
        timezone=found.timezone or None,
        starts_at=cadences.moment(newsletter, found, given["starts_at"]) if "starts_at" in given else found.starts_at,
        ends_at=cadences.moment(newsletter, found, given["ends_at"]) if "ends_at" in given else found.ends_at,
    )


def _document(newsletter: Newsletter, schedule: Schedule, *, now: datetime) -> dict[str, Any]:
    told = running.departures_of(newsletter, schedule, now=now)
    return asdict(cadences.values_of(schedule)) | {
        "timezone": reading.zone_of(newsletter, schedule).key,
        "main": schedule.position == 0,
        "paused": schedule.paused_at is not None,
        "next": [asdict(item) for item in told],
    }


def _lines(answer: dict[str, Any]) -> list[str]:
    zone = ZoneInfo(answer["timezone"])
    head = f"{answer['slug']}  {answer['name']}  {answer['rule'] or _('by hand')}  {answer['timezone']}"
    told: Sequence[Departure] = [Departure(**item) for item in answer["next"]]
    if answer["paused"]:
        return [head, "  " + _("paused")]
    return [head, *("  " + "  ".join(part for part in _told(item, zone) if part) for item in told)]


def _told(departure: Departure, zone: tzinfo) -> list[str]:
    """A moment, and why nothing leaves then."""
    why = _("left out") if departure.left_out == SKIPPED else departure.left_out
    return [format_datetime(departure.at, zone=zone), why]
