"""What was measured, read from the counts: no query here grows with the readers of an issue."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.core.database import among
from newsletter.newsletters.models import Measure
from newsletter.tracking.models import (
    ClickCount,
    EngagementEvent,
    IssueLink,
    IssueMeasure,
    LinkCount,
    OpenCount,
)
from newsletter.tracking.words import LinkKind


@dataclass(frozen=True, slots=True)
class Clicks:
    """`clicks` by persons; `readers`: how many persons, among those whose clicks are known by name; `machines` with
    what was fetched ahead; `unknown`: neither can be said.
    """

    clicks: int = 0
    readers: int = 0
    machines: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Opens:
    """An estimate: many readers load no pictures, and some mail programs load them for nobody (`prefetched`)."""

    opens: int = 0
    readers: int = 0
    prefetched: int = 0
    machines: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class LinkView:
    """A link of an issue and who followed it. `followed` False: it leads there directly, and nobody counts."""

    number: int
    url: str
    article_id: int | None
    kind: LinkKind
    followed: bool
    counts: Clicks


@dataclass(frozen=True, slots=True)
class IssueFigures:
    """All that is measured of an issue. `clicks` and `opens` say how; the figures of what is off are zero."""

    issue_id: int
    clicks: Measure = Measure.OFF
    opens: Measure = Measure.OFF
    clicked: Clicks = field(default_factory=Clicks)
    opened: Opens = field(default_factory=Opens)


@dataclass(frozen=True, slots=True)
class Day:
    """What happened to an issue on a day (UTC)."""

    day: date
    clicked: Clicks
    opened: Opens


_CLICKS = ("clicks", "readers", "machines", "unknown")
_OPENS = ("opens", "readers", "prefetched", "machines", "unknown")


def measure_of(session: Session, issue_id: int) -> IssueMeasure | None:
    """What is measured of an issue; None before its freeze, and for those frozen before anything was."""
    return session.get(IssueMeasure, issue_id)


def figures(session: Session, issue_ids: Collection[int]) -> dict[int, IssueFigures]:
    """The figures of some issues, three statements for all of them."""
    measures = {
        row.issue_id: row
        for row in session.scalars(select(IssueMeasure).where(among(session, IssueMeasure.issue_id, issue_ids)))
    }
    clicked = _sums(session, ClickCount, _CLICKS, issue_ids)
    opened = _sums(session, OpenCount, _OPENS, issue_ids)
    return {
        issue_id: IssueFigures(
            issue_id,
            measures[issue_id].clicks if issue_id in measures else Measure.OFF,
            measures[issue_id].opens if issue_id in measures else Measure.OFF,
            Clicks(*clicked.get(issue_id, ())),
            Opens(*opened.get(issue_id, ())),
        )
        for issue_id in issue_ids
    }


def links(session: Session, issue_id: int) -> list[LinkView]:
    """The links of an issue, those that most persons followed first. There are some hundred at most."""
    rows = session.execute(
        select(IssueLink, LinkCount)
        .outerjoin(LinkCount, (LinkCount.issue_id == IssueLink.issue_id) & (LinkCount.number == IssueLink.number))
        .where(IssueLink.issue_id == issue_id)
        .order_by(func.coalesce(LinkCount.clicks, 0).desc(), IssueLink.number)
    )
    return [
        LinkView(
            link.number,
            link.url,
            link.article_id,
            link.kind,
            link.followed,
            Clicks(*(getattr(count, name) for name in _CLICKS)) if count else Clicks(),
        )
        for link, count in rows
    ]


def days(session: Session, issue_id: int) -> list[Day]:
    """The days on which anything happened to an issue, the first one first; each stands for itself, and they add up."""
    clicked = {row.day: row for row in session.scalars(select(ClickCount).where(ClickCount.issue_id == issue_id))}
    opened = {row.day: row for row in session.scalars(select(OpenCount).where(OpenCount.issue_id == issue_id))}
    return [
        Day(
            day,
            Clicks(*(getattr(clicked[day], name) for name in _CLICKS)) if day in clicked else Clicks(),
            Opens(*(getattr(opened[day], name) for name in _OPENS)) if day in opened else Opens(),
        )
        for day in sorted(clicked.keys() | opened.keys())
    ]


def of_subscriber(
    session: Session, subscriber_id: int, *, before: int | None = None, limit: int = 50
) -> Sequence[tuple[EngagementEvent, str | None]]:
    """What is known by name of a reader, the newest first, each with the address that was followed; below the event
    `before`.
    """
    query = (
        select(EngagementEvent, IssueLink.url)
        .outerjoin(
            IssueLink, (IssueLink.issue_id == EngagementEvent.issue_id) & (IssueLink.number == EngagementEvent.number)
        )
        .where(EngagementEvent.subscriber_id == subscriber_id)
        .order_by(EngagementEvent.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(EngagementEvent.id < before)
    return [(event, url) for event, url in session.execute(query)]


def waiting_since(session: Session) -> datetime | None:
    """When the oldest event came in that the counts do not have yet; None: they have all."""
    return session.scalar(
        select(EngagementEvent.at).where(EngagementEvent.judged_at.is_(None)).order_by(EngagementEvent.id).limit(1)
    )


def _sums(
    session: Session, table: type[Any], names: Sequence[str], issue_ids: Collection[int]
) -> dict[int, tuple[int, ...]]:
    rows = session.execute(
        select(table.issue_id, *(func.sum(getattr(table, name)) for name in names))
        .where(among(session, table.issue_id, issue_ids))
        .group_by(table.issue_id)
    )
    return {issue_id: tuple(map(int, sums)) for issue_id, *sums in rows}
