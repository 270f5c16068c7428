"""The schema has one history, and it ends where the models are."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from newsletter import migrations
from newsletter.core.database import open_engine
from newsletter.schema import metadata


@pytest.fixture(scope="module")
def history() -> ScriptDirectory:
    return ScriptDirectory(str(Path(migrations.__file__).parent), version_locations=[str(migrations.VERSIONS)])


def test_there_is_one_newest_migration(history: ScriptDirectory) -> None:
    assert history.get_heads() == [migrations.head()]


def test_migrations_are_numbered_one_after_the_other(history: ScriptDirectory) -> None:
    numbers = sorted(path.name[:4] for path in migrations.VERSIONS.glob("[0-9]*.py"))
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert sorted(script.revision for script in history.walk_revisions()) == numbers


def test_the_migrations_make_what_the_models_say(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'newsletter.db'}")
    assert migrations.upgrade(engine)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert differences == []


def test_a_second_upgrade_changes_nothing(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'newsletter.db'}")
    migrations.upgrade(engine)
    assert not migrations.upgrade(engine)
    engine.dispose()
