"""`newsletter deliverability`: how well mail arrives, domain by domain."""

from dataclasses import asdict
from typing import Any

import click

from newsletter.cli.shared import as_json, open_here, show, table
from newsletter.core.clock import utc_now
from newsletter.core.i18n import gettext as _
from newsletter.delivery import advice, limits
from newsletter.delivery import deliverability as room
from newsletter.delivery.days import BUCKETS
from newsletter.delivery.deliverability import Entry
from newsletter.delivery.domain_figures import Line


@click.command()
@click.option("--domain", default="", help="Only this domain of readers, day by day.")
@click.option("--days", type=click.IntRange(1, 400), default=room.PERIODS[0], show_default=True, help="Today included.")
@as_json
def deliverability(domain: str, days: int, json_: bool) -> None:
    """What the servers of readers said: taken, put off, refused, called spam, and how long it took."""
    now, here = utc_now(), open_here()
    if domain:
        name = limits.of_domain(domain)
        with here.database.reading() as session:
            entry, lines = room.domain_report(session, name, now=now, length=days)
        answer = _entry(entry) | {"days": [{"day": line.day} | _line(line) for line in reversed(lines)]}
        show(answer, json_, lambda: _one(entry, lines))
        return
    with here.database.reading() as session:
        report = room.report(session, now=now, length=days)
    answer = {
        "days": days,
        "domains": [_entry(entry) for entry in report.entries],
        "others": _line(report.rest),
        "total": _line(report.total),
    }
    show(answer, json_, lambda: _all(report))


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "domain": entry.line.domain,
        "provider": entry.provider,
        "verdict": entry.opinion.verdict,
        "fault": entry.opinion.fault,
        "advice": advice.of_domain(entry.line.domain, entry.opinion),
        "words": [
            {"kind": said.kind, "text": said.text, "count": said.count, "last_at": said.last_at} for said in entry.words
        ],
    } | _line(entry.line)


def _line(line: Line) -> dict[str, Any]:
    """The figures by name; the shares are null where nothing was counted."""
    figures = line.figures
    return asdict(figures) | {
        "complaint_rate": figures.complained / figures.sent if figures.sent else None,
        "bounce_rate": figures.bounced / figures.tried if figures.tried else None,
        "median_wait": line.waits.median,
        "within_5m": line.waits.within_5m,
        "waits": dict(zip(BUCKETS, line.waits.buckets, strict=True)),
    }


def _all(report: room.Report) -> list[str]:
    if not report.entries:
        return [_("Nothing was sent in this period.")]
    lines = []
    for entry in report.troubled:
        sentences = advice.of_domain(entry.line.domain, entry.opinion)
        lines += [f"{entry.line.domain}: {' '.join(sentences[:2])}", *(f"  - {step}" for step in sentences[2:]), ""]
    rows = [[_("Domain"), _("State"), *_heads()]]
    rows += [
        [entry.line.domain, advice.verdict_name(entry.opinion.verdict), *_cells(entry.line)] for entry in report.entries
    ]
    rows += [[_("All others"), "", *_cells(report.rest)], [_("Total"), "", *_cells(report.total)]]
    return lines + table(rows)


def _one(entry: Entry, days: list[Line]) -> list[str]:
    if not days:
        return [_("Nothing was sent there in this period, or so little that it is counted with the others.")]
    rows = [[_("Day"), *_heads()]]
    rows += [[f"{line.day}", *_cells(line)] for line in days]
    rows.append([_("Total"), *_cells(entry.line)])
    said = [f"{item.kind}: {item.text} ({item.count})" for item in entry.words]
    return [*advice.of_domain(entry.line.domain, entry.opinion), *table(rows), *said]


def _heads() -> list[str]:
    return [
        _("Sent"),
        _("Put off"),
        _("No such address"),
        _("Full, other"),
        _("For the content"),
        _("For the sender"),
        _("Complaints"),
        _("Within 5 min"),
    ]


def _cells(line: Line) -> list[str]:
    figures, within = line.figures, line.waits.within_5m
    complaints = str(figures.complained)
    if figures.complained and figures.sent:
        complaints += f" ({advice.share(figures.complained / figures.sent)})"
    counts = (figures.sent, figures.deferred, figures.hard, figures.soft, figures.content, figures.sender)
    return [*map(str, counts), complaints, "-" if within is None else advice.share(within)]
