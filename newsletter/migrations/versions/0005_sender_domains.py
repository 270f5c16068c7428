"""Sender domains: keys that are rotated, what DNS looked like, reports of mailbox providers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB, "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("sender_domains") as domains:
        domains.add_column(sa.Column("findings", DOCUMENT, nullable=True))
        domains.add_column(sa.Column("checked_at", MOMENT, nullable=True))
    with op.batch_alter_table("signing_keys") as keys:
        keys.add_column(sa.Column("starts_at", MOMENT, nullable=True))
        keys.add_column(sa.Column("retired_at", MOMENT, nullable=True))
    op.execute("UPDATE signing_keys SET starts_at = created_at")
    op.create_table(
        "domain_reports",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("organisation", sa.String(255), nullable=False),
        sa.Column("report_id", sa.String(255), nullable=False),
        sa.Column("domain", sa.String(255), nullable=False),
        sa.Column("begins_at", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domain_reports")),
        sa.UniqueConstraint(
            "kind", "organisation", "report_id", name=op.f("uq_domain_reports_kind_organisation_report_id")
        ),
    )
    op.create_index("ix_domain_reports_domain_ends_at", "domain_reports", ["domain", "ends_at"])
    op.create_table(
        "domain_report_rows",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("report_id", BIG_INT, nullable=False),
        sa.Column("source", sa.String(255), nullable=False),
        sa.Column("count", BIG_INT, nullable=False),
        sa.Column("aligned", sa.Boolean(), nullable=False),
        sa.Column("dkim", sa.Boolean(), nullable=False),
        sa.Column("spf", sa.Boolean(), nullable=False),
        sa.Column("result", sa.String(255), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id"], ["domain_reports.id"], name=op.f("fk_domain_report_rows_report_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domain_report_rows")),
    )
    op.create_index(op.f("ix_domain_report_rows_report_id"), "domain_report_rows", ["report_id"])
