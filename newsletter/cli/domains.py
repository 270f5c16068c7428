"""`newsletter domains`: the domains that mail is sent from, their records and keys."""

import sys
from pathlib import Path
from typing import Any

import click

from newsletter.cli.shared import actor, as_json, open_here, show, table
from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.installation import Installation
from newsletter.core.nameservers import nameservers
from newsletter.core.settings import relay_url
from newsletter.newsletters import dns_wording, domain_checks, senders
from newsletter.newsletters.examining import Finding, Level

MARKS = {Level.OK: "✓", Level.ADVICE: "!", Level.BAD: "✗"}


@click.group()
def domains() -> None:
    """Domains that mail is sent from."""


@domains.command("list")
@as_json
def list_(json_: bool) -> None:
    """Every domain, and what was found when it was looked at last."""
    here = open_here()
    with here.database.reading() as session:
        found = [(domain, *domain_checks.last(session, domain)) for domain in domain_checks.all_domains(session)]
    answer = [
        {"domain": domain, "checked_at": at, "bad": sum(item.level is Level.BAD for item in findings)}
        for domain, findings, at in found
    ]
    rows = [[str(item[name] or "") for name in ("domain", "bad", "checked_at")] for item in answer]
    show(answer, json_, lambda: table(rows) or [_("There is none yet: a newsletter brings its own.")])


@domains.command()
@click.argument("domain")
@as_json
def check(domain: str, json_: bool) -> None:
    """Look at the records of DOMAIN as mailbox providers do, and say what to type where something is wrong."""
    here = open_here()
    found = look(here, domain.lower())
    show([as_answer(item) for item in found], json_, lambda: [line for item in found for line in lines(item)])
    if any(item.level is Level.BAD for item in found):
        raise RefusedError(_("Mend what is marked ✗ and run it again."))


@domains.command()
@click.argument("domain")
@as_json
def rotate(domain: str, json_: bool) -> None:
    """Make new signing keys for DOMAIN. Publish their records, then run `newsletter domains finish`."""
    here = open_here()
    with here.database.unit() as session:
        senders.begin_rotation(session, domain.lower(), vault=here.vault, actor=actor(), now=utc_now())
    _show_keys(here, domain.lower(), json_)


@domains.command()
@click.argument("domain")
@click.option("--unseen", is_flag=True, help="Even if the new keys are not seen in DNS.")
@as_json
def finish(domain: str, unseen: bool, json_: bool) -> None:
    """Sign with the new keys of DOMAIN from now on. The old ones stay in DNS for a week."""
    here = open_here()
    if not unseen:
        found = look(here, domain.lower())
        if not any(item.key == "dkim_published" and item.params.get("waiting") for item in found):
            raise RefusedError(_("The new keys are not seen in DNS yet. Wait, or say --unseen."))
    with here.database.unit() as session:
        senders.finish_rotation(session, domain.lower(), actor=actor(), now=utc_now())
    _show_keys(here, domain.lower(), json_)


@domains.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@as_json
def reports(files: tuple[Path, ...], json_: bool) -> None:
    """Read reports of mailbox providers (DMARC, TLS) from FILES or standard input: mails, .xml, .json, .gz or .zip."""
    here = open_here()
    answer = []
    for name, data in [(str(path), _read(path)) for path in files] or [("-", sys.stdin.buffer.read())]:
        with here.database.unit() as session:
            answer.append({"file": name, "taken": domain_checks.take_report(session, data, utc_now())})
    words = {True: _("taken"), False: _("holds no report about a domain of yours")}
    show(answer, json_, lambda: [f"{item['file']}: {words[bool(item['taken'])]}" for item in answer])


def look(here: Installation, domain: str) -> list[Finding]:
    """Look at a domain now."""
    with here.database.reading() as session:
        senders.by_name(session, domain)
    url = relay_url(here.settings)
    return domain_checks.look(here.database, domain, vault=here.vault, relay_url=url, ask=nameservers(), now=utc_now())


def as_answer(item: Finding) -> dict[str, Any]:
    return {
        "check": item.key,
        "level": item.level,
        "name": item.name,
        "says": dns_wording.in_words(item),
        "record": item.record,
    }


def lines(item: Finding) -> list[str]:
    """A finding for a terminal: what it says, and the record on a line of its own."""
    said = [f"{MARKS[item.level]} {item.name}  {dns_wording.in_words(item)}"]
    return [*said, f"    {item.record}"] if item.record else said


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RefusedError(_("%(path)s cannot be read: %(reason)s.", path=path, reason=error.strerror)) from None


def _show_keys(here: Installation, domain: str, json_: bool) -> None:
    with here.database.reading() as session:
        found = senders.keys(session, domain, here.vault, now=utc_now())
    answer = [{"name": item.name, "value": item.value, "stage": item.stage} for item in found]
    show(
        answer,
        json_,
        lambda: [line for item in found for line in (f"{item.name}  ({item.stage})", f"    {item.value}")],
    )
