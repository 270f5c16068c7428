"""An issue by the domains of its readers: how many each has, and what became of them.

While the issue is sent the figures are added up with each flush of outcomes, see delivery.tally. Two set-based
statements are not a sender's: who the readers are, counted once when the issue is frozen, and what became of them,
counted once when it is over, which makes good what a worker that died could not count any more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, case, delete, func, literal, select, update
from sqlalchemy.orm import Session

from newsletter.core import jobs
from newsletter.core.database import insert_into
from newsletter.delivery.models import Batch, Delivery, DeliveryStatus, DomainTally
from newsletter.delivery.queries import Counts
from newsletter.delivery.tally import COLUMNS
from newsletter.issues.models import Issue, IssueStatus
from newsletter.subscriptions.models import Subscriber

SHOWN = 8
KEEP = 200
FOLDED_AFTER, FOLDED_WITHIN = timedelta(days=3), timedelta(days=10)
LOST_AFTER, LOST_WITHIN = timedelta(minutes=10), timedelta(days=2)
ENDED = (IssueStatus.SENT, IssueStatus.CANCELLED)
STATES = {
    "sent": DeliveryStatus.SENT,
    "waiting": DeliveryStatus.DEFERRED,
    "failed": DeliveryStatus.FAILED,
    "unknown": DeliveryStatus.UNKNOWN,
    "skipped": DeliveryStatus.SKIPPED,
}


@dataclass(frozen=True, slots=True)
class DomainLine:
    """Deliveries of an issue to one domain; domain "": all the others together, as far as they are known by domain.

    `left`: those that are none of the rest, queued or in hand, and while the issue is sent those that were left out.
    """

    domain: str
    audience: int
    sent: int
    deferred: int
    failed: int
    unknown: int
    skipped: int

    @property
    def left(self) -> int:
        return max(0, self.audience - self.sent - self.deferred - self.failed - self.unknown - self.skipped)

    @property
    def counts(self) -> Mapping[str, int]:
        """By state, for a bar."""
        return {
            "sent": self.sent,
            "skipped": self.skipped,
            "failed": self.failed,
            "unknown": self.unknown,
            "deferred": self.deferred,
            "queued": self.left,
        }


@dataclass(frozen=True, slots=True)
class ByDomain:
    """The largest domains and the others. `counted`: the readers of each domain are known; else the figures are of
    what was answered so far.
    """

    lines: tuple[DomainLine, ...] = ()
    rest: DomainLine | None = None
    counted: bool = False


def by_domain(session: Session, issue_id: int, total: Counts, *, most: int = SHOWN) -> ByDomain:
    """The domains with most readers, along an index, and what is left of the sums `total` for the others."""
    lines = [_line(row) for row in session.scalars(_largest(issue_id, most))]
    counted = bool(lines) and lines[0].audience > 0
    if not counted:
        lines = [_line(row) for row in session.scalars(_busiest(issue_id, most))]
    if not lines:
        return ByDomain()
    if not counted:
        return ByDomain(tuple(lines), None, counted=False)
    return ByDomain(tuple(lines), _rest(lines, total), counted=True)


def sent_of_largest(session: Session, issue_id: int, *, most: int = SHOWN) -> dict[str, int]:
    """What the largest domains have taken."""
    return {row.domain: row.sent for row in session.scalars(_largest(issue_id, most)) if row.audience}


def count(session: Session, issue_id: int, *, now: datetime) -> None:
    """Count the readers of a frozen issue by domain; of one that is over, by what became of them."""
    issue = session.get(Issue, issue_id)
    if issue is None or issue.frozen_at is None:
        return
    over = issue.status in ENDED
    if over:
        # Whoever writes an outcome holds the row of its domain until it commits: what we read below has it.
        query = select(DomainTally.domain).where(DomainTally.issue_id == issue_id).order_by(DomainTally.domain)
        session.execute(query.with_for_update())
        zeros = {"audience": 0, **dict.fromkeys(STATES, 0)}
        session.execute(update(DomainTally).where(DomainTally.issue_id == issue_id).values(zeros))
    _add_up(session, issue_id, states=STATES if over else {})
    if over:
        # A message in hand when it was cancelled has an outcome soon.
        in_hand = session.scalar(select(func.sum(Batch.sending)).where(Batch.issue_id == issue_id)) or 0
        issue.reckoned_at = None if in_hand else now


def ask_for_lost(session: Session, *, now: datetime) -> None:
    """Ask again for what a worker did not come to, of issues that ended of late."""
    lost = select(Issue.id).where(
        Issue.status.in_(ENDED),
        Issue.frozen_at.is_not(None),
        Issue.reckoned_at.is_(None),
        Issue.finished_at > now - LOST_WITHIN,
        Issue.finished_at < now - LOST_AFTER,
    )
    for issue_id in session.scalars(lost).all():
        jobs.wake(session, jobs.COUNT_DOMAINS, issue_id)


def fold(session: Session, *, now: datetime, keep: int = KEEP) -> None:
    """Add up the small domains of issues that ended days ago in a row without a name."""
    ended = select(Issue.id).where(
        Issue.status.in_(ENDED),
        Issue.finished_at <= now - FOLDED_AFTER,
        Issue.finished_at > now - FOLDED_AFTER - FOLDED_WITHIN,
        Issue.reckoned_at.is_not(None),
    )
    crowded = (
        select(DomainTally.issue_id)
        .where(DomainTally.issue_id.in_(ended))
        .group_by(DomainTally.issue_id)
        .having(func.count() > keep + 1)
    )
    for issue_id in session.scalars(crowded).all():
        _fold_issue(session, issue_id, keep)


def _fold_issue(session: Session, issue_id: int, keep: int) -> None:
    kept = set(session.scalars(_largest(issue_id, keep).with_only_columns(DomainTally.domain)))
    small = (DomainTally.issue_id == issue_id, DomainTally.domain.not_in(kept | {""}))
    names = (*COLUMNS, "audience", *(name for name in STATES if name != "sent"))
    sums = session.execute(select(*(func.sum(getattr(DomainTally, name)).label(name) for name in names)).where(*small))
    values = {name: int(value or 0) for name, value in sums.mappings().one().items()}
    add = insert_into(session, DomainTally).values(issue_id=issue_id, domain="", **values)
    session.execute(
        add.on_conflict_do_update(
            index_elements=[DomainTally.issue_id, DomainTally.domain],
            set_={name: getattr(DomainTally, name) + add.excluded[name] for name in names},
        )
    )
    session.execute(delete(DomainTally).where(*small).execution_options(synchronize_session=False))


def _add_up(session: Session, issue_id: int, *, states: Mapping[str, DeliveryStatus]) -> None:
    """Write audience and `states` of every domain; an erased reader has none, and counts for ""."""
    domain = func.coalesce(Subscriber.domain, "").label("domain")
    columns: list[ColumnElement[int]] = [func.count().label("audience")]
    columns += [_number_of(status).label(name) for name, status in states.items()]
    others = [name for name in COLUMNS if name not in states]
    found = (
        select(literal(issue_id), domain, *columns, *(literal(0) for _name in others))
        .select_from(Batch)
        .join(Delivery, Delivery.batch_id == Batch.id)
        .outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(Batch.issue_id == issue_id)
        .group_by(domain)
        .order_by(domain)
    )
    names = ["issue_id", "domain", "audience", *states, *others]
    add = insert_into(session, DomainTally).from_select(names, found)
    session.execute(
        add.on_conflict_do_update(
            index_elements=[DomainTally.issue_id, DomainTally.domain],
            set_={name: add.excluded[name] for name in ("audience", *states)},
        )
    )


def _number_of(status: DeliveryStatus) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((Delivery.status == status, 1), else_=0)), 0)


def _largest(issue_id: int, most: int) -> Select[DomainTally]:
    return (
        select(DomainTally)
        .where(DomainTally.issue_id == issue_id, DomainTally.domain != "")
        .order_by(DomainTally.audience.desc())
        .limit(most)
    )


def _busiest(issue_id: int, most: int) -> Select[DomainTally]:
    """Where nobody has counted: by what was taken."""
    return (
        select(DomainTally)
        .where(DomainTally.issue_id == issue_id, DomainTally.domain != "")
        .order_by(DomainTally.sent.desc(), DomainTally.domain)
        .limit(most)
    )


def _line(row: DomainTally) -> DomainLine:
    # What a worker could not count any more may leave a sum a little below nothing until the issue is over.
    waiting = max(0, row.waiting)
    return DomainLine(row.domain, row.audience, row.sent, waiting, row.failed, row.unknown, row.skipped)


def _rest(lines: list[DomainLine], total: Counts) -> DomainLine | None:
    """What the sums of the issue have beyond these lines, so that all of them add up to the total that is shown."""

    def beyond(whole: int, name: str) -> int:
        return max(0, whole - sum(int(getattr(line, name)) for line in lines))

    rest = DomainLine(
        "",
        beyond(total.total, "audience"),
        beyond(total.sent, "sent"),
        beyond(total.deferred, "deferred"),
        beyond(total.failed, "failed"),
        beyond(total.unknown, "unknown"),
        beyond(total.skipped, "skipped"),
    )
    return rest if rest.audience else None
