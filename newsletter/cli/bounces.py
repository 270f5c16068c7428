"""`newsletter bounces`: refusals of readers' addresses."""

from collections.abc import Callable

import click

from newsletter.accounts import audit
from newsletter.cli.shared import actor, as_json, open_here, show, table
from newsletter.core.clock import utc_now
from newsletter.core.i18n import gettext as _
from newsletter.delivery import bounces as room


@click.group()
def bounces() -> None:
    """What comes back."""


@bounces.group()
def held() -> None:
    """Bounces that wait for a person: too many of one domain at once to be believed."""


@held.command("list")
@as_json
def list_(json_: bool) -> None:
    """What is held, by domain."""
    here = open_here()
    with here.database.reading() as session:
        found = room.held(session)
    answer = [
        {"domain": item.domain, "count": item.count, "since": item.since, "until": item.until, "reply": item.reply}
        for item in found
    ]
    lines = [[item.domain, str(item.count), item.since.isoformat(timespec="minutes"), item.reply] for item in found]
    show(answer, json_, lambda: table(lines) or [_("Nothing is held.")])


@held.command("apply")
@click.argument("domain", required=False)
@as_json
def apply_(domain: str | None, json_: bool) -> None:
    """Believe them, of DOMAIN or of all: nobody writes to these addresses again."""
    count = _decide(room.apply_held, domain, action="bounces.applied")
    show({"applied": count}, json_, lambda: [_("Addresses on the do-not-mail list now: %(count)s", count=count)])


@held.command()
@click.argument("domain", required=False)
@as_json
def discard(domain: str | None, json_: bool) -> None:
    """Forget them, of DOMAIN or of all: these readers get the next issue."""
    count = _decide(room.discard_held, domain, action="bounces.discarded")
    show({"discarded": count}, json_, lambda: [_("Bounces forgotten: %(count)s", count=count)])


def _decide(verb: Callable[..., int], domain: str | None, *, action: str) -> int:
    now = utc_now()
    domain = domain.lower() if domain else None
    with open_here().database.unit() as session:
        count = verb(session, domain, by=actor(), now=now)
        audit.record(
            session,
            actor=actor(),
            action=action,
            subject="bounces",
            subject_id=None,
            now=now,
            domain=domain,
            count=count,
        )
    return count
