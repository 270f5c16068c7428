"""relays, lanes and waves"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")
KEY_TEXT = sa.String(320).with_variant(sa.String(320, collation="C"), "postgresql")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB, "postgresql")


def upgrade() -> None:
    op.create_table(
        "exchangers",
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("exchanger", sa.String(length=255), nullable=True),
        sa.Column("looked_up_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_exchangers")),
    )
    op.create_table(
        "lanes",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("relay_id", BIG_INT, nullable=False),
        sa.Column("domain", KEY_TEXT, nullable=False),
        sa.Column("per_second", sa.Double(), nullable=True),
        sa.Column("per_day", BIG_INT, nullable=True),
        sa.Column("concurrency", BIG_INT, nullable=True),
        sa.Column("tokens", sa.Double(), nullable=False),
        sa.Column("refilled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pace", sa.Double(), nullable=False),
        sa.Column("rate", sa.Double(), nullable=True),
        sa.Column("day", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_today", BIG_INT, nullable=False),
        sa.Column("refusals", BIG_INT, nullable=False),
        sa.Column("closed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reply", sa.String(length=500), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lanes")),
        sa.UniqueConstraint("relay_id", "domain", name=op.f("uq_lanes_relay_id_domain")),
    )
    op.create_table(
        "relays",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("locked_url", sa.Text(), nullable=False),
        sa.Column("weight", BIG_INT, nullable=False),
        sa.Column("standby", sa.Boolean(), nullable=False),
        sa.Column("senders", DOCUMENT, nullable=False),
        sa.Column("connections", BIG_INT, nullable=False),
        sa.Column("messages_per_connection", BIG_INT, nullable=False),
        sa.Column("group_exchangers", sa.Boolean(), nullable=False),
        sa.Column("warm_up", DOCUMENT, nullable=False),
        sa.Column("warm_up_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relays")),
        sa.UniqueConstraint("name", name=op.f("uq_relays_name")),
    )
    op.create_table(
        "lane_shares",
        sa.Column("lane_id", BIG_INT, nullable=False),
        sa.Column("holder", sa.String(length=80), nullable=False),
        sa.Column("places", BIG_INT, nullable=False),
        sa.Column("tokens", sa.Double(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["lane_id"], ["lanes.id"], name=op.f("fk_lane_shares_lane_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("lane_id", "holder", name=op.f("pk_lane_shares")),
    )
    op.create_table(
        "domain_tallies",
        sa.Column("issue_id", BIG_INT, nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("sent", BIG_INT, nullable=False),
        sa.Column("deferred", BIG_INT, nullable=False),
        sa.Column("hard", BIG_INT, nullable=False),
        sa.Column("soft", BIG_INT, nullable=False),
        sa.Column("content", BIG_INT, nullable=False),
        sa.Column("sender", BIG_INT, nullable=False),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["issues.id"], name=op.f("fk_domain_tallies_issue_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("issue_id", "domain", name=op.f("pk_domain_tallies")),
    )
    # What is added has a default, so that a large table is not written anew.
    op.add_column("batches", sa.Column("wave", sa.SmallInteger(), nullable=False, server_default="1"))
    for name in ("hard", "content", "complained"):
        op.add_column("batches", sa.Column(name, BIG_INT, nullable=False, server_default="0"))
    op.add_column("issues", sa.Column("wave", BIG_INT, nullable=False, server_default="0"))
    op.add_column("issues", sa.Column("wave_opened_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("issues", sa.Column("pause_reason", DOCUMENT, nullable=True))
    op.add_column("issues", sa.Column("brake_released", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("batches", sa.Column("cancelled", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.drop_index("ix_deliveries_batch_id_status", "deliveries")
    op.drop_index("ix_deliveries_issue_id_id", "deliveries")
    if op.get_bind().dialect.name == "postgresql":
        for name in ("batch_id", "issue_id", "subscriber_id", "variant_id"):
            op.drop_constraint(f"fk_deliveries_{name}", "deliveries", type_="foreignkey")
        # Room on each page for the next version of a row: a change of status then touches no index (HOT update).
        op.execute("ALTER TABLE deliveries SET (fillfactor = 60)")
    else:
        _write_deliveries_anew()
    op.create_index("ix_deliveries_batch_id", "deliveries", ["batch_id"])
    op.create_table(
        "bounces",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("delivery_id", BIG_INT, nullable=False),
        sa.Column("issue_id", BIG_INT, nullable=False),
        sa.Column("subscriber_id", BIG_INT, nullable=False),
        sa.Column("email_key", KEY_TEXT, nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reply", sa.String(length=500), nullable=False),
        sa.Column("answered", BIG_INT, nullable=False),
        sa.Column("fate", sa.String(24), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=320), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_bounces_delivery_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_bounces_issue_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_bounces_subscriber_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bounces")),
        sa.UniqueConstraint("delivery_id", name=op.f("uq_bounces_delivery_id")),
    )
    op.create_index("ix_bounces_domain_at", "bounces", ["domain", "at"])
    op.create_index("ix_bounces_issue_id_fate", "bounces", ["issue_id", "fate"])
    op.create_index("ix_bounces_subscriber_id", "bounces", ["subscriber_id"])


def _write_deliveries_anew() -> None:
    """Deliveries without foreign keys. SQLite cannot drop a key, and dropping a table empties those that refer to it:
    so the attempts are moved to refer to the new one first.
    """
    op.drop_index("uq_deliveries_subscriber_id_issue_id", "deliveries")
    op.rename_table("deliveries", "deliveries_before")
    op.create_table(
        "deliveries",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("issue_id", BIG_INT, nullable=False),
        sa.Column("batch_id", BIG_INT, nullable=False),
        sa.Column("variant_id", BIG_INT, nullable=False),
        sa.Column("subscriber_id", BIG_INT, nullable=False),
        sa.Column("status", sa.String(24), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("repeated", sa.Boolean(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reply", sa.String(length=500), nullable=True),
        sa.Column("skip_reason", sa.String(24), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.execute("INSERT INTO deliveries SELECT * FROM deliveries_before")
    op.create_index("uq_deliveries_subscriber_id_issue_id", "deliveries", ["subscriber_id", "issue_id"], unique=True)
    op.drop_index("ix_delivery_attempts_delivery_id", "delivery_attempts")
    op.rename_table("delivery_attempts", "delivery_attempts_before")
    op.create_table(
        "delivery_attempts",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("delivery_id", BIG_INT, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=24), nullable=False),
        sa.Column("reply_class", sa.String(length=24), nullable=False),
        sa.Column("phase", sa.String(length=24), nullable=False),
        sa.Column("reply", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_delivery_attempts_delivery_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_attempts")),
    )
    op.execute("INSERT INTO delivery_attempts SELECT * FROM delivery_attempts_before")
    op.create_index("ix_delivery_attempts_delivery_id", "delivery_attempts", ["delivery_id"])
    op.drop_table("delivery_attempts_before")
    op.drop_table("deliveries_before")
