"""`newsletter mailboxes`: mailboxes that bounces arrive in."""

import sys

import click

from newsletter.cli.shared import actor, as_json, open_here, show, table
from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.feedback import fetching_mail, reading, tools
from newsletter.feedback import mailboxes as room
from newsletter.feedback.mailboxes import MailboxValues
from newsletter.feedback.models import AfterReading, Protocol


@click.group()
def mailboxes() -> None:
    """Mailboxes that bounces arrive in, read every two minutes."""


@mailboxes.command("list")
@as_json
def list_(json_: bool) -> None:
    """Every mailbox, and how it fares."""
    here = open_here()
    with here.database.reading() as session:
        found = room.all_mailboxes(session)
    answer = [
        {
            "name": item.name,
            "protocol": item.protocol,
            "host": item.host,
            "port": item.port,
            "username": item.username,
            "folder": item.folder,
            "after_reading": item.after_reading,
            "polled_at": item.polled_at,
            "failing_since": item.failing_since,
            "last_error": item.last_error,
        }
        for item in found
    ]
    rows = [
        [item.name, item.protocol, f"{item.username}@{item.host}:{item.port}", item.last_error or ""] for item in found
    ]
    show(answer, json_, lambda: table(rows) or [_("There is none. `newsletter mailboxes add` makes one known.")])


@mailboxes.command()
@click.argument("name")
@click.option("--protocol", type=click.Choice([item.value for item in Protocol]), default="imap", show_default=True)
@click.option("--host", required=True)
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="The usual one unless given.")
@click.option("--tls", type=click.Choice(room.TLS), default="tls", show_default=True)
@click.option("--username", required=True)
@click.option("--folder", default="INBOX", show_default=True)
@click.option("--after", type=click.Choice([item.value for item in AfterReading]), default="keep", show_default=True)
@as_json
def add(
    name: str, protocol: str, host: str, port: int | None, tls: str, username: str, folder: str, after: str, json_: bool
) -> None:
    """Read a mailbox from now on. Its password is read from standard input, so that no history keeps it."""
    if sys.stdin.isatty():
        click.echo(_("Password: "), nl=False, err=True)
    password = sys.stdin.readline().rstrip("\n")
    here = open_here()
    values = MailboxValues(
        name=name,
        protocol=Protocol(protocol),
        host=host,
        username=username,
        password=password,
        port=port or 0,
        tls=tls,
        folder=folder,
        after_reading=AfterReading(after),
    )
    with here.database.unit() as session:
        made = room.add(session, values, vault=here.vault, actor=actor(), now=utc_now())
        account = room.account_of(made, here.vault)
    problem = fetching_mail.check(account)
    show(
        {"name": name, "problem": problem},
        json_,
        lambda: [problem or _("%(name)s is read from now on.", name=name)],
    )


@mailboxes.command()
@click.argument("name")
@as_json
def remove(name: str, json_: bool) -> None:
    """Read a mailbox no more."""
    with open_here().database.unit() as session:
        room.remove(session, name, actor=actor(), now=utc_now())
    show({"removed": name}, json_, lambda: [_("%(name)s is removed.", name=name)])


@mailboxes.command()
@click.argument("name")
@as_json
def read(name: str, json_: bool) -> None:
    """Read a mailbox now."""
    here = open_here()
    with here.database.reading() as session:
        mailbox_id = room.by_name(session, name).id
    count = room.poll(here.database, mailbox_id, here.vault, clock=utc_now)
    reading.read_waiting(here.database, tools.reader(here), clock=utc_now, stopping=lambda: False)
    with here.database.reading() as session:
        problem = room.by_name(session, name).last_error
    if problem:
        raise RefusedError(problem)
    show({"new": count}, json_, lambda: [_("New messages: %(count)s", count=count)])
