"""Real databases: one migration per test process, then a copy of the file (SQLite) or an emptying (PostgreSQL)."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, event, make_url

from newsletter import migrations, schema
from newsletter.core.database import Database, open_engine
from newsletter.core.tokens import Vault
from newsletter.newsletters import senders
from tests.support.newsroom import DOMAIN, NOW, SECRET, Newsroom, install
from tests.support.postgres import postgres
from tests.support.smtp_server import SmtpSink

# A pair of RSA keys takes longer to make than most tests: the sender domain is made once and stays.
KEPT = {"alembic_version", "sender_domains", "signing_keys"}


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as running:
        yield running


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server of this test process."""
    with postgres() as url:
        yield url


@pytest.fixture(scope="session")
def new_postgres_database(postgres_server: str) -> Iterator[Callable[[str], str]]:
    """Makes an empty database of a name that other test processes do not use; returns its URL."""
    made = []
    with psycopg.connect(postgres_server, autocommit=True) as connection:

        def make(name: str) -> str:
            own = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}_{name}"
            connection.execute(f'DROP DATABASE IF EXISTS "{own}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{own}"')
            made.append(own)
            return make_url(postgres_server).set(database=own).render_as_string(hide_password=False)

        yield make
        for name in made:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


# An engine compiles each statement once, so it lives as long as the process, and only its rows go from test to test.
@pytest.fixture(scope="session")
def sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An up-to-date file, and beside it a copy to begin with."""
    path = tmp_path_factory.mktemp("sqlite") / "newsletter.db"
    engine = open_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _mix_rows)
    _prepare(engine)
    engine.dispose()  # closing the last connection folds the write-ahead log into the file
    shutil.copy(path, path.with_suffix(".start"))
    yield engine
    engine.dispose()


def _mix_rows(connection: sqlite3.Connection, _record: object) -> None:
    # PostgreSQL gives rows that nobody put in an order as it finds them, some days another way. SQLite does so always.
    connection.execute("PRAGMA reverse_unordered_selects=ON")


def _clean_sqlite(engine: Engine) -> None:
    engine.dispose()
    path = Path(engine.url.database or "")
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    shutil.copy(path.with_suffix(".start"), path)


@pytest.fixture(scope="session")
def postgres_engine(new_postgres_database: Callable[[str], str]) -> Iterator[Engine]:
    """An up-to-date database."""
    engine = open_engine(new_postgres_database("shared"))
    _prepare(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def clean_postgres(postgres_engine: Engine) -> Iterator[Callable[[], None]]:
    """Empties the database of this test process."""
    emptying = ";".join(f'DELETE FROM "{name}"' for name in schema.metadata.tables if name not in KEPT)
    with psycopg.connect(postgres_engine.url.render_as_string(hide_password=False), autocommit=True) as connection:
        # Without the foreign keys' triggers the order does not matter. A lock that a test left behind shows at once.
        connection.execute("SET session_replication_role = replica; SET lock_timeout = '5s'")

        def clean() -> None:
            connection.execute(emptying)

        yield clean


def _prepare(engine: Engine) -> None:
    migrations.upgrade(engine)
    database = Database(engine)
    with database.unit() as session:
        senders.ensure_domain(session, DOMAIN, vault=Vault(SECRET), now=NOW)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """An up-to-date database without rows, whose commits wake no broker; a test that asks for it runs on both kinds."""
    if request.param == "sqlite":
        engine: Engine = request.getfixturevalue("sqlite_engine")
        _clean_sqlite(engine)
    else:
        engine = request.getfixturevalue("postgres_engine")
        request.getfixturevalue("clean_postgres")()
    return Database(engine)


@pytest.fixture
def database_url(database: Database) -> str:
    """The same, for another process."""
    return database.engine.url.render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without any table."""
    if request.param == "postgresql":
        make: Callable[[str], str] = request.getfixturevalue("new_postgres_database")
        return make("empty")
    return f"sqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture
def newsroom(database: Database, tmp_path: Path) -> Newsroom:
    """An installation on that database, and short ways to do in it what staff and readers do."""
    return Newsroom(install(database, tmp_path))
