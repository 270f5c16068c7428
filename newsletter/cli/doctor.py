"""`newsletter doctor`: what an installation needs to send mail that arrives, and what is missing."""

from typing import Any
from urllib.parse import urlsplit

import click

from newsletter import migrations
from newsletter.cli import domains as domain_commands
from newsletter.cli.shared import as_json, show
from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.installation import Installation, open_installation
from newsletter.core.settings import load_settings, relay_url
from newsletter.delivery import bounces, limits, relays
from newsletter.feedback import mailboxes
from newsletter.issues import queries as issues
from newsletter.issues import reasons
from newsletter.mail import dkim
from newsletter.mail.transport import Relay, Transport
from newsletter.newsletters import queries, senders
from newsletter.newsletters.examining import Finding, Level
from newsletter.subscriptions import counts


@click.command()
@as_json
def doctor(json_: bool) -> None:
    """Check the database, the broker, the relay and the public address, and print the DNS records to publish."""
    here = open_installation(load_settings())
    checks = [_database(here), _broker(here), _relay(here), _public_address(here)]
    ready = checks[0]["ok"]
    if ready:
        checks += [*_more_relays(here), _paused_lanes(here), _bounces(here), *_mailboxes(here), _stopped(here)]
        checks += [_counters(here)]
    domains = _domains(here) if ready else []
    found = {item["domain"]: domain_commands.look(here, item["domain"]) for item in domains}
    for item in domains:
        item["checks"] = [domain_commands.as_answer(finding) for finding in found[item["domain"]]]
    show({"checks": checks, "domains": domains}, json_, lambda: _lines(checks, domains, found))
    bad = any(finding.level is Level.BAD for findings in found.values() for finding in findings)
    if bad or not all(check["ok"] or check["advice"] for check in checks):
        raise RefusedError(_("Mend what is marked ✗ and run it again."))


def _check(name: str, problem: str, *, advice: bool = False) -> dict[str, Any]:
    return {"check": name, "ok": not problem, "advice": advice, "problem": problem}


def _database(here: Installation) -> dict[str, Any]:
    current = migrations.current(here.database.engine)
    problem = "" if current == migrations.head() else _("The database is not up to date. Run `newsletter db upgrade`.")
    return _check("database", problem)


def _broker(here: Installation) -> dict[str, Any]:
    problem = (
        "" if here.broker.reachable() else _("The broker does not answer. Start it, or set NEWSLETTER_BROKER_URL.")
    )
    return _check("broker", problem)


def _relay(here: Installation) -> dict[str, Any]:
    url = relay_url(here.settings)
    if not url:
        return _check("relay", _("NEWSLETTER_SMTP_URL is not set: mail has nowhere to go."))
    with Transport(Relay.parse(url)) as transport:
        return _check("relay", transport.check())


def _more_relays(here: Installation) -> list[dict[str, Any]]:
    """The relays that an operator named, beside the one of the settings."""
    with here.database.reading() as session:
        records = [record for record in relays.all_relays(session) if record.locked_url]
    return [_check(f"relay {record.name}", relays.problem(record, here.settings, here.vault)) for record in records]


def _paused_lanes(here: Installation) -> dict[str, Any]:
    with here.database.reading() as session:
        paused = limits.paused(session)
    return _check(
        "paused lanes", " ".join(f"{limits.in_words(lane)} {lane.reply}".strip() for lane in paused), advice=True
    )


def _public_address(here: Installation) -> dict[str, Any]:
    problem = ""
    if not here.links.site_url.startswith("https://"):
        problem = _(
            "NEWSLETTER_BASE_URL is not an https address: readers' mail programs will show no unsubscribe button."
        )
    return _check("public address", problem, advice=True)


def _bounces(here: Installation) -> dict[str, Any]:
    with here.database.reading() as session:
        held = bounces.held(session)
    problem = ""
    if held:
        problem = _(
            "Many addresses of %(domains)s were refused at once and are held. See `newsletter bounces held list`.",
            domains=", ".join(item.domain for item in held),
        )
    return _check("bounces", problem, advice=True)


def _mailboxes(here: Installation) -> list[dict[str, Any]]:
    """The mailboxes that bounces arrive in."""
    with here.database.reading() as session:
        found = mailboxes.all_mailboxes(session)
    return [_check(f"mailbox {item.name}", item.last_error or "", advice=True) for item in found]


def _stopped(here: Installation) -> dict[str, Any]:
    with here.database.reading() as session:
        stopped = [(issue.id, issue.pause_reason) for issue in issues.in_flight(session) if issue.pause_reason]
    problem = " ".join(
        _("Issue %(id)s has stopped by itself: %(reason)s", id=issue_id, reason=reasons.in_words(reason))
        for issue_id, reason in stopped
    )
    return _check("issues", problem, advice=True)


def _counters(here: Installation) -> dict[str, Any]:
    """The counters of subscriptions, against a count of all of them."""
    with here.database.reading() as session:
        wrong = counts.check(session)
    problem = ""
    if wrong:
        problem = _("The counters of subscribers are wrong. Run `newsletter subscribers recount` to put them right.")
    return _check("counters", problem)


def _domains(here: Installation) -> list[dict[str, Any]]:
    host = urlsplit(relay_url(here.settings)).hostname or ""
    with here.database.reading() as session:
        names = sorted({newsletter.domain for newsletter in queries.all_newsletters(session)})
        return [
            {
                "domain": name,
                "records": [
                    {"kind": record.kind, "name": record.name, "value": record.value, "purpose": record.purpose}
                    for record in senders.dns_records(session, name, here.vault, now=utc_now(), relay_host=host)
                ],
            }
            for name in names
        ]


def _lines(checks: list[dict[str, Any]], domains: list[dict[str, Any]], found: dict[str, list[Finding]]) -> list[str]:
    lines = [
        f"{'✓' if check['ok'] else '!' if check['advice'] else '✗'} {check['check']}  {check['problem']}".rstrip()
        for check in checks
    ]
    for item in domains:
        lines += ["", _("DNS records to publish for %(domain)s:", domain=item["domain"])]
        for record in item["records"]:
            value = record["value"]
            if record["kind"] == "TXT":
                value = " ".join(f'"{part}"' for part in dkim.txt_strings(value))
            lines.append(f"  {record['name']}. IN {record['kind']} {value}")
        lines += ["", *(line for finding in found[item["domain"]] for line in domain_commands.lines(finding))]
    if domains:
        lines += ["", _("Put your mail provider's names where PROVIDER stands; its documentation tells them.")]
    return lines
