"""The brake: an issue that is refused too often, or called spam too often, stops by itself before it does more harm.

The limits are those of the e-mail standards that the large mailbox providers publish. Judging is pure; a person who has
read the reason may let the issue go on, and then only twice as much stops it again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.delivery import ledger, tally
from newsletter.delivery.queries import Counts
from newsletter.issues import status
from newsletter.issues.models import Issue, IssueStatus

ACTOR = "brake"


class Fault(StrEnum):
    """Why an issue was stopped when nobody pressed the button."""

    HARD_BOUNCES = "hard_bounces"
    COMPLAINTS = "complaints"
    CONTENT = "content"
    CANNOT_BE_WRITTEN = "cannot_be_written"  # found before the freeze
    NO_AUDIENCE = "no_audience"  # the same: a segment it is for is gone


@dataclass(frozen=True, slots=True)
class Limit:
    """Passed when there are `least` at least, and more than `share` of those that count."""

    share: float
    least: int

    def passed(self, count: int, of: int, *, factor: int) -> bool:
        return count >= self.least * factor and count > self.share * factor * of


LIMITS = {
    Fault.HARD_BOUNCES: Limit(0.05, 20),
    Fault.COMPLAINTS: Limit(0.003, 3),
    Fault.CONTENT: Limit(0.02, 20),
}
CONTENT_OF_DOMAIN = Limit(0.02, 10)


@dataclass(frozen=True, slots=True)
class Reason:
    """What passed which limit: `count` of `of` messages. `domain`: only there, empty when everywhere."""

    code: Fault
    count: int
    of: int
    limit: float
    domain: str = ""


def judge(counts: Counts, domains: Iterable[tally.Answers] = (), *, released: bool = False) -> Reason | None:
    """Why an issue should stop, or None. `released`: somebody has let it go on, so everything counts half."""
    factor = 2 if released else 1
    found = (
        (Fault.HARD_BOUNCES, counts.hard, counts.tried),
        (Fault.COMPLAINTS, counts.complained, counts.sent),
        (Fault.CONTENT, counts.content, counts.tried),
    )
    for fault, count, of in found:
        limit = LIMITS[fault]
        if limit.passed(count, of, factor=factor):
            return Reason(fault, count, of, limit.share * factor)
    worst = max(
        (item for item in domains if CONTENT_OF_DOMAIN.passed(item.content, item.answered, factor=factor)),
        key=lambda item: (item.content, item.domain),
        default=None,
    )
    if worst is None:
        return None
    return Reason(Fault.CONTENT, worst.content, worst.answered, CONTENT_OF_DOMAIN.share * factor, worst.domain)


def check(session: Session, issue: Issue, counts: Counts, *, now: datetime) -> bool:
    """Pause an issue that passes a limit; True when it does."""
    if issue.status is not IssueStatus.SENDING or not counts.open:
        return False
    # Domains are many: they are asked only when there is something to find.
    domains = tally.with_content(session, issue.id) if counts.content >= CONTENT_OF_DOMAIN.least else []
    reason = judge(counts, domains, released=issue.brake_released)
    if reason is None:
        return False
    status.lock(session, issue)
    if issue.status is not IssueStatus.SENDING:
        return False
    stop(session, issue, asdict(reason), now=now)
    return True


def stop(session: Session, issue: Issue, reason: Mapping[str, Any], *, now: datetime) -> None:
    """Pause an issue that the caller has locked, and keep why."""
    if issue.status is not IssueStatus.PAUSED:
        status.move(issue, IssueStatus.PAUSED)
    issue.pause_reason = dict(reason)
    ledger.hold(session, issue.id, held=True)
    audit.record(
        session, actor=ACTOR, action="issue.paused", subject="issue", subject_id=issue.id, now=now, **issue.pause_reason
    )
