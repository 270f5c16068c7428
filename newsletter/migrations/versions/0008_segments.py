"""Segments of readers, and issues that go to one of them only, or to all but one."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB, "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "segments",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("newsletter_id", BIG_INT, nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("rule", DOCUMENT, nullable=False),
        sa.Column("revision", BIG_INT, server_default="1", nullable=False),
        sa.Column("created_by", sa.String(320), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_by", sa.String(320), nullable=True),
        sa.Column("changed_at", MOMENT, nullable=True),
        sa.Column("readers", BIG_INT, nullable=True),
        sa.Column("counted_at", MOMENT, nullable=True),
        sa.Column("removed_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletters.id"], name=op.f("fk_segments_newsletter_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
    )
    there = sa.text("removed_at IS NULL")
    op.create_index(
        "uq_segments_newsletter_id_name",
        "segments",
        ["newsletter_id", "name"],
        unique=True,
        sqlite_where=there,
        postgresql_where=there,
    )
    op.add_column("issues", sa.Column("segment_id", BIG_INT, nullable=True))
    op.add_column("issues", sa.Column("without_segment_id", BIG_INT, nullable=True))
    op.add_column("issues", sa.Column("narrowed", DOCUMENT, nullable=True))
