"""An empty database becomes the one that the models describe, on both kinds, once, whoever asks at the same moment."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from newsletter import migrations, schema
from newsletter.core.database import open_engine
from tests.support.processes import PROCESSES


def upgrade(url: str) -> None:
    engine = open_engine(url)
    migrations.upgrade(engine)
    engine.dispose()


def test_an_empty_database_becomes_what_the_models_say(empty_url: str) -> None:
    engine = open_engine(empty_url)
    assert migrations.current(engine) is None
    assert migrations.upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []
    assert migrations.current(engine) == migrations.head()
    engine.dispose()


def test_a_second_upgrade_changes_nothing(empty_url: str) -> None:
    engine = open_engine(empty_url)
    assert migrations.upgrade(engine)
    assert not migrations.upgrade(engine)
    engine.dispose()


def test_processes_that_upgrade_at_one_moment_take_turns(empty_url: str) -> None:
    processes = [PROCESSES.Process(target=upgrade, args=(empty_url,), daemon=True) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(20)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    engine = open_engine(empty_url)
    assert set(inspect(engine).get_table_names()) == {*schema.metadata.tables, "alembic_version"}
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1
    engine.dispose()


def test_an_upgrade_that_fails_leaves_nothing_behind(empty_url: str) -> None:
    engine = open_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE variants (id INTEGER)"))
    with pytest.raises(Exception, match="variants"):
        migrations.upgrade(engine)
    assert inspect(engine).get_table_names() == ["variants"]
    assert migrations.current(engine) is None
    engine.dispose()
