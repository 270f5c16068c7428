"""A reader whose mail comes back counts as lost, on the day on which nothing was sent any more.

`bounced_at` is written by `newsletter/subscriptions/lost.py`; the triggers of 0011 count it. A later migration that
makes the table `subscriptions` anew on SQLite has to call `triggers` of 0011 and 0016 again, and `replaced` of this
one.
"""

# ruff: noqa: S608 - every part of a statement is a constant of these files

from importlib import import_module

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

COUNTS = import_module("newsletter.migrations.versions.0011_counts_of_subscriptions")
COLUMNS = (*COUNTS.COLUMNS, "bounced_at")
BOUNCES = "('hard_bounce', 'soft_bounces')"


def upgrade() -> None:
    connection = op.get_bind()
    # A column without a default: neither database writes the rows of a large table again.
    op.add_column("subscriptions", sa.Column("bounced_at", sa.DateTime(timezone=True), nullable=True))
    for statement in replaced(connection.dialect.name):
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(
        "UPDATE subscriptions SET bounced_at = suppressions.created_at FROM subscribers, suppressions"
        " WHERE subscribers.id = subscriptions.subscriber_id AND suppressions.email_key = subscribers.email_key"
        f" AND suppressions.lifted_at IS NULL AND suppressions.reason IN {BOUNCES}"
        f" AND subscriptions.status {COUNTS.READS}"
    )


def reads(prefix: str = "") -> str:
    """SQL: mail reaches the reader of a subscription."""
    return f"({prefix}status {COUNTS.READS} AND {prefix}bounced_at IS NULL)"


def moves(rows: str, dialect: str) -> str:
    """SQL: what changes tell of. An end that is taken back, and a mailbox that works again, are taken off the day that
    they were counted in. `rows` has each subscription as it was (o_) and as it is (n_).
    """
    day, reasons = COUNTS.day, COUNTS.REASONS
    zeros = ", ".join("0" for _ in reasons)
    bounced = {sign: ", ".join(f"{sign}1" if name == "bounced" else "0" for name in reasons) for sign in ("", "-")}
    begun, ended = f"{reads('n_')} AND NOT {reads('o_')}", f"{reads('o_')} AND NOT {reads('n_')}"
    back = "o_status = 'ended' AND o_ended_at IS NOT NULL AND o_confirmed_at = n_confirmed_at"
    works = f"o_status {COUNTS.READS}"
    lost = f"n_status {COUNTS.READS}"
    fresh = "CASE WHEN o_confirmed_at = n_confirmed_at THEN NULL ELSE n_confirmed_at END"
    now = COUNTS.today(dialect)
    return (
        f"SELECT n_newsletter_id AS newsletter_id, coalesce({day(fresh, dialect)}, {now}) AS day, 1 AS joined,"
        f" {', '.join(f'0 AS {name}' for name in reasons)} FROM {rows}"
        f" WHERE {begun} AND NOT {works} AND ({back}) IS NOT TRUE"
        f" UNION ALL SELECT n_newsletter_id, {day('o_ended_at', dialect)}, 0, {COUNTS.by_reason('-', 'o_ended_reason')}"
        f" FROM {rows} WHERE {begun} AND {back}"
        f" UNION ALL SELECT n_newsletter_id, {day('o_bounced_at', dialect)}, 0, {bounced['-']}"
        f" FROM {rows} WHERE {begun} AND {works}"
        f" UNION ALL SELECT n_newsletter_id, coalesce({day('n_ended_at', dialect)}, {now}), 0,"
        f" {COUNTS.by_reason('', 'n_ended_reason')} FROM {rows} WHERE {ended} AND n_status = 'ended'"
        f" UNION ALL SELECT n_newsletter_id, {day('n_bounced_at', dialect)}, 0, {bounced['']}"
        f" FROM {rows} WHERE {ended} AND {lost}"
        f" UNION ALL SELECT n_newsletter_id, {now}, 0, {zeros[:-1]}1 FROM {rows}"
        f" WHERE {ended} AND NOT {lost} AND n_status <> 'ended'"
    )


