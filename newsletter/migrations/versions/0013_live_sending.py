"""Where an issue's recipients' domains stand, how fast it is sent, what left once more, and over which relay."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB, "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    # Columns without a default, or with a constant one: neither database writes the rows of a large table again.
    op.add_column("deliveries", sa.Column("relay_id", BIG_INT, nullable=True))
    op.add_column("delivery_attempts", sa.Column("relay_id", BIG_INT, nullable=True))
    op.add_column("issues", sa.Column("moving_since", MOMENT, nullable=True))
    op.add_column("issues", sa.Column("reckoned_at", MOMENT, nullable=True))
    for name in ("audience", "waiting", "failed", "unknown", "skipped"):
        op.add_column("domain_tallies", sa.Column(name, BIG_INT, nullable=False, server_default="0"))
    op.create_index("ix_domain_tallies_issue_id_audience", "domain_tallies", ["issue_id", "audience"])
    op.create_index("ix_subscribers_domain_id", "subscribers", ["domain", "id"])
    op.create_table(
        "pace_marks",
        sa.Column("issue_id", BIG_INT, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("done", BIG_INT, nullable=False),
        sa.Column("domains", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_pace_marks_issue_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("issue_id", "at", name=op.f("pk_pace_marks")),
    )
    op.create_table(
        "resends",
        sa.Column("issue_id", BIG_INT, nullable=False),
        sa.Column("number", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(length=320), nullable=False),
        sa.Column("failed", BIG_INT, nullable=False),
        sa.Column("unknown", BIG_INT, nullable=False),
        sa.Column("left_out", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_resends_issue_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("issue_id", "number", name=op.f("pk_resends")),
    )
