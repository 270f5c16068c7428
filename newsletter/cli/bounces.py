"""`newsletter bounces`: refusals of readers' addresses."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from newsletter.cli.shared import actor, as_json, open_here, show, table
from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.installation import Installation
from newsletter.delivery import bounces as room
from newsletter.feedback import inbox, reading, tools
from newsletter.feedback.inbox import Incoming
from newsletter.feedback.models import FeedbackReport, InboundMail
from newsletter.mail import mime
from newsletter.mail.evidence import Kind
from newsletter.mail.reports import Report, read_report

PIPE = "pipe"
TEMPORARY_FAILURE = 75  # sysexits.h: a mail server tries again later
# What the answer calls a kind; anything else is "other".
NAMED = frozenset({Kind.BOUNCE, Kind.COMPLAINT, Kind.AUTO_REPLY, Kind.UNSUBSCRIBE})


@click.group()
def bounces() -> None:
    """What comes back."""


@bounces.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--recipient", default="", help="To whom it came, for a pipe: the address that the mail server names.")
@click.option("--mta", is_flag=True, help="In a pipe of a mail server: when it cannot be kept now, ask for it again.")
@as_json
def read(files: tuple[Path, ...], recipient: str, mta: bool, json_: bool) -> None:
    """Read messages that came back, from FILES (a message or a mailbox file each) or standard input, and do what they
    call for. One that was read before changes nothing.
    """
    try:
        here = _database_or_none()
        for name, raw in _messages(files):
            _show(_read(here, name, raw, recipient), json_)
    except SQLAlchemyError:
        if mta:
            sys.exit(TEMPORARY_FAILURE)
        raise


@bounces.command()
@as_json
def replay(json_: bool) -> None:
    """Read again what came in during the last month: what has changed nothing then may be understood now."""
    here = open_here()
    reader = tools.reader(here)
    with here.database.reading() as session:
        numbers = session.scalars(select(InboundMail.id).order_by(InboundMail.id)).all()
    new = sum(len(reading.read_stored(here.database, number, reader, now=utc_now())) for number in numbers)
    show(
        {"read": len(numbers), "new": new},
        json_,
        lambda: [_("Read: %(read)s, new: %(new)s", read=len(numbers), new=new)],
    )


@dataclass(frozen=True, slots=True)
class _Read:
    name: str
    report: Report
    applied: bool


def _database_or_none() -> Installation | None:
    """Without a database a message can still be looked at; it changes nothing then."""
    try:
        return open_here()
    except RefusedError as error:
        click.echo(_("Only read, nothing is changed: %(reason)s", reason=error), err=True)
        return None


def _messages(files: tuple[Path, ...]) -> Iterator[tuple[str, bytes]]:
    if not files:
        for raw in _apart(sys.stdin.buffer.read()):
            yield "-", raw
    for path in files:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise RefusedError(_("%(path)s cannot be read: %(reason)s.", path=path, reason=error.strerror)) from None
        for raw in _apart(data):
            yield str(path), raw


def _apart(data: bytes) -> list[bytes]:
    """The messages of a mailbox file (RFC 4155), or the one message."""
    if not data.startswith(b"From ") or data.count(b"\n\nFrom ") == 0:
        return [data]
    pieces = data.replace(b"\r\n", b"\n").split(b"\n\nFrom ")
    return [pieces[0], *(b"From " + piece for piece in pieces[1:])]


def _read(here: Installation | None, name: str, raw: bytes, recipient: str) -> _Read:
    report = read_report(raw, envelope_recipient=recipient)
    if here is None:
        return _Read(name, report, applied=False)
    incoming = Incoming(PIPE, raw[: mime.MOST_BYTES], envelope_recipient=recipient, size=len(raw))
    now = utc_now()
    with here.database.unit() as session:
        numbers = inbox.store(session, [incoming], now=now, wake=False)
        number = numbers[0] if numbers else inbox.known(session, incoming)
    if number is None:
        return _Read(name, report, applied=False)
    reading.read_stored(here.database, number, tools.reader(here), now=now)
    with here.database.reading() as session:
        taken = session.scalars(select(FeedbackReport).where(FeedbackReport.inbound_id == number)).all()
    return _Read(name, report, applied=any(item.matched_by is not None for item in taken))


def _show(found: _Read, json_: bool) -> None:
    first = next((item for item in found.report.evidence if item.is_hard), found.report.evidence[0])
    answer: dict[str, Any] = {
        "file": found.name,
        "kind": first.kind if first.kind in NAMED else "other",
        "class": ("hard" if first.is_hard else "soft") if first.kind is Kind.BOUNCE else None,
        "recipients": list(dict.fromkeys(item.recipient for item in found.report.evidence if item.recipient)),
        "status": first.status,
        "reason": first.reason,
        "applied": found.applied,
    }
    if json_:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    what = " ".join(filter(None, (answer["kind"], answer["class"], answer["status"])))
    click.echo(f"{found.name}: {what} {', '.join(answer['recipients'])} {answer['reason'][:100]}".strip())


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
    count = _decide(room.apply_held, domain)
    show({"applied": count}, json_, lambda: [_("Addresses on the do-not-mail list now: %(count)s", count=count)])


@held.command()
@click.argument("domain", required=False)
@as_json
def discard(domain: str | None, json_: bool) -> None:
    """Forget them, of DOMAIN or of all: these readers get the next issue."""
    count = _decide(room.discard_held, domain)
    show({"discarded": count}, json_, lambda: [_("Bounces forgotten: %(count)s", count=count)])


def _decide(verb: Callable[..., int], domain: str | None) -> int:
    domain = domain.lower() if domain else None
    with open_here().database.unit() as session:
        return verb(session, domain, by=actor(), now=utc_now())
