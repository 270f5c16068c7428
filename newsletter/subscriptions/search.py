"""Readers of a newsletter, found by the beginning of an address or a name, or by a domain; never by the middle of
anything, which no index answers.

Every query goes along one index in its order and stops when the page is full, so that the first page of "a" costs the
same among a thousand readers and a million, and page 1000 as much as page 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from newsletter.core.database import among, dialect_of
from newsletter.subscriptions import counts
from newsletter.subscriptions.models import Subscriber, Subscription, SubscriptionStatus
from newsletter.subscriptions.queries import COLUMNS, SubscriptionRow

END = "\U0010ffff"  # above every character that a text begins with
FEW = 5000  # readers
SHORTEST_NAME = 2  # characters: one letter finds addresses only


@dataclass(frozen=True, slots=True)
class Find:
    """What is looked for. `text`: the beginning of an address or of a name, or a domain after `@`; empty: everybody.
    `ids`: these subscriptions and no others, whatever the rest says.
    """

    newsletter_id: int
    text: str = ""
    status: SubscriptionStatus | None = None
    ids: tuple[int, ...] = ()

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


def matching(session: Session, find: Find) -> Select[int]:
    """SQL: the ids of the subscriptions that are found, all of them; for work that is not a page."""
    query = select(Subscription.id).where(Subscription.newsletter_id == find.newsletter_id)
    if find.ids:
        return query.where(among(session, Subscription.id, find.ids))
    if find.status is not None:
        query = query.where(Subscription.status == find.status)
    if not find.words:
        return query
    query = query.join(Subscriber, Subscriber.id == Subscription.subscriber_id)
    if find.domain is not None:
        return query.where(Subscriber.domain == find.domain)
    return query.where(or_(_begins(Subscriber.email_key, find.words.lower()), *map(_named, _spellings(find.words))))


Keyed = tuple[str, SubscriptionRow]
Who = type[Subscriber]


def _in_order(session: Session, find: Find, after: str | None, limit: int) -> Iterator[Keyed]:
    kind, _dot, rest = (after or "").partition(".")
    if find.ids or not find.words:
        yield from _newest(session, find, rest if kind == "i" else "", limit)
        return
    who = _one_by_one() if _are_few(session, find) else Subscriber
    if find.domain is not None:
        yield from _by_address(session, find, who, who.domain == find.domain, rest if kind == "a" else "", limit)
        return
    begins = _begins(who.email_key, find.words.lower())
    found = 0
    if kind != "n":
        for item in _by_address(session, find, who, begins, rest if kind == "a" else "", limit):
            found += 1
            yield item
    if found < limit:
        yield from _by_name(session, find, who, begins, rest if kind == "n" else "", limit)


def _newest(session: Session, find: Find, after: str, limit: int) -> Iterator[Keyed]:
    query = _rows(find, Subscriber).order_by(Subscription.id.desc()).limit(limit)
    if find.ids:
        query = query.where(among(session, Subscription.id, find.ids))
    if after.isascii() and after.isdigit():
        query = query.where(Subscription.id < int(after[:18]))
    for row in session.execute(query):
        yield f"i.{row.id}", SubscriptionRow(*row)


def _by_address(
    session: Session, find: Find, who: Who, condition: ColumnElement[bool], after: str, limit: int
) -> Iterator[Keyed]:
    query = _rows(find, who).add_columns(who.email_key).where(condition).order_by(who.email_key).limit(limit)
    if after:
        query = query.where(who.email_key > after.replace("\0", ""))
    for *row, key in session.execute(query):
        yield f"a.{key}", SubscriptionRow(*row)


def _by_name(
    session: Session, find: Find, who: Who, known: ColumnElement[bool], after: str, limit: int
) -> Iterator[Keyed]:
    """Names, each spelling along the index; those whose address fits have come before."""
    number, _dot, name = after.partition(".")
    begin = (name.replace("\0", ""), int(number[:18])) if number.isascii() and number.isdigit() else None
    found: list[tuple[str, int, SubscriptionRow]] = []
    for spelling in _spellings(find.words):
        named = _begins(who.name, spelling)
        query = _rows(find, who).where(named, ~known).order_by(who.name, who.id).limit(limit)
        if begin is not None:
            query = query.where(tuple_(who.name, who.id) > begin)
        found += [(row.name, row.subscriber_id, SubscriptionRow(*row)) for row in session.execute(query)]
    for name_, number_, row in sorted(found, key=lambda item: (item[0].encode(), item[1])):
        yield f"n.{number_}.{name_}", row


def _rows(find: Find, who: Who) -> Select[*tuple[Any, ...]]:
    columns = [getattr(who, column.key) if column.class_ is Subscriber else column for column in COLUMNS]
    query = (
        select(*columns)
        .join(who, who.id == Subscription.subscriber_id)
        .where(Subscription.newsletter_id == find.newsletter_id)
    )
    return query if find.status is None else query.where(Subscription.status == find.status)


def _are_few(session: Session, find: Find) -> bool:
    """Whether a newsletter has so few readers that each is looked at sooner than all addresses of the installation that
    begin alike, most of which may read others. SQLite finds out by itself.
    """
    if dialect_of(session) == "sqlite":
        return False
    found = counts.counts(session, find.newsletter_id)
    return (found[find.status] if find.status else sum(found.values())) <= FEW


def _one_by_one() -> Who:
    """Subscribers as a query that is asked for each subscription, by id; OFFSET keeps the planner from merging it."""
    each = select(Subscriber).where(Subscriber.id == Subscription.subscriber_id).correlate(Subscription).offset(0)
    return aliased(Subscriber, each.lateral())


def _spellings(text: str) -> list[str]:
    """The ways in which a name may have been written that begins like this: an index knows no others."""
    if len(text) < SHORTEST_NAME or "@" in text:
        return []
    return list(dict.fromkeys((text, text.title(), text.capitalize(), text.lower(), text.upper())))


def _named(spelling: str) -> ColumnElement[bool]:
    return _begins(Subscriber.name, spelling)


def _begins(column: InstrumentedAttribute[str], start: str) -> ColumnElement[bool]:
    return and_(column >= start, column < start + END)
