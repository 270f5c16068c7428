"""Finding deliveries of an issue by address, state and domain: a page at a time, whatever the number of rows.

`deliveries` has no index on what changes while it is sent. An address, or a domain, leads to its readers, and a reader
to the delivery; a state leads to the batches that have some. Each way looks at a bounded number of rows for a page: a
page that found less than it could show says where to go on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from newsletter.core.database import among
from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import gettext as _
from newsletter.delivery import queries as deliveries
from newsletter.delivery.models import (
    Bounce,
    Delivery,
    DeliveryAttempt,
    DeliveryStatus,
    RelayRecord,
    SoftBounce,
)
from newsletter.issues.queries import DeliveryView
from newsletter.subscriptions.models import Subscriber

WINDOW = 2000  # readers, or deliveries, that are looked at in one step
STEPS = 4
FEW = 100
"""Deliveries in a state, of the whole issue, that are looked at one by one; where there are more of them, the readers
of a domain lead to some soon.
"""
MOST_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class Found:
    """A page of deliveries; `after` is where the next one goes on, None at the end. A short page may have a next."""

    rows: Sequence[DeliveryView]
    after: str | None


@dataclass(frozen=True, slots=True)
class Story:
    """One delivery with all that is known of it here; `relays` are names by id."""

    delivery: Delivery
    email: str
    attempts: Sequence[DeliveryAttempt]
    bounce: Bounce | None
    soft_bounce: SoftBounce | None
    relays: dict[int, str]


def find(
    session: Session,
    issue_id: int,
    *,
    text: str = "",
    status: DeliveryStatus | None = None,
    domain: str = "",
    after: str = "",
    limit: int = 30,
) -> Found:
    """Deliveries of an issue whose address begins with `text`, in a state, to a domain; each narrows the others.
    `after` comes from the page before, or from anywhere: what is none begins at the beginning.
    """
    if text:
        return _by_reader(session, issue_id, _begins_with(text), "email_key", status, domain, after, limit)
    if domain and (status is None or getattr(deliveries.counts(session, issue_id), status.value) > FEW):
        return _by_reader(session, issue_id, Subscriber.domain == domain, "id", status, "", after, limit)
    return _by_batch(session, issue_id, status, domain, _number(after), limit)


def story(session: Session, issue_id: int, delivery_id: int) -> Story:
    """What is known of one delivery; NotFoundError for one of another issue."""
    delivery = session.get(Delivery, delivery_id)
    if delivery is None or delivery.issue_id != issue_id:
        raise NotFoundError(_("This delivery does not exist."))
    attempts = session.scalars(
        select(DeliveryAttempt)
        .where(DeliveryAttempt.delivery_id == delivery_id)
        .order_by(DeliveryAttempt.id.desc())
        .limit(MOST_ATTEMPTS)
    ).all()
    return Story(
        delivery,
        session.scalar(select(Subscriber.email).where(Subscriber.id == delivery.subscriber_id)) or "",
        list(reversed(attempts)),
        session.scalar(select(Bounce).where(Bounce.delivery_id == delivery_id)),
        session.scalar(select(SoftBounce).where(SoftBounce.delivery_id == delivery_id)),
        dict(session.execute(select(RelayRecord.id, RelayRecord.name)).all()),
    )


def _by_reader(
    session: Session,
    issue_id: int,
    who: ColumnElement[bool],
    order: str,
    status: DeliveryStatus | None,
    domain: str,
    after: str,
    limit: int,
) -> Found:
    """Along an index of readers, by `order`: some thousand of them for a page at most."""
    key = getattr(Subscriber, order)
    at: Any = after if order == "email_key" else _number(after)
    rows: list[DeliveryView] = []
    for _step in range(STEPS):
        window = select(Subscriber.id, key.label("key")).where(who).order_by(key).limit(WINDOW)
        if at:
            window = window.where(key > at)
        some = window.subquery()
        query = _deliveries(issue_id).add_columns(some.c.key).join(some, some.c.id == Delivery.subscriber_id)
        if status is not None:
            query = query.where(Delivery.status == status)
        if domain:
            query = query.where(Subscriber.domain == domain)
        found = session.execute(query.order_by(some.c.key).limit(limit + 1 - len(rows))).all()
        rows += [DeliveryView(*row[:-1]) for row in found]
        if len(rows) > limit:
            return Found(rows[:limit], str(found[-2].key if len(found) > 1 else at))
        seen, last = session.execute(select(func.count(), func.max(some.c.key))).one()
        if seen < WINDOW:
            return Found(rows, None)
        at = last
    return Found(rows, str(at))


def _by_batch(
    session: Session, issue_id: int, status: DeliveryStatus | None, domain: str, before: int | None, limit: int
) -> Found:
    """Batch by batch, the last one first: those that have deliveries in the state."""
    most = FEW + 1 if domain else limit + 1
    rows: list[DeliveryView] = []
    for _step in range(STEPS):
        page = deliveries.page(session, issue_id, status=status, before=before, limit=most)
        views = _views(session, [row.id for row in page], domain)
        rows += [views[row.id] for row in page if row.id in views]
        if len(rows) > limit:
            return Found(rows[:limit], str(rows[limit - 1].id))
        if len(page) < most:
            return Found(rows, None)
        before = page[-1].id
    return Found(rows, str(before))


def _views(session: Session, delivery_ids: Sequence[int], domain: str) -> dict[int, DeliveryView]:
    query = _deliveries(None).where(among(session, Delivery.id, delivery_ids))
    if domain:
        query = query.where(Subscriber.domain == domain)
    return {row.id: DeliveryView(*row) for row in session.execute(query)}


def _deliveries(issue_id: int | None) -> Any:
    """In the order of `DeliveryView`."""
    query: Any = select(
        Delivery.id,
        func.coalesce(Subscriber.email, "").label("email"),
        Delivery.status,
        Delivery.updated_at,
        Delivery.attempts,
        Delivery.repeated,
        Delivery.reply,
        Delivery.skip_reason,
        Delivery.next_attempt_at,
    ).outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
    return query if issue_id is None else query.where(Delivery.issue_id == issue_id)


def _begins_with(text: str) -> ColumnElement[bool]:
    """SQL: the address begins with what was typed; a sign that no address has stands for a NUL."""
    start = text.strip().lower().replace("\0", "\ufffd")
    return Subscriber.email_key.between(start, start + "\U0010ffff")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
