"""Write the next numbered migration from the difference between the models and the newest revision.

    .venv/bin/python scripts/new_migration.py "add topics of a reader"

Read what it writes: a rename looks like a drop and an add to it, and it knows nothing of large tables.
"""

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import BigInteger, DateTime, Enum
from sqlalchemy.sql.type_api import TypeEngine

from newsletter import migrations, schema
from newsletter.core.columns import BigInt, Document, KeyText, UtcDateTime
from newsletter.core.database import open_engine


def plain_type(kind: str, item: Any, _context: Any) -> str | bool:
    """Types as SQLAlchemy's own, so that a migration imports nothing of ours."""
    if kind != "type" or not isinstance(item, TypeEngine):
        return False
    if isinstance(item, UtcDateTime | DateTime):
        return "sa.DateTime(timezone=True)"
    if item is BigInt or isinstance(item, BigInteger):
        return "BIG_INT"
    if item is KeyText:
        return "KEY_TEXT"
    if item is Document:
        return "DOCUMENT"
    if isinstance(item, Enum):
        return f"sa.String({item.length})"
    return False


def main(message: str) -> None:
    number = f"{int(migrations.head()) + 1:04}" if any(migrations.VERSIONS.glob("[0-9]*.py")) else "0001"
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
    with tempfile.TemporaryDirectory() as directory:
        engine = open_engine(f"sqlite:///{directory}/empty.db")
        if number != "0001":
            migrations.upgrade(engine)
        config = Config()
        config.set_main_option("script_location", str(migrations.VERSIONS.parent))
        config.set_main_option("file_template", f"{number}_{slug}")
        with engine.begin() as connection:
            config.attributes |= {"connection": connection, "metadata": schema.metadata, "render_item": plain_type}
            command.revision(config, message=message, rev_id=number, autogenerate=True)
    print(Path(migrations.VERSIONS, f"{number}_{slug}.py"))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
