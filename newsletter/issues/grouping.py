"""Readers of an issue as kinds: those who will get the same. A few set-based statements, however many readers there
are.

Three tables live as long as the transaction. `freeze_readers` is the audience, read once, so that nobody falls between
two statements; `freeze_known` has those who were sent something of the pool before, with the variants that brought it;
`freeze_kinds` is what is distinct among them, and what each kind gets.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    Column,
    Join,
    MetaData,
    Select,
    String,
    Table,
    Text,
    bindparam,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from newsletter.core.columns import BigInt
from newsletter.core.database import dialect_of
from newsletter.issues import seen

CHUNK = 5_000  # kinds in memory at a time
EVERYTHING = 0  # stands for no choice: columns that may be NULL join badly

TABLES = MetaData()
READERS = Table(
    "freeze_readers",
    TABLES,
    Column("subscriber_id", BigInt),
    Column("subscription_id", BigInt),
    Column("language", String(8)),
    Column("choice_id", BigInt),
    prefixes=["TEMPORARY"],
)
KNOWN = Table(
    "freeze_known", TABLES, Column("subscriber_id", BigInt), Column("brought_by", Text), prefixes=["TEMPORARY"]
)
KINDS = Table(
    "freeze_kinds",
    TABLES,
    Column("id", BigInt),
    Column("language", String(8)),
    Column("choice_id", BigInt),
    Column("brought_by", Text),
    Column("readers", BigInt),
    Column("variant_id", BigInt),
    Column("slot", BigInt),
    prefixes=["TEMPORARY"],
)


@dataclass(frozen=True, slots=True)
class Kind:
    """Readers who are alike in everything that decides what they get. `brought_by`: ids of the variants that have
    brought them something of the pool.
    """

    id: int
    language: str
    choice_id: int
    brought_by: tuple[int, ...]
    readers: int


def group(session: Session, audience: Select[int, int, str, int | None], overlapping: Sequence[int]) -> int:
    """Group an audience of (subscriber_id, subscription_id, language, choice_id); returns its size. `overlapping` are
    the issues that may have brought something of the pool.
    """
    clear(session)
    for table in (READERS, KNOWN, KINDS):
        table.create(session.connection())
    readers = audience.subquery()
    session.execute(
        insert(READERS).from_select(
            ["subscriber_id", "subscription_id", "language", "choice_id"],
            select(
                readers.c.subscriber_id,
                readers.c.subscription_id,
                readers.c.language,
                func.coalesce(readers.c.choice_id, EVERYTHING),
            ),
        )
    )
    _analyse(session, READERS)
    if overlapping:
        _note_what_is_known(session, overlapping)
        _analyse(session, KNOWN)
    known = func.coalesce(KNOWN.c.brought_by, "")
    grouped = select(READERS.c.language, READERS.c.choice_id, known.label("brought_by"), func.count().label("readers"))
    grouped = grouped.select_from(_with_known()).group_by(READERS.c.language, READERS.c.choice_id, known)
    kinds = grouped.subquery()
    numbered = select(
        func.row_number().over(), kinds.c.language, kinds.c.choice_id, kinds.c.brought_by, kinds.c.readers
    )
    session.execute(insert(KINDS).from_select(["id", "language", "choice_id", "brought_by", "readers"], numbered))
    return int(session.scalar(select(func.coalesce(func.sum(KINDS.c.readers), 0))) or 0)


def kinds(session: Session) -> Iterator[list[Kind]]:
    """All kinds, some thousand at a time."""
    after = 0
    while True:
        rows = session.execute(
            select(KINDS.c.id, KINDS.c.language, KINDS.c.choice_id, KINDS.c.brought_by, KINDS.c.readers)
            .where(KINDS.c.id > after)
            .order_by(KINDS.c.id)
            .limit(CHUNK)
        ).all()
        if not rows:
            return
        after = rows[-1].id
        yield [
            Kind(number, language, choice_id, tuple(int(item) for item in brought_by.split(",") if item), readers)
            for number, language, choice_id, brought_by, readers in rows
        ]


def languages(session: Session) -> set[str]:
    """The languages of the audience."""
    return set(session.scalars(select(KINDS.c.language).distinct()))


def give(session: Session, given: Sequence[tuple[int, int, int]]) -> None:
    """Say what kinds get: (kind, variant, slot)."""
    if given:
        session.connection().execute(
            update(KINDS)
            .where(KINDS.c.id == bindparam("kind"))
            .values(variant_id=bindparam("variant"), slot=bindparam("of_slot")),
            [{"kind": kind, "variant": variant, "of_slot": slot} for kind, variant, slot in given],
        )


def readers_by_slot(session: Session) -> dict[int, int]:
    """How many readers with something to get each slot has."""
    counted = select(KINDS.c.slot, func.sum(KINDS.c.readers)).where(KINDS.c.variant_id.is_not(None))
    return {slot: int(readers) for slot, readers in session.execute(counted.group_by(KINDS.c.slot))}


def readers_by_variant(session: Session) -> Select[int, int]:
    """SQL: (variant_id, readers)."""
    return (
        select(KINDS.c.variant_id, func.sum(KINDS.c.readers).label("readers"))
        .where(KINDS.c.variant_id.is_not(None))
        .group_by(KINDS.c.variant_id)
    )


def recipients(session: Session) -> Select[int, int, int, int]:
    """SQL: (subscriber_id, variant_id, rank, slot) of everybody who gets something."""
    _analyse(session, KINDS)
    same = (
        (KINDS.c.language == READERS.c.language)
        & (KINDS.c.choice_id == READERS.c.choice_id)
        & (KINDS.c.brought_by == func.coalesce(KNOWN.c.brought_by, ""))
    )
    return (
        select(READERS.c.subscriber_id, KINDS.c.variant_id, READERS.c.subscription_id.label("rank"), KINDS.c.slot)
        .select_from(_with_known().join(KINDS, same))
        .where(KINDS.c.variant_id.is_not(None))
    )


def clear(session: Session) -> None:
    """Drop the tables: SQLite keeps them as long as the connection."""
    for table in (READERS, KNOWN, KINDS):
        session.execute(text(f"DROP TABLE IF EXISTS {table.name}"))


def _with_known() -> Join:
    return READERS.outerjoin(KNOWN, KNOWN.c.subscriber_id == READERS.c.subscriber_id)


def _note_what_is_known(session: Session, overlapping: Sequence[int]) -> None:
    brought = seen.received(session, overlapping).subquery()
    if dialect_of(session) == "postgresql":
        as_text = brought.c.variant_id.cast(Text)
        listed = func.string_agg(as_text, aggregate_order_by(literal(","), brought.c.variant_id))
    else:
        brought = select(brought).order_by(brought.c.subscriber_id, brought.c.variant_id).subquery()
        listed = func.group_concat(brought.c.variant_id, ",")
    rows = (
        select(brought.c.subscriber_id, listed)
        .join(READERS, READERS.c.subscriber_id == brought.c.subscriber_id)
        .group_by(brought.c.subscriber_id)
    )
    session.execute(insert(KNOWN).from_select(["subscriber_id", "brought_by"], rows))


def _analyse(session: Session, table: Table) -> None:
    """Tell PostgreSQL how big a temporary table is: nobody else does."""
    if dialect_of(session) == "postgresql":
        session.execute(text(f"ANALYZE {table.name}"))
