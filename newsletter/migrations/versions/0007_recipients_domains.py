"""Recipients' domains by day, what is made of them, and warm-ups that follow them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB, "postgresql")

COUNTS = (
    "sent",
    "deferred",
    "hard",
    "soft",
    "content",
    "sender",
    "complained",
    "hard_later",
    "soft_later",
    "content_later",
    "sender_later",
    "wait_ms",
    "waited",
    "under_1m",
    "under_5m",
    "under_30m",
    "under_4h",
    "longer",
)


def upgrade() -> None:
    op.create_table(
        "domain_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("relay_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, BIG_INT, nullable=False) for name in COUNTS),
        sa.PrimaryKeyConstraint("day", "domain", "relay_id", name=op.f("pk_domain_days")),
        postgresql_with={"fillfactor": "60"},
    )
    op.create_index("ix_domain_days_domain_day", "domain_days", ["domain", "day"])
    op.create_table(
        "domain_words",
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.Column("count", BIG_INT, nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain", "kind", name=op.f("pk_domain_words")),
    )
    op.create_table(
        "domain_standings",
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("verdict", sa.String(24), nullable=False),
        sa.Column("fault", sa.String(24), nullable=True),
        sa.Column("of_which", BIG_INT, nullable=False),
        sa.Column("out_of", BIG_INT, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent", BIG_INT, nullable=False),
        sa.Column("acted", DOCUMENT, nullable=False),
        sa.Column("acted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_domain_standings")),
    )
    op.create_table(
        "warm_ups",
        sa.Column("relay_id", BIG_INT, nullable=False),
        sa.Column("provider", sa.String(length=24), nullable=False),
        sa.Column("place", BIG_INT, nullable=True),
        sa.Column("allowance", BIG_INT, nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["relay_id"], ["relays.id"], name=op.f("fk_warm_ups_relay_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("relay_id", "provider", name=op.f("pk_warm_ups")),
    )
    op.add_column("lanes", sa.Column("allowance", BIG_INT, nullable=True))
    op.add_column("lanes", sa.Column("steady_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("batches", sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True))
