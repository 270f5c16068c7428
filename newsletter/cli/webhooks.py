"""`newsletter webhooks`: addresses that providers report bounces and complaints to."""

import sys

import click

from newsletter.cli.shared import ROW_ID, actor, as_json, open_here, show, table
from newsletter.core.clock import utc_now
from newsletter.core.i18n import gettext as _
from newsletter.feedback import webhooks as room
from newsletter.feedback.providers import PROVIDERS


@click.group()
def webhooks() -> None:
    """Addresses that providers report bounces and complaints to."""


@webhooks.command("list")
@as_json
def list_(json_: bool) -> None:
    """Every address, and what came there. The addresses are as good as passwords."""
    here = open_here()
    with here.database.reading() as session:
        found = room.all_webhooks(session, here.vault, here.links)
    answer = [
        {
            "id": item.id,
            "provider": item.provider,
            "url": item.url,
            "received": item.received,
            "unknown": item.unknown,
            "refused": item.refused,
            "last_refusal": item.last_refusal,
            "last_received_at": item.last_received_at,
        }
        for item in found
    ]
    rows = [[str(item.id), item.name, item.url, str(item.received), item.last_refusal or ""] for item in found]
    show(answer, json_, lambda: table(rows) or [_("There is none. `newsletter webhooks add PROVIDER` makes one.")])


@webhooks.command()
@click.argument("provider", type=click.Choice(sorted(PROVIDERS)))
@as_json
def add(provider: str, json_: bool) -> None:
    """Make an address for PROVIDER's reports. What proves that it is the provider is read from standard input."""
    asked = PROVIDERS[provider].asks_for()
    if sys.stdin.isatty():
        click.echo(f"{asked}: ", nl=False, err=True)
        secret = sys.stdin.readline()
    else:
        secret = sys.stdin.read()
    here = open_here()
    with here.database.unit() as session:
        made = room.add(session, provider, secret.strip(), vault=here.vault, actor=actor(), now=utc_now())
        url = next(item.url for item in room.all_webhooks(session, here.vault, here.links) if item.id == made.id)
    show({"id": made.id, "url": url}, json_, lambda: [_("Give this address to %(name)s:", name=provider), f"  {url}"])


@webhooks.command()
@click.argument("webhook_id", type=ROW_ID)
@as_json
def remove(webhook_id: int, json_: bool) -> None:
    """Listen to an address no more."""
    with open_here().database.unit() as session:
        room.remove(session, webhook_id, actor=actor(), now=utc_now())
    show({"removed": webhook_id}, json_, lambda: [_("Removed.")])
