"""Counters of subscriptions, kept by triggers; indexes for looking readers up; what staff do to many, and files.

Why by triggers is argued in `newsletter/subscriptions/counts.py`. A later migration that makes the table
`subscriptions` anew on SQLite (a batch operation) drops them with it, and has to call `triggers` of this file
again; a test looks for them.
"""

# ruff: noqa: S608 - every part of a statement is a constant of this file

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB, "postgresql")
MOMENT = sa.DateTime(timezone=True)
REASONS = ("gone", "bounced", "complained", "other")
READS = "IN ('active', 'paused')"
# The transaction and the 50 ms of its life.
SLOT = "((txid_current() << 20) | least((extract(epoch FROM clock_timestamp() - now()) * 20)::bigint, 1048575))"


def upgrade() -> None:
    op.create_table(
        "subscription_counts",
        sa.Column("newsletter_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("status", sa.String(24), nullable=False),
        sa.Column("slot", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("count", BIG_INT, nullable=False),
        sa.PrimaryKeyConstraint("newsletter_id", "status", "slot", name=op.f("pk_subscription_counts")),
        postgresql_with={"fillfactor": "60"},
    )
    op.create_table(
        "subscription_days",
        sa.Column("newsletter_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("slot", BIG_INT, autoincrement=False, nullable=False),
        *(sa.Column(name, BIG_INT, nullable=False) for name in ("joined", *REASONS)),
        sa.PrimaryKeyConstraint("newsletter_id", "day", "slot", name=op.f("pk_subscription_days")),
        postgresql_with={"fillfactor": "60"},
    )
    connection = op.get_bind()
    make_indexes(connection.dialect.name)
    make_bulk()
    # The triggers first: making them keeps writers out until the end of this transaction, so nothing is missed.
    for statement in triggers(connection.dialect.name):
        connection.exec_driver_sql(statement)
    for statement in filling(connection.dialect.name):
        connection.exec_driver_sql(statement)


def make_indexes(dialect: str) -> None:
    """Names are found by their beginning as addresses are: compared octet by octet. The table is not written anew."""
    if dialect == "postgresql":
        op.execute('ALTER TABLE subscribers ALTER COLUMN name TYPE varchar(200) COLLATE "C"')
    op.create_index("ix_subscribers_domain_email_key", "subscribers", ["domain", "email_key"])
    op.create_index("ix_subscribers_name_id", "subscribers", ["name", "id"])


def make_bulk() -> None:
    op.create_table(
        "bulk_actions",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("newsletter_id", BIG_INT, nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("params", DOCUMENT, nullable=False),
        sa.Column("filter", DOCUMENT, nullable=False),
        sa.Column("status", sa.String(24), nullable=False),
        sa.Column("total", BIG_INT, nullable=False),
        sa.Column("position", BIG_INT, nullable=False),
        *(sa.Column(name, BIG_INT, nullable=False) for name in ("done", "changed", "restored", "kept")),
        sa.Column("created_by", sa.String(320), nullable=False),
        sa.Column("undone_by", sa.String(320), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        *(sa.Column(name, MOMENT, nullable=True) for name in ("moved_at", "finished_at", "undone_at")),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletters.id"], name=op.f("fk_bulk_actions_newsletter_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_actions")),
    )
    op.create_index("ix_bulk_actions_newsletter_id_id", "bulk_actions", ["newsletter_id", "id"])
    op.create_index("ix_bulk_actions_status", "bulk_actions", ["status"])
    op.create_table(
        "bulk_rows",
        sa.Column("action_id", BIG_INT, nullable=False),
        sa.Column("subscription_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("outcome", sa.String(24), nullable=True),
        sa.Column("was_status", sa.String(24), nullable=True),
        sa.Column("was_paused_until", MOMENT, nullable=True),
        sa.Column("was_language", sa.String(8), nullable=True),
        sa.Column("at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["action_id"], ["bulk_actions.id"], name=op.f("fk_bulk_rows_action_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("action_id", "subscription_id", name=op.f("pk_bulk_rows")),
    )
    op.create_table(
        "reader_files",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("newsletter_id", BIG_INT, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("columns", DOCUMENT, nullable=False),
        sa.Column("agreed", sa.Boolean(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("status", sa.String(24), nullable=False),
        *(sa.Column(name, BIG_INT, nullable=False) for name in ("position", "added", "known", "blocked", "bad")),
        sa.Column("errors", DOCUMENT, nullable=False),
        sa.Column("created_by", sa.String(320), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        *(sa.Column(name, MOMENT, nullable=True) for name in ("moved_at", "finished_at")),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletters.id"], name=op.f("fk_reader_files_newsletter_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reader_files")),
    )
    op.create_index("ix_reader_files_newsletter_id_id", "reader_files", ["newsletter_id", "id"])
    op.create_index("ix_reader_files_status", "reader_files", ["status"])


def day(column: str, dialect: str) -> str:
    """SQL: the day of a moment in UTC."""
    return f"date({column})" if dialect == "sqlite" else f"({column} AT TIME ZONE 'UTC')::date"


def today(dialect: str) -> str:
    return "date('now')" if dialect == "sqlite" else "(now() AT TIME ZONE 'UTC')::date"


def reason(name: str) -> str:
    """SQL: the column of `subscription_days` that an `ended_reason` counts in."""
    return (
        f"CASE WHEN {name} IN ('unsubscribed', 'one_click', 'by_mail') THEN 'gone' WHEN {name} = 'complained'"
        f" THEN 'complained' WHEN {name} = 'suppressed' THEN 'bounced' ELSE 'other' END"
    )


def by_reason(sign: str, name: str) -> str:
    """SQL: a value for each column of an end."""
    return ", ".join(f"CASE WHEN {reason(name)} = '{column}' THEN {sign}1 ELSE 0 END" for column in REASONS)


def counts_into(rows: str, dialect: str) -> str:
    """SQL: add rows of (newsletter_id, status, n) to the counters."""
    slot = "0" if dialect == "sqlite" else SLOT
    return (
        "INSERT INTO subscription_counts (newsletter_id, status, slot, count)"
        f" SELECT newsletter_id, status, {slot}, sum(n) FROM ({rows}) AS changes WHERE true"
        " GROUP BY newsletter_id, status HAVING sum(n) <> 0"
        " ON CONFLICT (newsletter_id, status, slot) DO UPDATE SET count = subscription_counts.count + excluded.count"
    )


def days_into(rows: str, dialect: str) -> str:
    """SQL: add rows of (newsletter_id, day, joined, gone, bounced, complained, other) to the days."""
    slot = "0" if dialect == "sqlite" else SLOT
    names = ("joined", *REASONS)
    sums = ", ".join(f"sum({name})" for name in names)
    added = ", ".join(f"{name} = subscription_days.{name} + excluded.{name}" for name in names)
    return (
        f"INSERT INTO subscription_days (newsletter_id, day, slot, {', '.join(names)})"
        f" SELECT newsletter_id, day, {slot}, {sums} FROM ({rows}) AS changes WHERE true GROUP BY newsletter_id, day"
        f" ON CONFLICT (newsletter_id, day, slot) DO UPDATE SET {added}"
    )


def stories(rows: str, dialect: str) -> str:
    """SQL: what whole subscriptions tell of: that they began, and that they ended. Who never confirmed did neither."""
    joined = "coalesce(confirmed_at, created_at)"
    ends = by_reason("", "ended_reason")
    zeros = ", ".join(f"0 AS {name}" for name in REASONS)
    return (
        f"SELECT newsletter_id, {day(joined, dialect)} AS day, 1 AS joined, {zeros} FROM {rows}"
        f" WHERE status {READS} OR (status = 'ended' AND confirmed_at IS NOT NULL)"
        f" UNION ALL SELECT newsletter_id, {day('coalesce(ended_at, confirmed_at)', dialect)}, 0, {ends} FROM {rows}"
        " WHERE status = 'ended' AND confirmed_at IS NOT NULL"
    )


def moves(rows: str, dialect: str) -> str:
    """SQL: what changes of status tell of. An end that is taken back (the consent is the same as before it) is taken
    off the day it was counted in. `rows` has each subscription as it was (o_) and as it is (n_).
    """
    zeros = ", ".join("0" for _ in REASONS)
    back = "o_status = 'ended' AND o_ended_at IS NOT NULL AND o_confirmed_at = n_confirmed_at"
    fresh = "CASE WHEN o_confirmed_at = n_confirmed_at THEN NULL ELSE n_confirmed_at END"
    now = today(dialect)
    return (
        f"SELECT n_newsletter_id AS newsletter_id, coalesce({day(fresh, dialect)}, {now}) AS day, 1 AS joined,"
        f" {', '.join(f'0 AS {name}' for name in REASONS)} FROM {rows}"
        f" WHERE n_status {READS} AND NOT o_status {READS} AND ({back}) IS NOT TRUE"
        f" UNION ALL SELECT n_newsletter_id, {day('o_ended_at', dialect)}, 0, {by_reason('-', 'o_ended_reason')}"
        f" FROM {rows} WHERE n_status {READS} AND NOT o_status {READS} AND {back}"
        f" UNION ALL SELECT n_newsletter_id, coalesce({day('n_ended_at', dialect)}, {now}), 0,"
        f" {by_reason('', 'n_ended_reason')} FROM {rows}"
        f" WHERE o_status {READS} AND n_status = 'ended'"
        f" UNION ALL SELECT n_newsletter_id, {now}, 0, {zeros[:-1]}1 FROM {rows}"
        f" WHERE o_status {READS} AND NOT n_status {READS} AND n_status <> 'ended'"
    )


def losses(rows: str, dialect: str) -> str:
    """SQL: readers whose rows are gone altogether."""
    return (
        f"SELECT newsletter_id, {today(dialect)} AS day, 0 AS joined, 0 AS gone, 0 AS bounced, 0 AS complained,"
        f" 1 AS other FROM {rows} WHERE status {READS}"
    )


def filling(dialect: str) -> list[str]:
    """Fill empty counters from the subscriptions that there are. The slot is 0: folded already."""
    counts = counts_into("SELECT newsletter_id, status, 1 AS n FROM subscriptions", dialect)
    days = days_into(stories("subscriptions", dialect), dialect)
    return [statement.replace(SLOT, "0") for statement in (counts, days)]


def triggers(dialect: str) -> list[str]:
    return _sqlite() if dialect == "sqlite" else _postgresql()


COLUMNS = ("newsletter_id", "status", "confirmed_at", "ended_at", "ended_reason")


def _sqlite() -> list[str]:
    """A trigger for each row: SQLite has one writer at a time anyway, who adds to the one row of each counter."""

    def row(alias: str) -> str:
        columns = ", ".join(f"{alias}.{name} AS {name}" for name in (*COLUMNS, "created_at"))
        return f"(SELECT {columns})"

    both = ", ".join(f"OLD.{name} AS o_{name}, NEW.{name} AS n_{name}" for name in COLUMNS)
    taken = f"SELECT newsletter_id, status, -1 AS n FROM {row('OLD')}"
    given = f"SELECT newsletter_id, status, 1 AS n FROM {row('NEW')}"
    bodies = {
        "AFTER INSERT ON": [counts_into(given, "sqlite"), days_into(stories(row("NEW"), "sqlite"), "sqlite")],
        "AFTER UPDATE OF status ON": [
            counts_into(f"{taken} UNION ALL {given}", "sqlite"),
            days_into(moves(f"(SELECT {both})", "sqlite"), "sqlite"),
        ],
        "AFTER DELETE ON": [counts_into(taken, "sqlite"), days_into(losses(row("OLD"), "sqlite"), "sqlite")],
    }
    names = ("added", "changed", "removed")
    return [
        f"CREATE TRIGGER subscriptions_{name} {event} subscriptions FOR EACH ROW"
        f"{' WHEN OLD.status <> NEW.status' if name == 'changed' else ''} BEGIN {'; '.join(body)}; END"
        for name, (event, body) in zip(names, bodies.items(), strict=True)
    ]


def _postgresql() -> list[str]:
    """A trigger for each statement, which sees all rows that it changed."""
    moved = ", ".join(f"o.{name} AS o_{name}, n.{name} AS n_{name}" for name in COLUMNS)
    taken = "SELECT newsletter_id, status, -1 AS n FROM old_rows"
    given = "SELECT newsletter_id, status, 1 AS n FROM new_rows"
    changes = (
        "SELECT o_newsletter_id AS newsletter_id, o_status AS status, -1 AS n FROM moved"
        " UNION ALL SELECT n_newsletter_id, n_status, 1 FROM moved"
    )
    pg = "postgresql"
    added = f"{counts_into(given, pg)}; {days_into(stories('new_rows', pg), pg)};"
    changed = (
        f"WITH moved AS MATERIALIZED (SELECT {moved} FROM old_rows o JOIN new_rows n ON n.id = o.id"
        " WHERE n.status <> o.status),"
        f" counted AS ({counts_into(changes, pg)}) {days_into(moves('moved', pg), pg)};"
    )
    removed = f"{counts_into(taken, pg)}; {days_into(losses('old_rows', pg), pg)};"
    emptied = "DELETE FROM subscription_counts; DELETE FROM subscription_days;"
    made = []
    for name, event, seen, body in (
        ("added", "INSERT", "REFERENCING NEW TABLE AS new_rows", added),
        ("changed", "UPDATE", "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows", changed),
        ("removed", "DELETE", "REFERENCING OLD TABLE AS old_rows", removed),
        ("emptied", "TRUNCATE", "", emptied),
    ):
        # The plan of a function is kept for other numbers of rows than it was made for: a nested loop would take hours
        # for a million, and what is compiled for a million (jit) costs milliseconds for one.
        made.append(
            f"CREATE FUNCTION count_subscriptions_{name}() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off"
            " SET jit = off"
            f" AS $$ BEGIN {body} RETURN NULL; END $$"
        )
        made.append(
            f"CREATE TRIGGER subscriptions_{name} AFTER {event} ON subscriptions {seen}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION count_subscriptions_{name}()"
        )
    return made
