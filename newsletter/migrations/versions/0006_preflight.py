"""What was found by looking at an issue before it left, and who sent it all the same."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB, "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "preflights",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("issue_id", BIG_INT, nullable=False),
        sa.Column("revision", BIG_INT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=False),
        sa.Column("findings", DOCUMENT, nullable=False),
        sa.Column("fatal", BIG_INT, nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_preflights_issue_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preflights")),
        sa.UniqueConstraint("issue_id", "revision", name=op.f("uq_preflights_issue_id_revision")),
    )
    op.create_table(
        "overrules",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("issue_id", BIG_INT, nullable=False),
        sa.Column("revision", BIG_INT, nullable=False),
        sa.Column("keys", DOCUMENT, nullable=False),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_overrules_issue_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_overrules")),
        sa.UniqueConstraint("issue_id", "revision", name=op.f("uq_overrules_issue_id_revision")),
    )
