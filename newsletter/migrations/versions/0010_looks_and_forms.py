"""Looks of newsletters, with those they had before, and the texts of their sign-up forms."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")
DOCUMENT = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    for name in ("look", "look_failed", "form"):
        op.add_column("newsletters", sa.Column(name, DOCUMENT, nullable=True))
    op.add_column("newsletters", sa.Column("look_template", sa.Text(), nullable=True))
    op.add_column("confirmations", sa.Column("name", sa.String(length=200), nullable=True))
    op.create_table(
        "looks",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("newsletter_id", BIG_INT, nullable=False),
        sa.Column("look", DOCUMENT, nullable=True),
        sa.Column("template", sa.Text(), nullable=True),
        sa.Column("own_template", sa.Boolean(), nullable=False),
        sa.Column("saved_by", sa.String(length=320), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletters.id"], name=op.f("fk_looks_newsletter_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_looks")),
    )
    op.create_index("ix_looks_newsletter_id_id", "looks", ["newsletter_id", "id"])
    op.create_table(
        "consent_wordings",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("newsletter_id", BIG_INT, nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_by", sa.String(length=320), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletters.id"], name=op.f("fk_consent_wordings_newsletter_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_wordings")),
    )
    op.create_index("ix_consent_wordings_newsletter_id_id", "consent_wordings", ["newsletter_id", "id"])
