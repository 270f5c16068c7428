"""Queries that may not take longer than somebody waits."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from newsletter.core.database import dialect_of

STEPS = 20_000  # of SQLite's machine between two looks at the clock: a millisecond or so


class TooSlowError(Exception):
    """A query was ended, for it took longer than it may. The transaction goes on."""


@contextmanager
def within(session: Session, seconds: float) -> Iterator[None]:
    """End each statement of the block that takes longer; TooSlowError then. What the block wrote is undone with it."""
    if dialect_of(session) == "postgresql":
        with _on_postgresql(session, seconds):
            yield
    else:
        with _on_sqlite(session, seconds):
            yield


@contextmanager
def _on_postgresql(session: Session, seconds: float) -> Iterator[None]:
    setting = text("SELECT set_config('statement_timeout', :most, true)")
    before = session.scalar(text("SELECT current_setting('statement_timeout')"))
    try:
        with session.begin_nested():
            session.execute(setting, {"most": f"{max(1, round(seconds * 1000))}ms"})
            # Compiling a query cannot be ended half-way, and takes longer than most that are asked here.
            session.execute(text("SET LOCAL jit = off"))
            yield
            session.execute(setting, {"most": before})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") == "57014":  # query_canceled
            raise TooSlowError from error
        raise


@contextmanager
def _on_sqlite(session: Session, seconds: float) -> Iterator[None]:
    driver = session.connection().connection.driver_connection
    assert driver is not None  # noqa: S101 - an open connection has one
    ends = time.monotonic() + seconds
    driver.set_progress_handler(lambda: time.monotonic() > ends, STEPS)
    try:
        with session.begin_nested():
            yield
    except DBAPIError as error:
        if str(error.orig) == "interrupted":
            raise TooSlowError from error
        raise
    finally:
        driver.set_progress_handler(None, STEPS)
