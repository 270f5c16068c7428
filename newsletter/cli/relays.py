"""`newsletter relays`: the next hops that mail is handed to, what they may carry, and how they fare."""

import sys
from datetime import datetime
from typing import Any

import click
from sqlalchemy.orm import Session

from newsletter.cli.shared import actor, as_json, open_here, show, table
from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.installation import Installation
from newsletter.delivery import limits, warming
from newsletter.delivery import relays as records
from newsletter.delivery.overview import overview
from newsletter.delivery.throttle import WARM_UP

NONE = "none"


class Limit(click.ParamType[float]):
    """A number above 0, or `none` for no limit."""

    name = "NUMBER|none"

    def __init__(self, kind: type[float]) -> None:
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == NONE:
            return NONE
        try:
            return self.kind(value)
        except ValueError:
            self.fail(_("%(value)s is neither a number nor `none`.", value=value), param, ctx)


class Plan(click.ParamType[list[int]]):
    """Numbers with commas between, one for each day."""

    name = "N,N,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        try:
            return [int(part) for part in str(value).split(",")]
        except ValueError:
            self.fail(_("A plan is numbers with commas between: 200,500,1000"), param, ctx)


def _options(command: Any) -> Any:
    for option in (
        click.option("--weight", type=int, default=None, help="Its share of the mail, beside the others' weights."),
        click.option("--standby/--no-standby", default=None, help="Only when no other relay is open."),
        click.option("--sender", "senders", multiple=True, help="Only for this sender's domain; may be repeated."),
        click.option("--connections", type=int, default=None, help="At once, all workers together."),
        click.option("--messages-per-connection", type=int, default=None, help="0: learn."),
        click.option(
            "--group-exchangers/--no-group-exchangers",
            default=None,
            help="Count recipients' domains with the same mail exchangers as one.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def relays() -> None:
    """Where mail is handed over, and how much of it."""


@relays.command("list")
@as_json
def list_(json_: bool) -> None:
    """All relays, and the domains that are limited or in trouble."""
    here = open_here()
    with here.database.unit() as session:
        records.ensure_default(session, now=utc_now())
        answer = overview(session, here.settings, here.vault, now=utc_now())
    show(answer, json_, lambda: _lines(answer))


@relays.command()
@click.argument("name")
@click.argument("url")
@_options
@as_json
def add(name: str, url: str, json_: bool, **options: Any) -> None:
    """Add a relay. URL: smtp://, smtps:// or smtp+starttls://, user and password in it; `-` reads it from standard
    input, so that no history keeps it.
    """
    here = open_here()
    with here.database.unit() as session:
        records.create(
            session,
            name=name,
            url=_url(url),
            vault=here.vault,
            actor=actor(),
            now=utc_now(),
            **_given(options),
        )
    _show_relay(here, name, json_)


@relays.command()
@click.argument("name")
@click.option("--url", default=None, help="The new address; `-` reads it from standard input.")
@click.option("--any-sender", is_flag=True, help="For every sender again.")
@_options
@as_json
def change(name: str, url: str | None, any_sender: bool, json_: bool, **options: Any) -> None:
    """Change what is named."""
    values = _given(options) | ({"senders": []} if any_sender else {})
    here = open_here()
    with here.database.unit() as session:
        record = records.by_name(session, name, now=utc_now())
        new_url = None if url is None else _url(url)
        records.change(session, record, vault=here.vault, actor=actor(), now=utc_now(), url=new_url, **values)
    _show_relay(here, name, json_)


@relays.command()
@click.argument("name")
@as_json
def remove(name: str, json_: bool) -> None:
    """Remove a relay; its mail takes the others."""
    here = open_here()
    with here.database.unit() as session:
        records.remove(session, records.by_name(session, name, now=utc_now()), actor=actor(), now=utc_now())
    show({"removed": name}, json_, lambda: [_("%(name)s is removed.", name=name)])


@relays.command()
@click.argument("name", default="")
@click.option("--domain", default="", help="Only mail to this domain.")
@click.option("--all", "everything", is_flag=True, help="All mail, over every relay.")
@as_json
def pause(name: str, domain: str, everything: bool, json_: bool) -> None:
    """Let nothing through: by relay, by recipients' domain, or both. What waits stays queued."""
    _need_one(name, domain, everything)
    here = open_here()
    with here.database.unit() as session:
        limits.pause(session, *_lane(session, name, domain), actor=actor(), now=utc_now())
    show(
        {"relay": name, "domain": domain, "paused": True},
        json_,
        lambda: [_("Paused. `newsletter relays resume` with the same names lets it go on.")],
    )


@relays.command()
@click.argument("name", default="")
@click.option("--domain", default="", help="Only mail to this domain.")
@click.option("--all", "everything", is_flag=True, help="Everything that is paused.")
@as_json
def resume(name: str, domain: str, everything: bool, json_: bool) -> None:
    """Let mail through again that was paused, by hand or by what a server said."""
    _need_one(name, domain, everything)
    here = open_here()
    with here.database.unit() as session:
        if everything:
            found = [lane.id for lane in limits.paused(session)]
        else:
            lane_id = limits.find(session, *_lane(session, name, domain))
            found = [] if lane_id is None else [lane_id]
        for lane_id in found:
            limits.resume(session, lane_id, actor=actor(), now=utc_now())
    if not found and not everything:
        raise RefusedError(_("There is nothing to resume."))
    show({"resumed": len(found)}, json_, lambda: [_("Resumed: %(count)s.", count=len(found))])


@relays.command()
@click.argument("name", default="")
@click.option("--domain", default="", help="Only mail to this domain.")
@click.option("--per-second", type=Limit(float), default=None, help="Messages a second.")
@click.option("--per-day", type=Limit(int), default=None, help="Messages a day, by UTC.")
@click.option("--concurrency", type=Limit(int), default=None, help="Messages under way at once.")
@as_json
def limit(name: str, domain: str, json_: bool, **options: Any) -> None:
    """Limit a relay, a recipients' domain, a domain over one relay, or, with no name, all mail."""
    given = {key: None if value == NONE else value for key, value in options.items() if value is not None}
    if not given:
        raise click.UsageError(_("Name a limit: --per-second, --per-day or --concurrency."))
    here = open_here()
    with here.database.unit() as session:
        lane = limits.set_limits(session, *_lane(session, name, domain), limits=given, actor=actor(), now=utc_now())
        answer = {
            "relay": name,
            "domain": lane.domain,
            "per_second": lane.per_second,
            "per_day": lane.per_day,
            "concurrency": lane.concurrency,
        }
    show(answer, json_, lambda: [_limits(answer) or _("No limit.")])


@relays.command("warm-up")
@click.argument("name")
@click.option("--plan", type=Plan(), default=None, help="Most messages of each day; a careful plan unless given.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Its first day; today unless given.")
@click.option("--off", is_flag=True, help="End the plan.")
@click.option("--step", type=int, default=None, help="Put a plan on this step, counted from 1.")
@click.option("--hold/--go-on", "held", default=None, help="Keep it where it is, or let the days decide again.")
@as_json
def warm_up(
    name: str,
    plan: list[int] | None,
    since: datetime | None,
    off: bool,
    step: int | None,
    held: bool | None,
    json_: bool,
) -> None:
    """Begin slowly with a new sender: most messages a day, more after each good day, at last without a limit."""
    now = utc_now()
    if step is not None or held is not None:
        if plan or since or off:
            raise click.UsageError(_("Change a plan, or its step: not both at once."))
        _move_warm_up(name, step, held, json_)
        return
    values: dict[str, Any] = {"warm_up": [], "warm_up_since": None}
    if not off:
        began = since.replace(tzinfo=now.tzinfo) if since else now
        values = {"warm_up": plan or list(WARM_UP), "warm_up_since": began}
    here = open_here()
    with here.database.unit() as session:
        record = records.by_name(session, name, now=utc_now())
        records.change(session, record, vault=here.vault, actor=actor(), now=now, **values)
        limits.look_again(session, now=now)
    _show_relay(here, name, json_)


def _move_warm_up(name: str, step: int | None, held: bool | None, json_: bool) -> None:
    here = open_here()
    with here.database.unit() as session:
        record = records.by_name(session, name, now=utc_now())
        if step is not None:
            warming.set_step(session, record, step, actor=actor(), now=utc_now())
        if held is not None:
            warming.hold(session, record, held=held, actor=actor(), now=utc_now())
    _show_relay(here, name, json_)


@relays.command()
@click.argument("name", default="")
@as_json
def check(name: str, json_: bool) -> None:
    """Connect to each relay, or to one, and log in; nothing is sent."""
    here = open_here()
    with here.database.unit() as session:
        records.ensure_default(session, now=utc_now())
        found = [records.by_name(session, name, now=utc_now())] if name else records.all_relays(session)
    answer = [{"relay": record.name, "problem": records.problem(record, here.settings, here.vault)} for record in found]
    show(
        answer,
        json_,
        lambda: [f"{'✗' if item['problem'] else '✓'} {item['relay']}  {item['problem']}".rstrip() for item in answer],
    )
    if any(item["problem"] for item in answer):
        raise RefusedError(_("Mend what is marked ✗ and run it again."))


def _lane(session: Session, name: str, domain: str) -> tuple[int, str]:
    relay_id = records.by_name(session, name, now=utc_now()).id if name else 0
    return relay_id, limits.of_domain(domain) if domain else ""


def _need_one(name: str, domain: str, everything: bool) -> None:
    if bool(name or domain) == everything:
        raise click.UsageError(_("Name a relay, a --domain, or both; or --all."))


def _url(url: str) -> str:
    return sys.stdin.readline().strip() if url == "-" else url


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {
        name: list(value) if name == "senders" else value for name, value in options.items() if value not in (None, ())
    }


def _show_relay(here: Installation, name: str, json_: bool) -> None:
    with here.database.reading() as session:
        found = overview(session, here.settings, here.vault, now=utc_now())["relays"]
    answer = next(item for item in found if item["name"] == name.strip())
    show(answer, json_, lambda: table([_row(answer)]))


def _lines(answer: dict[str, list[dict[str, Any]]]) -> list[str]:
    lines = table([_row(item) for item in answer["relays"]])
    if answer["lanes"]:
        rows = [
            [item["relay"] or "*", item["domain"] or "*", item["state"], _limits(item), item["reply"]]
            for item in answer["lanes"]
        ]
        lines += ["", *table(rows)]
    return lines


def _row(item: dict[str, Any]) -> list[str]:
    choice = _("standby") if item["standby"] else _("weight %(weight)s", weight=item["weight"])
    return [item["name"], item["address"], choice, item["state"], _limits(item), item["reply"]]


def _limits(item: dict[str, Any]) -> str:
    parts = []
    if item["per_second"] is not None:
        parts.append(_("%(count)s per second", count=f"{item['per_second']:g}"))
    if item["per_day"] is not None:
        parts.append(_("%(count)s per day", count=item["per_day"]))
    if item["concurrency"] is not None:
        parts.append(_("%(count)s at once", count=item["concurrency"]))
    if item.get("allowance") is not None:
        parts.append(_("warming up: %(count)s today", count=item["allowance"]))
    return ", ".join(parts)
