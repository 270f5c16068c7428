"""The engine and the unit of work.

The entry point (a request, a task, a command) opens a unit, calls services with its session, and the unit commits or
rolls back whole. Jobs asked for inside a unit are sent to the broker after its commit, never before.
"""

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Select,
    any_,
    create_engine,
    event,
    func,
    literal,
    make_url,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session, sessionmaker

from newsletter.core import jobs

PATIENCE = 15_000  # milliseconds that a writer waits for another on SQLite
HURRY = 100  # the same for one that would rather not write than wait

SQLITE_SETUP = (
    "PRAGMA journal_mode=WAL",
    # WAL keeps the database whole at a power cut with this; the last commits may wait for the next checkpoint.
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={PATIENCE}",
    "PRAGMA temp_store=MEMORY",
)


class Database:
    """One engine and the broker that its commits wake."""

    def __init__(self, engine: Engine, broker: jobs.Broker | None = None) -> None:
        self.engine = engine
        self.broker = broker
        self._units = sessionmaker(engine, expire_on_commit=False)
        self._hurries = sessionmaker(engine.execution_options(hurried=True), expire_on_commit=False)
        self._readings = sessionmaker(engine.execution_options(read_only=True), expire_on_commit=False)

    @contextmanager
    def unit(self) -> Iterator[Session]:
        """A transaction that writes: committed when the block ends well, rolled back when it raises."""
        with self._units() as session:
            with session.begin():
                yield session
            wakes = jobs.collected(session)
        if self.broker is not None:
            self.broker.send(wakes)

    @contextmanager
    def hurried(self) -> Iterator[Session]:
        """A transaction that writes what is not worth waiting for: it fails within a tenth of a second when it cannot,
        and what it wrote may be lost in a power cut.
        """
        with self._hurries() as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads; on SQLite it never waits for a writer."""
        with self._readings() as session:
            yield session

    def dispose(self) -> None:
        self.engine.dispose()


def open_database(url: str, broker: jobs.Broker | None = None, **options: Any) -> Database:
    """Open the database at an SQLAlchemy URL; the directory of an SQLite file must exist."""
    return Database(open_engine(url, **options), broker)


def open_engine(url: str, **options: Any) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        engine = create_engine(parsed, **{"pool_pre_ping": True, "pool_size": 10, "max_overflow": 20} | options)
        event.listen(engine, "begin", _begin_postgresql)
        return engine
    if parsed.database:
        with suppress(OSError):  # the first connection says what is wrong
            Path(parsed.database).touch(mode=0o600)
    engine = create_engine(parsed, **options)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # The driver opens transactions late and by itself, which breaks savepoints and lets a reader turn into a writer:
    # BEGIN is ours.
    connection.isolation_level = None
    cursor = connection.cursor()
    for statement in SQLITE_SETUP:
        cursor.execute(statement)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once when somebody else wrote in between; one that
    # takes the write lock at its start waits its turn instead.
    options = connection.get_execution_options()
    read_only, hurried = options.get("read_only", False), options.get("hurried", False)
    if hurried != connection.info.get("hurried", False):
        connection.info["hurried"] = hurried
        connection.exec_driver_sql(f"PRAGMA busy_timeout={HURRY if hurried else PATIENCE}")
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get("hurried", False):
        connection.exec_driver_sql(
            "SELECT set_config('lock_timeout', %(wait)s, true), set_config('statement_timeout', %(wait)s, true), "
            "set_config('synchronous_commit', 'off', true)",
            {"wait": str(HURRY)},
        )


def dialect_of(session: Session) -> str:
    """The name of the session's database: `postgresql` or `sqlite`."""
    return session.get_bind().dialect.name


def held(session: Session, query: Select[int]) -> list[int]:
    """The ids that a query with a limit and FOR UPDATE SKIP LOCKED finds, held until the commit.

    To be changed by a statement of their own: inside of one, PostgreSQL may run the query again for each row, which
    then passes over what it holds already and takes more rows than its limit.
    """
    return list(session.scalars(query))


def insert_into(session: Session, table: type[Any]) -> Any:
    """An INSERT that can say ON CONFLICT, which both databases can and SQLAlchemy has once for each."""
    return (sqlite if dialect_of(session) == "sqlite" else postgresql).insert(table)


IdColumn = ColumnElement[int] | InstrumentedAttribute[int] | InstrumentedAttribute[int | None]


def among(session: Session, column: IdColumn, ids: Collection[int]) -> Any:
    """SQL: the column is one of these. They travel as one parameter, so that any number of them is one statement; a
    placeholder for each costs more than the query.
    """
    if dialect_of(session) == "sqlite":
        return column.in_(select(func.json_each(json.dumps(list(ids))).table_valued("value").c.value))
    return column == any_(literal(list(ids), ARRAY(BigInteger)))
