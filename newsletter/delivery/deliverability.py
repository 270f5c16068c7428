"""How well mail arrives, domain by domain, as people read it: on the page and in the terminal alike."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from newsletter.delivery import domain_figures
from newsletter.delivery.domain_figures import Line, Waits
from newsletter.delivery.domain_models import DomainStanding, DomainWords
from newsletter.delivery.providers import provider_of
from newsletter.delivery.reputation import FINE, LIMITS, Figures, Opinion, Verdict

PERIODS = (7, 30, 90)
MOST = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """A domain in a period: its figures, how it stands now, and what its servers said last."""

    line: Line
    provider: str
    opinion: Opinion
    words: list[DomainWords]


@dataclass(frozen=True, slots=True)
class Report:
    """The largest domains of a period, those in most trouble first; `rest`: all others, `total`: all."""

    length: int
    entries: list[Entry]
    rest: Line
    total: Line

    @property
    def troubled(self) -> list[Entry]:
        """Those that are not fine."""
        return [entry for entry in self.entries if entry.opinion.verdict is not Verdict.FINE]


def report(session: Session, *, now: datetime, length: int) -> Report:
    """The last `length` days. Domains that are not fine are named however small they are."""
    lines, total = domain_figures.largest(session, now=now, length=length, most=MOST)
    standings = domain_figures.standings(session)
    missing = {domain for domain, row in standings.items() if row.verdict is not Verdict.FINE}
    missing -= {line.domain for line in lines}
    lines += domain_figures.these(session, sorted(missing)[:MOST], now=now, length=length)
    names = [line.domain for line in lines]
    words = domain_figures.words_of(session, names, since=now - timedelta(days=length))
    entries = [
        Entry(line, provider_of(line.domain), opinion_of(standings.get(line.domain)), words.get(line.domain, []))
        for line in lines
    ]
    entries.sort(key=lambda entry: (-entry.opinion.verdict.rank, -strain(entry.line.figures), -_size(entry.line)))
    return Report(length, entries, _rest(total, lines), total)


def domain_report(session: Session, domain: str, *, now: datetime, length: int) -> tuple[Entry, list[Line]]:
    """One domain in a period, and its days, the last one first."""
    days = domain_figures.days_of(session, domain, now=now, length=length)
    line = _sum(domain, days)
    standing = domain_figures.standings(session).get(domain)
    words = domain_figures.words_of(session, [domain], since=now - timedelta(days=length))
    return Entry(line, provider_of(domain), opinion_of(standing), words.get(domain, [])), days


def opinion_of(standing: DomainStanding | None) -> Opinion:
    """The verdict that is kept of a domain."""
    if standing is None or standing.verdict is Verdict.FINE:
        return FINE
    return Opinion(standing.verdict, standing.fault, standing.of_which, standing.out_of)


def strain(figures: Figures) -> float:
    """How near figures come to the first limit of any kind, or how far beyond it: 1 is there."""
    parts = [0.0]
    for fault, limits in LIMITS.items():
        limit = limits[Verdict.WATCH]
        count, of = figures.share_of(fault)
        if count >= limit.least and of >= limit.base:
            parts.append(count / of / limit.share)
    return max(parts)


def _size(line: Line) -> int:
    return line.figures.tried + line.figures.deferred


def _rest(total: Line, lines: list[Line]) -> Line:
    named = _sum("", lines)
    waits = Waits(
        total.waits.count - named.waits.count,
        total.waits.milliseconds - named.waits.milliseconds,
        tuple(mine - its for mine, its in zip(total.waits.buckets, named.waits.buckets, strict=True)),
    )
    return Line("", total.figures - named.figures, waits)


def _sum(domain: str, lines: list[Line]) -> Line:
    figures = sum((line.figures for line in lines), Figures())
    waits = Waits(
        sum(line.waits.count for line in lines),
        sum(line.waits.milliseconds for line in lines),
        tuple(map(sum, zip(Waits().buckets, *(line.waits.buckets for line in lines), strict=True))),
    )
    return Line(domain, figures, waits)
