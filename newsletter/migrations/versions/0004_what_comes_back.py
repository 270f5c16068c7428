"""What comes back: messages and webhooks as they came, what was read in them, soft bounces, mailboxes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")
KEY_TEXT = sa.String(320).with_variant(sa.String(320, collation="C"), "postgresql")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB, "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("bounces") as bounces:
        bounces.add_column(sa.Column("source", sa.String(80), server_default="smtp", nullable=False))
    op.create_table(
        "soft_bounces",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("delivery_id", BIG_INT, nullable=False),
        sa.Column("issue_id", BIG_INT, nullable=False),
        sa.Column("subscriber_id", BIG_INT, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(80), nullable=False),
        sa.Column("reply", sa.String(500), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_soft_bounces_delivery_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscribers.id"], name=op.f("fk_soft_bounces_subscriber_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_soft_bounces")),
        sa.UniqueConstraint("delivery_id", name=op.f("uq_soft_bounces_delivery_id")),
    )
    op.create_index("ix_soft_bounces_subscriber_id_at", "soft_bounces", ["subscriber_id", "at"])
    op.create_table(
        "inbound_mails",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(80), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("envelope_sender", sa.String(320), nullable=False),
        sa.Column("envelope_recipient", sa.String(320), nullable=False),
        sa.Column("size", BIG_INT, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("read_at", MOMENT, nullable=True),
        sa.Column("problem", sa.String(300), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_mails")),
        sa.UniqueConstraint("digest", name=op.f("uq_inbound_mails_digest")),
    )
    unread = sa.text("read_at IS NULL")
    op.create_index("ix_inbound_mails_unread", "inbound_mails", ["id"], sqlite_where=unread, postgresql_where=unread)
    op.create_index("ix_inbound_mails_received_at", "inbound_mails", ["received_at"])
    op.create_table(
        "feedback_reports",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(80), nullable=False),
        sa.Column("event_key", sa.String(200), nullable=False),
        sa.Column("inbound_id", BIG_INT, nullable=True),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("reply_class", sa.String(24), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recipient", sa.String(320), nullable=False),
        sa.Column("matched_by", sa.String(24), nullable=True),
        sa.Column("delivery_id", BIG_INT, nullable=True),
        sa.Column("mail_id", BIG_INT, nullable=True),
        sa.Column("subscriber_id", BIG_INT, nullable=True),
        sa.Column("newsletter_id", BIG_INT, nullable=True),
        sa.Column("issue_id", BIG_INT, nullable=True),
        sa.Column("effect", sa.String(24), nullable=False),
        sa.Column("occurred_at", MOMENT, nullable=True),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("applied_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["inbound_id"], ["inbound_mails.id"], name=op.f("fk_feedback_reports_inbound_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback_reports")),
        sa.UniqueConstraint("source", "event_key", name=op.f("uq_feedback_reports_source_event_key")),
    )
    op.create_index(op.f("ix_feedback_reports_inbound_id"), "feedback_reports", ["inbound_id"])
    op.create_index("ix_feedback_reports_delivery_id_kind", "feedback_reports", ["delivery_id", "kind"])
    op.create_index("ix_feedback_reports_subscriber_id_id", "feedback_reports", ["subscriber_id", "id"])
    op.create_index("ix_feedback_reports_received_at", "feedback_reports", ["received_at"])
    op.create_table(
        "inbound_mailboxes",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("protocol", sa.String(24), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("port", BIG_INT, nullable=False),
        sa.Column("tls", sa.String(10), nullable=False),
        sa.Column("username", sa.String(320), nullable=False),
        sa.Column("locked_password", sa.Text(), nullable=False),
        sa.Column("folder", sa.String(200), nullable=False),
        sa.Column("after_reading", sa.String(24), nullable=False),
        sa.Column("validity", BIG_INT, nullable=False),
        sa.Column("seen", BIG_INT, nullable=False),
        sa.Column("known", DOCUMENT, nullable=False),
        sa.Column("next_poll_at", MOMENT, nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("polled_at", MOMENT, nullable=True),
        sa.Column("failing_since", MOMENT, nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_mailboxes")),
        sa.UniqueConstraint("name", name=op.f("uq_inbound_mailboxes_name")),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("provider", sa.String(24), nullable=False),
        sa.Column("address_key", KEY_TEXT, nullable=False),
        sa.Column("locked_token", sa.Text(), nullable=False),
        sa.Column("locked_secret", sa.Text(), nullable=False),
        sa.Column("received", BIG_INT, nullable=False),
        sa.Column("unknown", BIG_INT, nullable=False),
        sa.Column("refused", BIG_INT, nullable=False),
        sa.Column("last_refusal", sa.String(300), nullable=True),
        sa.Column("last_received_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
        sa.UniqueConstraint("address_key", name=op.f("uq_webhooks_address_key")),
    )
