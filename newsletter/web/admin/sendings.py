"""What the live page shows beside the sums of an issue: its domains, its pace as a line, and who is at it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.delivery import lanes, ways
from newsletter.delivery import queries as deliveries
from newsletter.issues import domains, pace
from newsletter.issues.domains import ByDomain
from newsletter.issues.models import Issue, IssueStatus
from newsletter.web.admin.live import Live

UNDER_WAY = (IssueStatus.SENDING, IssueStatus.PAUSED)
WIDTH, HEIGHT = 300, 60


@dataclass(frozen=True, slots=True)
class Line:
    """Messages a second as points of a line in a box of 300 by 60, with the moments at both ends and the highest."""

    points: str
    area: str
    first: datetime
    last: datetime
    most: float


@dataclass(frozen=True, slots=True)
class Shown:
    """`troubled`: what holds up mail to the domains that are shown, by domain. `workers` have `connections` open."""

    by_domain: ByDomain
    line: Line | None
    troubled: dict[str, ways.Trouble]
    workers: int
    connections: int


def shown(session: Session, issue: Issue, live: Live, *, now: datetime) -> Shown:
    """Some rows of each, whatever the size of the issue."""
    found = domains.by_domain(session, issue.id, deliveries.counts(session, issue.id)) if live.audience else ByDomain()
    troubled: dict[str, ways.Trouble] = {}
    workers = connections = 0
    if issue.status in UNDER_WAY:
        troubled = ways.troubled(session, {line.domain for line in found.lines}, now=now)
        workers, connections = lanes.at_work(session, now=now)
    return Shown(found, _line(pace.line(session, issue, now=now)), troubled, workers, connections)


def _line(marks: Sequence[tuple[datetime, float]]) -> Line | None:
    """None for fewer than two moments: there is no line between them."""
    if len(marks) < 2:
        return None
    first, last = marks[0][0], marks[-1][0]
    span = (last - first).total_seconds()
    most = max(rate for _at, rate in marks)
    if span <= 0 or most <= 0:
        return None
    points = " ".join(
        f"{(at - first).total_seconds() / span * WIDTH:.1f},{HEIGHT - rate / most * (HEIGHT - 4):.1f}"
        for at, rate in marks
    )
    return Line(points, f"0,{HEIGHT} {points} {WIDTH},{HEIGHT}", first, last, most)
