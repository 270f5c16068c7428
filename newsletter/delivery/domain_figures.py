"""Reading what recipients' domains said, day by day. Each question goes by an index and sums what it finds; a past day
has about a thousand rows, since small domains are folded into one.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select
from sqlalchemy.orm import Session

from newsletter.delivery.days import ANY_RELAY, BUCKETS, day_of
from newsletter.delivery.domain_models import DomainDay, DomainStanding, DomainWords
from newsletter.delivery.reputation import LIMITS, LONG, Fault, Figures

D = DomainDay
LIVE = timedelta(minutes=10)

_KINDS: Mapping[str, ColumnElement[int]] = {
    "sent": func.sum(D.sent),
    "deferred": func.sum(D.deferred),
    "hard": func.sum(D.hard + D.hard_later),
    "soft": func.sum(D.soft + D.soft_later),
    "content": func.sum(D.content + D.content_later),
    "sender": func.sum(D.sender + D.sender_later),
    "complained": func.sum(D.complained),
}
# Grouped by the bare column, SQLite reads all days in the order of the index on domains instead of the few asked for.
_NAME = D.domain.op("||")(literal_column("''")).label("domain")
_SUMS = [column.label(name) for name, column in _KINDS.items()]
_WAITS = [func.sum(getattr(D, name)).label(name) for name in ("waited", "wait_ms", *BUCKETS)]
_ANSWERED = func.sum(D.sent + D.hard + D.soft + D.content + D.sender)


@dataclass(frozen=True, slots=True)
class Waits:
    """How long messages took from the moment when their batch might leave to their acceptance: `count` of them
    `milliseconds` together, and by bucket of `days.BUCKETS`.
    """

    count: int = 0
    milliseconds: int = 0
    buckets: tuple[int, ...] = (0,) * len(BUCKETS)

    @property
    def median(self) -> str | None:
        """The bucket that holds the one in the middle."""
        seen = 0
        for name, count in zip(BUCKETS, self.buckets, strict=True):
            seen += count
            if count and seen * 2 >= self.count:
                return name
        return None

    @property
    def within_5m(self) -> float | None:
        """The share of those that took less than five minutes."""
        return sum(self.buckets[:2]) / self.count if self.count else None


@dataclass(frozen=True, slots=True)
class Line:
    """A domain in a period; "" for all those that are not named. `day` None: the whole period."""

    domain: str
    figures: Figures
    waits: Waits
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What was answered over one relay, what came back of which the relay is not known, and what all relays together
    have sent.
    """

    own: Figures = field(default_factory=Figures)
    unknown: Figures = field(default_factory=Figures)
    sent: int = 0

    def __add__(self, other: "Part") -> "Part":
        return Part(self.own + other.own, self.unknown + other.unknown, self.sent + other.sent)

    def with_share(self, share: float) -> Figures:
        """The relay's figures, with its share of what is nobody's."""
        return self.own + self.unknown.times(share)


def anything_lately(session: Session, *, now: datetime) -> bool:
    """Whether anything was counted in the last ten minutes, or since midnight where that is shorter."""
    query = select(D.day).where(D.day >= day_of(now), D.last_at >= now - LIVE).limit(1)
    return session.scalar(query) is not None


def troubled(session: Session, *, now: datetime) -> set[str]:
    """The domains that could be judged anything but fine in the last days."""
    least = {fault: min(limit.least for limit in limits.values()) for fault, limits in LIMITS.items()}
    too_much = [_KINDS["complained" if fault is Fault.COMPLAINTS else fault.value] >= least[fault] for fault in Fault]
    query = select(_NAME).where(D.day >= first_day(now, LONG), D.domain != "").group_by(_NAME).having(or_(*too_much))
    return set(session.scalars(query))


def by_day(session: Session, domains: Collection[str], *, now: datetime) -> dict[str, dict[date, Figures]]:
    """The figures of the last days of these domains over all relays."""
    found: dict[str, dict[date, Figures]] = {domain: {} for domain in domains}
    query = (
        select(D.domain, D.day, *_SUMS)
        .where(D.domain.in_(domains), D.day >= first_day(now, LONG))
        .group_by(D.domain, D.day)
    )
    for row in session.execute(query):
        found[row.domain][row.day] = _figures(row)
    return found


