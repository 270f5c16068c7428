"""Readers whose mail does not arrive again and again, though nobody says that they do not exist: points that expire.

A full mailbox is often emptied, a server comes back. One point for each issue and day; they are forgotten when a month
passes without one, or when a later issue arrives. Five that span two weeks end it, and so do two issues, three days
apart, for a mailbox that its own provider has shut off.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from newsletter.core.addresses import key_of
from newsletter.core.database import insert_into
from newsletter.delivery.models import Bounce, Delivery, DeliveryStatus, SoftBounce
from newsletter.mail.replies import ReplyClass
from newsletter.mail.transport import Outcome, OutcomeKind
from newsletter.suppression import ledger as suppression
from newsletter.suppression.models import SuppressionReason

FORGOTTEN = timedelta(days=30)
POINTS = 5
SPAN = timedelta(days=14)
DISABLED_POINTS = 2
DISABLED_SPAN = timedelta(days=3)
SETTLED = timedelta(days=2)
"""How long after a message left nothing must have come back for it to count as arrived."""
REMEMBERED = timedelta(days=400)
MAX_REPLY = 500


@dataclass(frozen=True, slots=True)
class Miss:
    """A delivery that did not arrive. `disabled`: the mailbox exists and is shut off (5.2.1)."""

    delivery_id: int
    issue_id: int
    email: str
    reply: str
    disabled: bool
    source: str


@dataclass(frozen=True, slots=True)
class Point:
    """A soft bounce as it counts."""

    at: datetime
    issue_id: int
    disabled: bool


def is_soft(outcome: Outcome) -> bool:
    """Whether an outcome at the door is final, about this reader's mailbox, and not for ever."""
    return outcome.kind is OutcomeKind.REJECTED and outcome.reply_class is ReplyClass.SOFT


def is_disabled(status: str) -> bool:
    """Whether an enhanced status code says that the mailbox is shut off."""
    return status == "5.2.1"


def is_enough(points: Iterable[Point], last_arrival: datetime | None, *, now: datetime) -> bool:
    """Whether so many soft bounces end it. `last_arrival`: when something reached this reader last."""
    counted = _alive(points, last_arrival, now=now)
    return _spans(counted, POINTS, SPAN) or _spans(
        [item for item in counted if item.disabled], DISABLED_POINTS, DISABLED_SPAN
    )


def take(session: Session, misses: Sequence[Miss], *, now: datetime) -> list[int]:
    """Count what did not arrive; returns the subscribers who are not written to any more for it.

    A delivery counts once, whoever reports it and however often.
    """
    if not misses:
        return []
    query = select(Delivery.id, Delivery.subscriber_id).where(Delivery.id.in_([item.delivery_id for item in misses]))
    readers = dict(session.execute(query).all())
    known = {item.delivery_id: item for item in misses if item.delivery_id in readers}
    if not known:
        return []
    new = session.scalars(
        insert_into(session, SoftBounce)
        .values([_row(item, readers[item.delivery_id], now) for item in known.values()])
        .on_conflict_do_nothing()
        .returning(SoftBounce.delivery_id)
    ).all()
    fresh = {readers[delivery_id]: known[delivery_id] for delivery_id in new}
    if not fresh:
        return []
    points, arrivals = _points(session, fresh), _arrivals(session, fresh, now=now)
    ended = [who for who in fresh if is_enough(points[who], arrivals.get(who), now=now)]
    suppression.suppress_all(
        session,
        {key_of(fresh[who].email): fresh[who].reply for who in ended},
        SuppressionReason.SOFT_BOUNCES,
        source=fresh[ended[0]].source if ended else "",
        now=now,
    )
    return ended


def _row(item: Miss, subscriber_id: int, now: datetime) -> dict[str, object]:
    return {
        "delivery_id": item.delivery_id,
        "issue_id": item.issue_id,
        "subscriber_id": subscriber_id,
        "at": now,
        "disabled": item.disabled,
        "source": item.source,
        "reply": item.reply[:MAX_REPLY],
    }


def _points(session: Session, who: Collection[int]) -> dict[int, list[Point]]:
    found: dict[int, list[Point]] = defaultdict(list)
    query = select(SoftBounce.subscriber_id, SoftBounce.at, SoftBounce.issue_id, SoftBounce.disabled).where(
        SoftBounce.subscriber_id.in_(who)
    )
    for subscriber_id, at, issue_id, disabled in session.execute(query):
        found[subscriber_id].append(Point(at, issue_id, disabled))
    return found


def _arrivals(session: Session, who: Collection[int], *, now: datetime) -> dict[int, datetime]:
    """When something was sent to each last that did not come back."""
    came_back = exists().where(SoftBounce.delivery_id == Delivery.id)
    refused = exists().where(Bounce.delivery_id == Delivery.id)
    query = (
        select(Delivery.subscriber_id, func.max(Delivery.updated_at))
        .where(
            Delivery.subscriber_id.in_(who),
            Delivery.status == DeliveryStatus.SENT,
            Delivery.updated_at < now - SETTLED,
            ~came_back,
            ~refused,
        )
        .group_by(Delivery.subscriber_id)
    )
    return dict(session.execute(query).all())


def _alive(points: Iterable[Point], last_arrival: datetime | None, *, now: datetime) -> list[Point]:
    """Those that count still, one for each issue and day, the oldest first."""
    counted: list[Point] = []
    seen: set[tuple[date, int]] = set()
    for item in sorted(points, key=lambda point: point.at):
        if last_arrival is not None and item.at <= last_arrival:
            continue
        if counted and item.at - counted[-1].at > FORGOTTEN:
            counted.clear()
            seen.clear()
        if (item.at.date(), item.issue_id) not in seen:
            seen.add((item.at.date(), item.issue_id))
            counted.append(item)
    return counted if counted and now - counted[-1].at <= FORGOTTEN else []


def _spans(points: Sequence[Point], least: int, span: timedelta) -> bool:
    return len(points) >= least and points[-1].at - points[0].at >= span
