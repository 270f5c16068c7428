"""What a user may do for one newsletter, and ways to read the log."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")

INDEXES = {
    "ix_audit_events_at": ["at", "id"],
    "ix_audit_events_actor": ["actor", "at", "id"],
    "ix_audit_events_subject": ["subject", "at", "id"],
    "ix_audit_events_actor_subject": ["actor", "subject", "at", "id"],
}


def upgrade() -> None:
    op.add_column("users", sa.Column("limited", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "user_rights",
        sa.Column("user_id", BIG_INT, nullable=False),
        sa.Column("newsletter_id", BIG_INT, nullable=False),
        sa.Column("role", sa.String(24), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_rights_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletters.id"], name=op.f("fk_user_rights_newsletter_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "newsletter_id", name=op.f("pk_user_rights")),
    )
    op.create_index(op.f("ix_user_rights_newsletter_id"), "user_rights", ["newsletter_id"])
    for name, columns in INDEXES.items():
        op.create_index(name, "audit_events", columns)
