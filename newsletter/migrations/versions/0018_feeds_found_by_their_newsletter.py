"""Indexes for the feeds that a newsletter takes, and for those that fail."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

IN_TROUBLE = sa.text("failing_since IS NOT NULL OR gone_at IS NOT NULL")


def upgrade() -> None:
    op.create_index("ix_feed_targets_newsletter_id_feed_id", "feed_targets", ["newsletter_id", "feed_id"])
    op.create_index(
        "ix_feeds_in_trouble", "feeds", ["failing_since", "id"], sqlite_where=IN_TROUBLE, postgresql_where=IN_TROUBLE
    )
