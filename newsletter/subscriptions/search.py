"""Readers of a newsletter, found by the beginning of an address or a name, or by a domain; never by the middle of
anything, which no index answers.

Every query goes along one index in its order and stops when the page is full, so that the first page of "a" costs the
same among a thousand readers and a million, and page 1000 as much as page 1. So that it costs the same too where nobody
is found, what is looked for stands beside each subscription (migration 0016): an index of the subscribers would lead
through the readers of all other newsletters. Each status is looked through by itself and the beginnings are put
together, so that one index answers for all readers and for those of a rare status.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, UnaryExpression, and_, or_, select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from newsletter.core.database import among
from newsletter.newsletters import queries as newsletters
from newsletter.subscriptions.models import Subscriber, Subscription, SubscriptionStatus
from newsletter.subscriptions.queries import COLUMNS, SubscriptionRow
from newsletter.subscriptions.segments.rule import Rule
from newsletter.subscriptions.segments.sql import members

END = "\U0010ffff"  # above every character that a text begins with
SHORTEST_NAME = 2  # characters: one letter finds addresses only


@dataclass(frozen=True, slots=True)
class Part:
    """A segment, with its rule as it was when somebody chose it."""

    id: int
    name: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Find:
    """What is looked for. `text`: the beginning of an address or of a name, or a domain after `@`; empty: everybody.
    `ids`: these subscriptions and no others, whatever the rest says; `part`: the readers of a segment, likewise. Those
    are found by `matching` only: a rule has no index that its readers stand in order in.
    """

    newsletter_id: int
    text: str = ""
    status: SubscriptionStatus | None = None
    ids: tuple[int, ...] = ()
    part: Part | None = None

    @property
    def words(self) -> str:
        # PostgreSQL refuses a NUL; no address has the sign that stands for it.
        return self.text.strip().replace("\0", "\ufffd")

    @property
    def domain(self) -> str | None:
        words = self.words
        return words[1:].lower() if words.startswith("@") and len(words) > 1 else None


@dataclass(frozen=True, slots=True)
class Found:
    """A page. `after`: where the next one begins; None: this was the last."""

    rows: list[SubscriptionRow]
    after: str | None


def page(session: Session, find: Find, *, after: str | None = None, limit: int = 50) -> Found:
    """A page of what is found: everybody with the newest first, one domain by address, a beginning first in the
    addresses and then, by name, in the names.
    """
    rows: list[SubscriptionRow] = []
    keys: list[str] = []
    for key, row in _in_order(session, find, after, limit + 1):
        rows.append(row)
        keys.append(key)
        if len(rows) > limit:
            return Found(rows[:limit], keys[limit - 1])
    return Found(rows, None)


def matching(session: Session, find: Find, *, now: datetime) -> Select[int]:
    """SQL: the ids of the subscriptions that are found, all of them; for work that is not a page."""
    if find.part is not None:
        return members(session, newsletters.by_id(session, find.newsletter_id), find.part.rule, now=now)
    query = select(Subscription.id).where(Subscription.newsletter_id == find.newsletter_id)
    if find.ids:
        return query.where(among(session, Subscription.id, find.ids))
    if find.status is not None:
        query = query.where(Subscription.status == find.status)
    if not find.words:
        return query
    if find.domain is not None:
        return query.where(Subscription.domain == find.domain)
    names = (_begins(Subscription.name, spelling) for spelling in _spellings(find.words))
    return query.where(or_(_begins(Subscription.email_key, find.words.lower()), *names))


Keyed = tuple[str, SubscriptionRow]
Order = InstrumentedAttribute[Any] | UnaryExpression[Any]


def _in_order(session: Session, find: Find, after: str | None, limit: int) -> Iterator[Keyed]:
    kind, _dot, rest = (after or "").partition(".")
    if find.ids or not find.words:
        yield from _newest(session, find, rest if kind == "i" else "", limit)
        return
    if find.domain is not None:
        there = Subscription.domain == find.domain
        yield from _by_address(session, find, there, rest if kind == "a" else "", limit)
        return
    begins = _begins(Subscription.email_key, find.words.lower())
    found = 0
    if kind != "n":
        for item in _by_address(session, find, begins, rest if kind == "a" else "", limit):
            found += 1
            yield item
    if found < limit:
        yield from _by_name(session, find, begins, rest if kind == "n" else "", limit)


def _newest(session: Session, find: Find, after: str, limit: int) -> Iterator[Keyed]:
    conditions: list[ColumnElement[bool]] = []
    if find.ids:
        conditions.append(among(session, Subscription.id, find.ids))
    if after.isascii() and after.isdigit():
        conditions.append(Subscription.id < int(after[:18]))
    for _key, row in _first(session, find, conditions, [Subscription.id.desc()], limit):
        yield f"i.{row.id}", row


def _by_address(
    session: Session, find: Find, condition: ColumnElement[bool], after: str, limit: int
) -> Iterator[Keyed]:
    conditions = [condition]
    if after:
        conditions.append(Subscription.email_key > after.replace("\0", ""))
    for key, row in _first(session, find, conditions, [Subscription.email_key], limit):
        yield f"a.{key}", row


def _by_name(session: Session, find: Find, known: ColumnElement[bool], after: str, limit: int) -> Iterator[Keyed]:
    """Names, each spelling along the index; those whose address fits have come before, so that there are no more of
    them than rows on the pages before.
    """
    number, _dot, name = after.partition(".")
    begin = (name.replace("\0", ""), int(number[:18])) if number.isascii() and number.isdigit() else None
    found: list[SubscriptionRow] = []
    for spelling in _spellings(find.words):
        conditions = [_begins(Subscription.name, spelling), ~known]
        if begin is not None:
            conditions.append(tuple_(Subscription.name, Subscription.id) > begin)
        found += (row for _key, row in _first(session, find, conditions, [Subscription.name, Subscription.id], limit))
    for row in sorted(found, key=lambda row: (row.name.encode(), row.id)):
        yield f"n.{row.id}.{row.name}", row


def _first(
    session: Session, find: Find, conditions: list[ColumnElement[bool]], order: Sequence[Order], limit: int
) -> Iterator[Keyed]:
    """The first subscriptions in this order, each with the key of its address: those of each status, put together."""
    ids = select(Subscription.id).where(Subscription.newsletter_id == find.newsletter_id, *conditions)
    ids = ids.order_by(*order).limit(limit)
    statuses = list(SubscriptionStatus) if find.status is None else [find.status]
    each = [ids] if find.ids else [ids.where(Subscription.status == status) for status in statuses]
    firsts = union_all(*(select(part.subquery().c.id) for part in each)).subquery()
    query = (
        select(*COLUMNS, Subscription.email_key)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(Subscription.id.in_(select(firsts.c.id)))
        .order_by(*order)
        .limit(limit)
    )
    for *row, key in session.execute(query):
        yield key, SubscriptionRow(*row)


def _spellings(text: str) -> list[str]:
    """The ways in which a name may have been written that begins like this: an index knows no others."""
    if len(text) < SHORTEST_NAME or "@" in text:
        return []
    return list(dict.fromkeys((text, text.title(), text.capitalize(), text.lower(), text.upper())))


def _begins(column: InstrumentedAttribute[str | None], start: str) -> ColumnElement[bool]:
    return and_(column >= start, column < start + END)
