"""What readers of a newsletter are found by stands beside their subscription: address, domain and name.

Why is argued in `newsletter/subscriptions/search.py`. Triggers keep the copies, so that no writer has to know of them.
A later migration that makes the table `subscriptions` anew on SQLite (a batch operation) drops them with it, as those
of 0011, and has to call `triggers` of both files again; a test looks for them.
"""

# ruff: noqa: S608 - every part of a statement is a constant of this file

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

COPIED = ("email_key", "domain", "name")
FOUND_BY = {
    "ix_subscriptions_email_key": ["newsletter_id", "status", "email_key"],
    "ix_subscriptions_domain_email_key": ["newsletter_id", "status", "domain", "email_key"],
    "ix_subscriptions_name_id": ["newsletter_id", "status", "name", "id"],
}


def upgrade() -> None:
    connection = op.get_bind()
    dialect = connection.dialect.name
    octets = {"collation": "C"} if dialect == "postgresql" else {}
    # Columns without a default: neither database writes the rows of a large table again.
    op.add_column("subscriptions", sa.Column("email_key", sa.String(320, **octets), nullable=True))
    op.add_column("subscriptions", sa.Column("domain", sa.String(255), nullable=True))
    op.add_column("subscriptions", sa.Column("name", sa.String(200, **octets), nullable=True))
    # The triggers first: making them keeps writers out until the end of this transaction, so nothing is missed.
    for statement in triggers(dialect):
        connection.exec_driver_sql(statement)
    fill(connection)
    for name, columns in FOUND_BY.items():
        op.create_index(name, "subscriptions", columns)
    # What these answered is asked of the subscriptions now.
    op.drop_index("ix_subscribers_domain_email_key", "subscribers")
    op.drop_index("ix_subscribers_name_id", "subscribers")


def fill(connection: sa.Connection) -> None:
    """Copy what the subscribers say. Nothing that is counted changes, and the counters' trigger would hold a million
    rows twice to find that out.
    """
    postgresql = connection.dialect.name == "postgresql"
    if postgresql:
        connection.exec_driver_sql("ALTER TABLE subscriptions DISABLE TRIGGER subscriptions_changed")
    values = ", ".join(f"{name} = subscribers.{name}" for name in COPIED)
    connection.exec_driver_sql(
        f"UPDATE subscriptions SET {values} FROM subscribers WHERE subscribers.id = subscriptions.subscriber_id"
    )
    if postgresql:
        connection.exec_driver_sql("ALTER TABLE subscriptions ENABLE TRIGGER subscriptions_changed")


def triggers(dialect: str) -> list[str]:
    return _sqlite() if dialect == "sqlite" else _postgresql()


def _sqlite() -> list[str]:
    names, changed = ", ".join(COPIED), " OR ".join(f"OLD.{name} <> NEW.{name}" for name in COPIED)
    given = ", ".join(f"NEW.{name}" for name in COPIED)
    return [
        "CREATE TRIGGER subscriptions_copied AFTER INSERT ON subscriptions FOR EACH ROW BEGIN"
        f" UPDATE subscriptions SET ({names}) = (SELECT {names} FROM subscribers WHERE id = NEW.subscriber_id)"
        " WHERE id = NEW.id; END",
        f"CREATE TRIGGER subscribers_copied AFTER UPDATE OF {names} ON subscribers FOR EACH ROW WHEN {changed} BEGIN"
        f" UPDATE subscriptions SET ({names}) = ({given}) WHERE subscriber_id = NEW.id; END",
    ]


def _postgresql() -> list[str]:
    """Nobody is locked to copy: an import would hold its readers until it ends. Of a name that is given in the very
    moment in which its reader is added to another newsletter, that one does not hear.
    """
    names, changed = ", ".join(COPIED), " OR ".join(f"OLD.{name} <> NEW.{name}" for name in COPIED)
    here = ", ".join(f"NEW.{name}" for name in COPIED)
    return [
        "CREATE FUNCTION copy_to_subscription() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" SELECT {names} INTO {here} FROM subscribers WHERE id = NEW.subscriber_id; RETURN NEW; END $$",
        "CREATE TRIGGER subscriptions_copied BEFORE INSERT ON subscriptions FOR EACH ROW"
        " EXECUTE FUNCTION copy_to_subscription()",
        "CREATE FUNCTION copy_from_subscriber() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" UPDATE subscriptions SET ({names}) = ({here}) WHERE subscriber_id = NEW.id; RETURN NULL; END $$",
        f"CREATE TRIGGER subscribers_copied AFTER UPDATE OF {names} ON subscribers FOR EACH ROW WHEN ({changed})"
        " EXECUTE FUNCTION copy_from_subscriber()",
    ]