def ways_of(session: Session, domain: str, *, now: datetime) -> list[int]:
    """The relays that have tried a domain in the last days."""
    query = select(D.relay_id).where(D.domain == domain, D.day >= first_day(now, LONG), D.relay_id != ANY_RELAY)
    return sorted(set(session.scalars(query)))


def today(session: Session, domain: str, *, now: datetime) -> tuple[int, datetime, datetime] | None:
    """What a domain has taken today, and from when to when something was counted."""
    query = select(func.sum(D.sent), func.min(D.first_at), func.max(D.last_at)).where(
        D.domain == domain, D.day == day_of(now)
    )
    sent, first, last = session.execute(query).one()
    return None if first is None else (int(sent), first, last)


def of_relay(session: Session, relay_id: int, *, since: date, until: date) -> dict[date, dict[str, Part]]:
    """What domains answered over a relay, by day."""
    query = (
        select(D.day, D.domain, D.relay_id, *_SUMS)
        .where(D.day >= since, D.day <= until)
        .group_by(D.day, D.domain, D.relay_id)
    )
    found: dict[date, dict[str, Part]] = defaultdict(dict)
    for row in session.execute(query):
        figures = _figures(row)
        part = Part(
            own=figures if row.relay_id == relay_id else Figures(),
            unknown=figures if row.relay_id == ANY_RELAY else Figures(),
            sent=figures.sent,
        )
        found[row.day][row.domain] = found[row.day].get(row.domain, Part()) + part
    return found


# For people


def largest(session: Session, *, now: datetime, length: int, most: int) -> tuple[list[Line], Line]:
    """The domains with most answers in a period, and the sum of all."""
    period = D.day >= first_day(now, length)
    query = (
        select(_NAME, *_SUMS, *_WAITS)
        .where(period, D.domain != "")
        .group_by(_NAME)
        .order_by((_ANSWERED + func.sum(D.deferred) + func.sum(D.complained)).desc(), _NAME)
        .limit(most)
    )
    lines = [Line(row.domain, _figures(row), _waits(row)) for row in session.execute(query)]
    everything = session.execute(select(*_SUMS, *_WAITS).where(period)).one()
    return lines, Line("", _figures(everything), _waits(everything))


def these(session: Session, domains: Collection[str], *, now: datetime, length: int) -> list[Line]:
    """These domains in a period."""
    query = (
        select(D.domain, *_SUMS, *_WAITS)
        .where(D.domain.in_(domains), D.day >= first_day(now, length))
        .group_by(D.domain)
        .order_by(D.domain)
    )
    return [Line(row.domain, _figures(row), _waits(row)) for row in session.execute(query)]


def days_of(session: Session, domain: str, *, now: datetime, length: int) -> list[Line]:
    """The days of one domain on which something was counted, the last one first."""
    query = (
        select(D.day, *_SUMS, *_WAITS)
        .where(D.domain == domain, D.day >= first_day(now, length))
        .group_by(D.day)
        .order_by(D.day.desc())
    )
    return [Line(domain, _figures(row), _waits(row), row.day) for row in session.execute(query)]


def words_of(session: Session, domains: Collection[str], *, since: datetime) -> dict[str, list[DomainWords]]:
    """What their servers said last, the newest first."""
    found: dict[str, list[DomainWords]] = defaultdict(list)
    query = select(DomainWords).where(and_(DomainWords.domain.in_(domains), DomainWords.last_at >= since))
    for said in session.scalars(query.order_by(DomainWords.last_at.desc(), DomainWords.kind)):
        found[said.domain].append(said)
    return found


def standings(session: Session) -> dict[str, DomainStanding]:
    """The domains that are not fine, or for which something was done lately."""
    return {row.domain: row for row in session.scalars(select(DomainStanding))}


def first_day(now: datetime, length: int) -> date:
    """Of the last `length` days, today among them."""
    return day_of(now) - timedelta(days=length - 1)


def _figures(row: Any) -> Figures:
    return Figures(**{name: int(getattr(row, name) or 0) for name in _KINDS})


def _waits(row: Any) -> Waits:
    return Waits(int(row.waited or 0), int(row.wait_ms or 0), tuple(int(getattr(row, name) or 0) for name in BUCKETS))
