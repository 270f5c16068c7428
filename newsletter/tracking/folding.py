"""Events into counts: each is judged with all that is known of its message, and what it adds is written beside it in
the transaction that adds it. So nothing counts twice, whoever is killed in between and however many fold at once.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import column, func, select, table, text
from sqlalchemy.orm import Session

from newsletter.core.database import among, dialect_of, insert_into
from newsletter.delivery.models import Delivery, DeliveryStatus
from newsletter.tracking import counting
from newsletter.tracking.counting import Cell, Place, Share
from newsletter.tracking.models import ClickCount, EngagementEvent, IssueLink, LinkCount, OpenCount
from newsletter.tracking.verdicts import OF_MANY, OF_ONE, Hit, judge
from newsletter.tracking.words import Reason, Verdict

CHUNK: Final = 2000  # events that are new, in one transaction
MOST: Final = 1000  # events of one message that are looked at; no person makes as many
AROUND: Final = timedelta(seconds=10)  # what happened so close may belong together, where nobody knows whose it is
FOLD_LOCK: Final = 7_405_115  # any number: it only has to be the same in every process of this service

_SUBSCRIBERS: Final = table("subscribers", column("id"))
_TABLES: Final[dict[str, tuple[type[Any], str]]] = {
    counting.LINKS: (LinkCount, "number"),
    counting.CLICKS: (ClickCount, "day"),
    counting.OPENS: (OpenCount, "day"),
}


class Message(NamedTuple):
    """A delivery, as far as it matters here."""

    issue_id: int
    subscriber_id: int
    sent_at: datetime | None


def anything_waits(session: Session) -> bool:
    return session.scalar(select(EngagementEvent.id).where(EngagementEvent.judged_at.is_(None)).limit(1)) is not None


def fold(session: Session, *, now: datetime) -> int:
    """Judge the oldest events that wait, and count them; returns how many they were. 0 when another process is at it.

    A dozen statements, however many events there are.
    """
    if not _take_turn(session):
        return 0
    fresh = session.scalars(
        select(EngagementEvent).where(EngagementEvent.judged_at.is_(None)).order_by(EngagementEvent.id).limit(CHUNK)
    ).all()
    if not fresh:
        return 0
    messages = _messages(session, {event.delivery_id for event in fresh if event.delivery_id is not None})
    for event in fresh:
        _name(event, messages)
    named = {event.delivery_id for event in fresh if event.delivery_id is not None}
    links = _links(session, {event.issue_id for event in fresh})
    flooded = _flooded(session, named)
    tally = _Tally(now)
    for delivery_id, events in _by_delivery(session, named - flooded, messages).items():
        message = messages[delivery_id]
        tally.judge(events, sent_at=message.sent_at, links=links.get(message.issue_id, 0), named=True)
    for events in _nameless(session, [event for event in fresh if event.delivery_id is None]):
        tally.judge(events, sent_at=None, links=0, named=False)
    tally.set_aside([event for event in fresh if event.delivery_id in flooded])
    session.flush()
    _add(session, tally.change)
    return len(fresh)


def _take_turn(session: Session) -> bool:
    """One folds at a time. On SQLite a unit is the only writer anyway."""
    if dialect_of(session) != "postgresql":
        return True
    return bool(session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": FOLD_LOCK}))


def _messages(session: Session, delivery_ids: set[int]) -> dict[int, Message]:
    """The deliveries that there are, of readers who have not been erased."""
    rows = session.execute(
        select(Delivery.id, Delivery.issue_id, Delivery.subscriber_id, Delivery.status, Delivery.updated_at)
        .join(_SUBSCRIBERS, _SUBSCRIBERS.c.id == Delivery.subscriber_id)
        .where(among(session, Delivery.id, delivery_ids))
    )
    return {
        delivery_id: Message(issue_id, subscriber_id, at if status is DeliveryStatus.SENT else None)
        for delivery_id, issue_id, subscriber_id, status, at in rows
    }


def _name(event: EngagementEvent, messages: dict[int, Message]) -> None:
    """Say whose an event is, or that nobody knows: its reader is erased, or the halves of its token do not belong
    together.
    """
    message = messages.get(event.delivery_id) if event.delivery_id is not None else None
    if message is None or message.issue_id != event.issue_id:
        event.delivery_id = event.subscriber_id = None
    else:
        event.subscriber_id = message.subscriber_id


def _links(session: Session, issue_ids: set[int]) -> dict[int, int]:
    """How many links of each issue can be followed."""
    rows = session.execute(
        select(IssueLink.issue_id, func.count())
        .where(among(session, IssueLink.issue_id, issue_ids), IssueLink.followed)
        .group_by(IssueLink.issue_id)
    )
    return dict(rows.all())


def _flooded(session: Session, delivery_ids: set[int]) -> set[int]:
    rows = session.scalars(
        select(EngagementEvent.delivery_id)
        .where(among(session, EngagementEvent.delivery_id, delivery_ids))
        .group_by(EngagementEvent.delivery_id)
        .having(func.count() > MOST)
    )
    return {delivery_id for delivery_id in rows if delivery_id is not None}


def _by_delivery(
    session: Session, delivery_ids: set[int], messages: dict[int, Message]
) -> dict[int, list[EngagementEvent]]:
    """All events of these messages, those that were judged before, too."""
    found: defaultdict[int, list[EngagementEvent]] = defaultdict(list)
    for event in session.scalars(
        select(EngagementEvent).where(among(session, EngagementEvent.delivery_id, delivery_ids))
    ):
        _name(event, messages)
        if event.delivery_id is not None:
            found[event.delivery_id].append(event)
    return found


def _nameless(session: Session, fresh: Sequence[EngagementEvent]) -> Iterable[list[EngagementEvent]]:
    """Events of nobody in particular, by issue, with those that happened close to them."""
    by_issue: defaultdict[int, list[EngagementEvent]] = defaultdict(list)
    for event in fresh:
        by_issue[event.issue_id].append(event)
    for issue_id, events in by_issue.items():
        first, last = min(event.at for event in events), max(event.at for event in events)
        around = session.scalars(
            select(EngagementEvent).where(
                EngagementEvent.issue_id == issue_id,
                EngagementEvent.at.between(first - AROUND, last + AROUND),
                EngagementEvent.delivery_id.is_(None),
            )
        )
        yield list(around)


class _Tally:
    """Judges events, writes on each what it says and adds, and sums up what the counts gain and lose by that."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self.change: Counter[Cell] = Counter()

    def judge(self, events: Sequence[EngagementEvent], *, sent_at: datetime | None, links: int, named: bool) -> None:
        hits = [Hit(item.id, item.number, item.at, item.manner, item.family, item.network) for item in events]
        rulings = judge(hits, sent_at=sent_at, links=links, signs=OF_ONE if named else OF_MANY)
        shares = counting.share_out(hits, rulings, named=named)
        for event in events:
            self._settle(event, rulings[event.id].reason, shares[event.id])

    def set_aside(self, events: Iterable[EngagementEvent]) -> None:
        """More events than a person makes add nothing: whoever has one message must not fill the counts with it."""
        share = Share(Verdict.MACHINE, counted=False, first_of_link=False, first_of_issue=False)
        for event in events:
            self._settle(event, Reason.FLOOD, share)

    def _settle(self, event: EngagementEvent, reason: Reason, share: Share) -> None:
        before = None
        if event.judged_at is not None and event.verdict is not None:
            before = Share(event.verdict, event.counted, event.first_of_link, event.first_of_issue)
        if before != share:
            place = Place(event.issue_id, event.number, event.day)
            self.change.update(counting.difference(place, before, share))
        event.verdict, event.counted, event.first_of_link, event.first_of_issue = share
        event.reason = reason
        event.judged_at = event.judged_at or self._now


def _add(session: Session, change: Counter[Cell]) -> None:
    """Add to the counts what they gain, and take what they lose, a statement for each table."""
    rows: defaultdict[str, dict[tuple[int, Any], dict[str, int]]] = defaultdict(dict)
    for cell, count in change.items():
        if count:
            rows[cell.table].setdefault((cell.issue_id, cell.place), {})[cell.column] = count
    for name, found in rows.items():
        model, key = _TABLES[name]
        figures = [item.name for item in model.__table__.columns if item.name not in ("issue_id", key)]
        statement = insert_into(session, model)
        statement = statement.on_conflict_do_update(
            index_elements=["issue_id", key],
            set_={figure: getattr(model, figure) + statement.excluded[figure] for figure in figures},
        )
        session.execute(
            statement,
            [
                {"issue_id": issue_id, key: place} | {figure: gained.get(figure, 0) for figure in figures}
                for (issue_id, place), gained in sorted(found.items())
            ],
        )
