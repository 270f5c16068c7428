"""An index for the readers who left by a link of an issue."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

THERE = sa.text("ended_by_issue_id IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_subscriptions_ended_by_issue_id",
        "subscriptions",
        ["ended_by_issue_id", "id"],
        sqlite_where=THERE,
        postgresql_where=THERE,
    )
