"""Numbered changes of the database schema; imports no models, so that an old step never changes with today's code.

A revision is called by its number, the beginning of its file's name: `versions/0001_first_tables.py` is `0001`.
"""

from pathlib import Path

from sqlalchemy import Engine, inspect, text

VERSIONS = Path(__file__).parent / "versions"
UPGRADE_LOCK = 7_405_113  # any number: it only has to be the same in every process of this service


def head() -> str:
    """The newest revision."""
    return max(path.name[:4] for path in VERSIONS.glob("[0-9]*.py"))


def current(engine: Engine) -> str | None:
    """The revision of a database, None when it is empty."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found


def upgrade(engine: Engine, *, to: str = "") -> bool:
    """Bring a database to the newest revision, or to an earlier one, in one transaction; False when it was at the
    newest. Two processes take turns.
    """
    if current(engine) == head():
        return False
    # Alembic takes a third of a second to import, which no start of an up-to-date service should wait for.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, to or "head")
    return True
