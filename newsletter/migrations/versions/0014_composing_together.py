"""Steps of an issue that can be undone, who is at what, drafts of articles, and articles written in Markdown."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB, "postgresql")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "issue_states",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("issue_id", BIG_INT, nullable=False),
        sa.Column("ahead", sa.Boolean(), nullable=False),
        sa.Column("what", sa.String(60), nullable=False),
        sa.Column("by", sa.String(320), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("content", DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_issue_states_issue_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issue_states")),
    )
    op.create_index("ix_issue_states_issue_id_ahead_id", "issue_states", ["issue_id", "ahead", "id"])
    op.create_table(
        "presences",
        sa.Column("subject", sa.String(40), nullable=False),
        sa.Column("subject_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("user_id", BIG_INT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("typing", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_presences_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("subject", "subject_id", "user_id", name=op.f("pk_presences")),
    )
    op.create_index("ix_presences_seen_at", "presences", ["seen_at"])
    op.create_table(
        "article_drafts",
        sa.Column("user_id", BIG_INT, nullable=False),
        sa.Column("newsletter_id", BIG_INT, nullable=False),
        sa.Column("article_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("fields", DOCUMENT, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_article_drafts_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletters.id"], name=op.f("fk_article_drafts_newsletter_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "newsletter_id", "article_id", name=op.f("pk_article_drafts")),
    )
    op.create_index("ix_article_drafts_at", "article_drafts", ["at"])
    op.add_column("articles", sa.Column("body_markdown", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("letter_keys", sa.Boolean(), server_default=sa.true(), nullable=False))
