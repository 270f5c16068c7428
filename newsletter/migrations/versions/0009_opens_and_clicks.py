"""What newsletters measure, what readers say to it, links of issues, and who followed them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")
MOMENT = sa.DateTime(timezone=True)

NAMED = "delivery_id IS NOT NULL"
NAMELESS = "delivery_id IS NULL"
PENDING = "judged_at IS NULL"
OF_SOMEBODY = "subscriber_id IS NOT NULL"
CLICKS = "verdict = 'person' AND number > 0 AND subscriber_id IS NOT NULL"


def upgrade() -> None:
    # A column with a constant default, or with none, is added without touching the rows.
    op.add_column("newsletters", sa.Column("clicks", sa.String(24), nullable=False, server_default="off"))
    op.add_column("newsletters", sa.Column("opens", sa.String(24), nullable=False, server_default="off"))
    op.add_column("subscriptions", sa.Column("measuring", sa.String(24), nullable=True))
    op.create_table(
        "issue_measures",
        sa.Column("issue_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("newsletter_id", BIG_INT, nullable=False),
        sa.Column("clicks", sa.String(24), nullable=False),
        sa.Column("opens", sa.String(24), nullable=False),
        sa.Column("frozen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("issue_id", name=op.f("pk_issue_measures")),
    )
    op.create_index(op.f("ix_issue_measures_frozen_at"), "issue_measures", ["frozen_at"])
    op.create_table(
        "issue_links",
        sa.Column("issue_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("number", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("article_id", BIG_INT, nullable=True),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("followed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("issue_id", "number", name=op.f("pk_issue_links")),
    )
    op.create_table(
        "engagement_events",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("issue_id", BIG_INT, nullable=False),
        sa.Column("newsletter_id", BIG_INT, nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("delivery_id", BIG_INT, nullable=True),
        sa.Column("subscriber_id", BIG_INT, nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("manner", sa.String(24), nullable=False),
        sa.Column("family", sa.String(24), nullable=False),
        sa.Column("network", sa.String(43), nullable=False),
        sa.Column("verdict", sa.String(24), nullable=True),
        sa.Column("reason", sa.String(24), nullable=True),
        sa.Column("counted", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("first_of_link", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("first_of_issue", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("judged_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.id"],
            name=op.f("fk_engagement_events_subscriber_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engagement_events")),
    )
    for name, columns, where in (
        ("pending", ["id"], PENDING),
        ("delivery_id", ["delivery_id"], NAMED),
        ("subscriber_id_id", ["subscriber_id", "id"], OF_SOMEBODY),
        ("clicks", ["newsletter_id", "day", "subscriber_id"], CLICKS),
        ("nameless", ["at"], NAMELESS),
    ):
        op.create_index(
            op.f(f"ix_engagement_events_{name}"),
            "engagement_events",
            columns,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )
    op.create_index(op.f("ix_engagement_events_issue_id_at"), "engagement_events", ["issue_id", "at"])
    op.create_table(
        "link_counts",
        sa.Column("issue_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("number", BIG_INT, autoincrement=False, nullable=False),
        *_counts("clicks", "readers", "machines", "unknown"),
        sa.PrimaryKeyConstraint("issue_id", "number", name=op.f("pk_link_counts")),
    )
    for name, counts in (
        ("click_counts", ("clicks", "readers", "machines", "unknown")),
        ("open_counts", ("opens", "readers", "prefetched", "machines", "unknown")),
    ):
        op.create_table(
            name,
            sa.Column("issue_id", BIG_INT, autoincrement=False, nullable=False),
            sa.Column("day", sa.Date(), nullable=False),
            *_counts(*counts),
            sa.PrimaryKeyConstraint("issue_id", "day", name=op.f(f"pk_{name}")),
        )


def _counts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, BIG_INT, nullable=False) for name in names]