def stories(rows: str, dialect: str) -> str:
    """SQL: what whole subscriptions tell of."""
    names = ", ".join("1" if name == "bounced" else "0" for name in COUNTS.REASONS)
    return (
        f"{COUNTS.stories(rows, dialect)}"
        f" UNION ALL SELECT newsletter_id, {COUNTS.day('bounced_at', dialect)}, 0, {names}"
        f" FROM {rows} WHERE status {COUNTS.READS} AND bounced_at IS NOT NULL"
    )


def losses(rows: str, dialect: str) -> str:
    """SQL: readers whose rows are gone altogether."""
    return (
        f"SELECT newsletter_id, {COUNTS.today(dialect)} AS day, 0 AS joined, 0 AS gone, 0 AS bounced, 0 AS complained,"
        f" 1 AS other FROM {rows} WHERE {reads()}"
    )


def replaced(dialect: str) -> list[str]:
    """The triggers of 0011 as they are from here on."""
    return _sqlite() if dialect == "sqlite" else _postgresql()


def _sqlite() -> list[str]:
    old, new = (
        f"(SELECT {', '.join(f'{alias}.{name} AS {name}' for name in (*COLUMNS, 'created_at'))})"
        for alias in ("OLD", "NEW")
    )
    both = ", ".join(f"OLD.{name} AS o_{name}, NEW.{name} AS n_{name}" for name in COLUMNS)
    taken = "SELECT OLD.newsletter_id AS newsletter_id, OLD.status AS status, -1 AS n"
    given = "SELECT NEW.newsletter_id AS newsletter_id, NEW.status AS status, 1 AS n"
    lite = "sqlite"
    added = [COUNTS.counts_into(given, lite), COUNTS.days_into(stories(new, lite), lite)]
    changed = [
        COUNTS.counts_into(f"{taken} UNION ALL {given}", lite),
        COUNTS.days_into(moves(f"(SELECT {both})", lite), lite),
    ]
    removed = [COUNTS.counts_into(taken, lite), COUNTS.days_into(losses(old, lite), lite)]
    return [
        *(f"DROP TRIGGER subscriptions_{name}" for name in ("added", "changed", "removed")),
        f"CREATE TRIGGER subscriptions_added AFTER INSERT ON subscriptions FOR EACH ROW BEGIN {'; '.join(added)}; END",
        "CREATE TRIGGER subscriptions_changed AFTER UPDATE OF status, bounced_at ON subscriptions FOR EACH ROW"
        " WHEN OLD.status <> NEW.status OR OLD.bounced_at IS NOT NEW.bounced_at"
        f" BEGIN {'; '.join(changed)}; END",
        "CREATE TRIGGER subscriptions_removed AFTER DELETE ON subscriptions FOR EACH ROW"
        f" BEGIN {'; '.join(removed)}; END",
    ]


def _postgresql() -> list[str]:
    moved = ", ".join(f"o.{name} AS o_{name}, n.{name} AS n_{name}" for name in COLUMNS)
    taken = "SELECT newsletter_id, status, -1 AS n FROM old_rows"
    given = "SELECT newsletter_id, status, 1 AS n FROM new_rows"
    changes = (
        "SELECT o_newsletter_id AS newsletter_id, o_status AS status, -1 AS n FROM moved"
        " UNION ALL SELECT n_newsletter_id, n_status, 1 FROM moved"
    )
    pg = "postgresql"
    added = f"{COUNTS.counts_into(given, pg)}; {COUNTS.days_into(stories('new_rows', pg), pg)};"
    changed = (
        f"WITH moved AS MATERIALIZED (SELECT {moved} FROM old_rows o JOIN new_rows n ON n.id = o.id"
        " WHERE n.status <> o.status OR n.bounced_at IS DISTINCT FROM o.bounced_at),"
        f" counted AS ({COUNTS.counts_into(changes, pg)}) {COUNTS.days_into(moves('moved', pg), pg)};"
    )
    removed = f"{COUNTS.counts_into(taken, pg)}; {COUNTS.days_into(losses('old_rows', pg), pg)};"
    return [
        f"CREATE OR REPLACE FUNCTION count_subscriptions_{name}() RETURNS trigger LANGUAGE plpgsql"
        f" SET enable_nestloop = off SET jit = off AS $$ BEGIN {body} RETURN NULL; END $$"
        for name, body in (("added", added), ("changed", changed), ("removed", removed))
    ]
