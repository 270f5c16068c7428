"""Feeds, cadences, readers' choices, and issues in blocks."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")
KEY_TEXT = sa.String(320).with_variant(sa.String(320, collation="C"), "postgresql")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB, "postgresql")


def upgrade() -> None:
    op.create_table(
        "feeds",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("url_key", sa.String(length=64), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("site_url", sa.Text(), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("interval_minutes", BIG_INT, nullable=False),
        sa.Column("next_poll_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_by", sa.String(length=32), nullable=True),
        sa.Column("polled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("news_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", BIG_INT, nullable=False),
        sa.Column("slow", sa.Boolean(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.String(length=100), nullable=True),
        sa.Column("body_hash", sa.String(length=64), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feeds")),
        sa.UniqueConstraint("url_key", name=op.f("uq_feeds_url_key")),
    )
    op.create_index("ix_feeds_next_poll_at", "feeds", ["next_poll_at"])
    op.create_index("ix_feeds_host_lease_until", "feeds", ["host", "lease_until"])

    op.create_table(
        "pictures",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("url_key", sa.String(length=64), nullable=False),
        sa.Column("source_url", sa.Text(), nullable=False),
        sa.Column("status", sa.String(24), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=True),
        sa.Column("content_type", sa.String(length=40), nullable=True),
        sa.Column("width", BIG_INT, nullable=False),
        sa.Column("height", BIG_INT, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.Column("attempts", BIG_INT, nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pictures")),
        sa.UniqueConstraint("url_key", name=op.f("uq_pictures_url_key")),
    )
    op.create_index("ix_pictures_key", "pictures", ["key"])
    op.create_index("ix_pictures_next_attempt_at", "pictures", ["next_attempt_at"])

    op.create_table(
        "choices",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("newsletter_id", BIG_INT, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("topics", DOCUMENT, nullable=True),
        sa.Column("edition", sa.String(24), nullable=False),
        sa.Column("hour", BIG_INT, nullable=True),
        sa.Column("timezone", sa.String(length=64), nullable=True),
        sa.Column("breaking", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletters.id"], name=op.f("fk_choices_newsletter_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_choices")),
        sa.UniqueConstraint("newsletter_id", "key", name=op.f("uq_choices_newsletter_id_key")),
    )
    op.create_table(
        "feed_entries",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("feed_id", BIG_INT, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("article_id", BIG_INT, nullable=True),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("fk_feed_entries_article_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], name=op.f("fk_feed_entries_feed_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_entries")),
        sa.UniqueConstraint("feed_id", "key", name=op.f("uq_feed_entries_feed_id_key")),
    )
    op.create_index(op.f("ix_feed_entries_article_id"), "feed_entries", ["article_id"])
    op.create_index("ix_feed_entries_seen_at", "feed_entries", ["seen_at"])
    op.create_table(
        "schedules",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("newsletter_id", BIG_INT, nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("position", BIG_INT, nullable=False),
        sa.Column("rule", sa.String(length=500), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("skipped", DOCUMENT, nullable=False),
        sa.Column("holidays", sa.String(length=20), nullable=False),
        sa.Column("quiet", sa.String(length=20), nullable=False),
        sa.Column("lead_minutes", BIG_INT, nullable=False),
        sa.Column("catch_up_minutes", BIG_INT, nullable=False),
        sa.Column("carry", BIG_INT, nullable=False),
        sa.Column("rules", DOCUMENT, nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_cut_off_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletters.id"], name=op.f("fk_schedules_newsletter_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
        sa.UniqueConstraint("newsletter_id", "slug", name=op.f("uq_schedules_newsletter_id_slug")),
    )
    op.create_index("ix_schedules_next_cut_off_at", "schedules", ["next_cut_off_at"])

    op.create_table(
        "approvals",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("issue_id", BIG_INT, nullable=False),
        sa.Column("revision", BIG_INT, nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_approvals_issue_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        sa.UniqueConstraint("issue_id", "revision", "email", name=op.f("uq_approvals_issue_id_revision_email")),
    )
    op.create_table(
        "blocks",
        sa.Column("id", BIG_INT, autoincrement=True, nullable=False),
        sa.Column("issue_id", BIG_INT, nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("web_html", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issues.id"], name=op.f("fk_blocks_issue_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocks")),
        sa.UniqueConstraint("issue_id", "key", name=op.f("uq_blocks_issue_id_key")),
    )
    op.create_table(
        "feed_targets",
        sa.Column("feed_id", BIG_INT, nullable=False),
        sa.Column("newsletter_id", BIG_INT, nullable=False),
        sa.Column("topic_id", BIG_INT, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], name=op.f("fk_feed_targets_feed_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["newsletter_id"], ["newsletters.id"], name=op.f("fk_feed_targets_newsletter_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["topic_id"], ["topics.id"], name=op.f("fk_feed_targets_topic_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("feed_id", "newsletter_id", name=op.f("pk_feed_targets")),
    )
    op.create_table(
        "judgements",
        sa.Column("run_id", BIG_INT, nullable=False),
        sa.Column("article_id", BIG_INT, nullable=False),
        sa.Column("schedule_id", BIG_INT, nullable=False),
        sa.Column("verdict", sa.String(24), nullable=False),
        sa.Column("reason", DOCUMENT, nullable=False),
        sa.Column("section", sa.String(length=60), nullable=True),
        sa.Column("position", BIG_INT, nullable=True),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("fk_judgements_article_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["digest_runs.id"], name=op.f("fk_judgements_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "article_id", name=op.f("pk_judgements")),
    )
    op.create_index("ix_judgements_schedule_id_article_id", "judgements", ["schedule_id", "article_id"])

    widened: dict[str, list[sa.Column[Any]]] = {
        "articles": [
            sa.Column("story_id", BIG_INT, nullable=True),
            sa.Column("fingerprint", BIG_INT, nullable=True),
            sa.Column("picture_id", BIG_INT, nullable=True),
            sa.Column("revised_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        ],
        "batches": [sa.Column("not_before", sa.DateTime(timezone=True), nullable=True)],
        "issues": [
            sa.Column("kind", sa.String(24), server_default="digest", nullable=False),
            sa.Column("schedule_id", BIG_INT, nullable=True),
            sa.Column("corrects_id", BIG_INT, nullable=True),
            sa.Column("rules", DOCUMENT, nullable=True),
            sa.Column("revision", BIG_INT, server_default="1", nullable=False),
            sa.Column("changed_by", sa.String(length=320), nullable=True),
            sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("send_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("review", sa.String(24), server_default="none", nullable=False),
            sa.Column("too_late", sa.String(24), server_default="send", nullable=False),
            sa.Column("proofed_revision", BIG_INT, nullable=True),
            sa.Column("nothing_new", BIG_INT, nullable=True),
        ],
        "newsletters": [
            sa.Column("languages", DOCUMENT, server_default="[]", nullable=False),
            sa.Column("rules", DOCUMENT, nullable=True),
            sa.Column("review", sa.String(24), server_default="none", nullable=False),
            sa.Column("approvers", DOCUMENT, server_default="[]", nullable=False),
            sa.Column("too_late", sa.String(24), server_default="send", nullable=False),
            sa.Column("cooling_minutes", BIG_INT, server_default="0", nullable=False),
            sa.Column("breaking_cap", BIG_INT, server_default="3", nullable=False),
        ],
        "placements": [
            sa.Column("pin", BIG_INT, nullable=True),
            sa.Column("pinned_by", sa.String(length=320), nullable=True),
            sa.Column("boost", sa.Double(), server_default="0", nullable=False),
            sa.Column("embargo_until", sa.DateTime(timezone=True), nullable=True),
            sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("reserve", sa.Boolean(), server_default=sa.false(), nullable=False),
            sa.Column("feed_id", BIG_INT, nullable=True),
        ],
        "subscriptions": [
            sa.Column("choice_id", BIG_INT, nullable=True),
            sa.Column("schedule_id", BIG_INT, nullable=True),
            sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        ],
    }
    for table, columns in widened.items():
        for column in columns:
            op.add_column(table, column)
    op.create_index("ix_articles_first_seen_at", "articles", ["first_seen_at"])
    op.create_index("ix_articles_story_id", "articles", ["story_id"])
    kept = sa.text("pin IS NOT NULL OR reserve")
    op.create_index("ix_placements_kept", "placements", ["newsletter_id"], sqlite_where=kept, postgresql_where=kept)
    held = sa.text("embargo_until IS NOT NULL")
    columns_ = ["newsletter_id", "embargo_until"]
    op.create_index("ix_placements_embargo_until", "placements", columns_, sqlite_where=held, postgresql_where=held)
    op.create_index("ix_issues_send_at", "issues", ["send_at"])
    for name in ("paused_until", "choice_id"):
        given = sa.text(f"{name} IS NOT NULL")
        op.create_index(f"ix_subscriptions_{name}", "subscriptions", [name], sqlite_where=given, postgresql_where=given)
    give_each_newsletter_its_cadence()
    let_an_article_stand_in_several_issues()
    cut_variants_into_blocks()


def give_each_newsletter_its_cadence() -> None:
    # The sweep finds a schedule by the moment it is due next; one in the past makes it look and compute it.
    op.execute("""
        INSERT INTO schedules (newsletter_id, slug, name, position, rule, skipped, holidays, quiet, lead_minutes,
                               catch_up_minutes, carry, since, next_cut_off_at, created_at)
        SELECT id, 'main', CASE language WHEN 'fr' THEN 'Édition habituelle' ELSE 'Regular issue' END, 0,
               coalesce(schedule, ''), '[]', '', '', 0, 720, 1, coalesce(schedule_since, created_at),
               CASE WHEN schedule IS NULL THEN NULL ELSE coalesce(schedule_since, created_at) END, created_at
        FROM newsletters""")
    op.execute("ALTER TABLE newsletters DROP COLUMN schedule")
    op.execute("ALTER TABLE newsletters DROP COLUMN schedule_since")
    op.execute("UPDATE issues SET schedule_id = (SELECT id FROM schedules WHERE newsletter_id = issues.newsletter_id)")
    for column in (
        sa.Column("schedule_id", BIG_INT, nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(24), nullable=True),
        sa.Column("reason", DOCUMENT, nullable=True),
    ):
        op.add_column("digest_runs", column)
    op.execute("""
        UPDATE digest_runs SET outcome = 'issue',
            schedule_id = (SELECT id FROM schedules WHERE newsletter_id = digest_runs.newsletter_id)""")
    with op.batch_alter_table("digest_runs") as runs:
        runs.alter_column("schedule_id", existing_type=BIG_INT, nullable=False)
        runs.alter_column("outcome", existing_type=sa.String(24), nullable=False)
        runs.drop_constraint("uq_digest_runs_newsletter_id_window_start", type_="unique")
        runs.create_unique_constraint("uq_digest_runs_schedule_id_cut_off", ["schedule_id", "cut_off"])
        runs.create_foreign_key("fk_digest_runs_schedule_id", "schedules", ["schedule_id"], ["id"], ondelete="CASCADE")
    op.create_index("ix_digest_runs_newsletter_id_id", "digest_runs", ["newsletter_id", "id"])
    op.create_index("ix_digest_runs_issue_id", "digest_runs", ["issue_id"])


def let_an_article_stand_in_several_issues() -> None:
    for column in (
        sa.Column("story_id", BIG_INT, server_default="0", nullable=False),
        sa.Column("section", sa.String(length=60), nullable=True),
        sa.Column("pinned", sa.Boolean(), server_default=sa.false(), nullable=False),
    ):
        op.add_column("issue_articles", column)
    op.execute("UPDATE issue_articles SET story_id = article_id")
    with op.batch_alter_table("issue_articles") as places:
        places.drop_constraint("uq_issue_articles_newsletter_id_article_id", type_="unique")
    op.create_index("ix_issue_articles_newsletter_id_article_id", "issue_articles", ["newsletter_id", "article_id"])
    op.create_index("ix_issue_articles_story_id", "issue_articles", ["story_id"])
    # What an issue holds is no candidate for a later one.
    op.execute("""
        INSERT INTO judgements (run_id, article_id, schedule_id, verdict, reason, section, position)
        SELECT digest_runs.id, article_id, schedule_id, 'in', '{"code": "new"}', NULL, position
        FROM digest_runs JOIN issue_articles ON issue_articles.issue_id = digest_runs.issue_id""")


def cut_variants_into_blocks() -> None:
    """What was sent in one piece becomes a variant of a single block."""
    postgres = op.get_bind().dialect.name == "postgresql"
    op.execute("""
        INSERT INTO blocks (issue_id, key, html, text, web_html)
        SELECT issue_id, 'whole:' || id, html, text, web_html FROM variants""")
    for column in (
        sa.Column("key", sa.String(length=64), nullable=True),
        sa.Column("edition", sa.String(24), nullable=True),
        sa.Column("articles", DOCUMENT, nullable=True),
        sa.Column("blocks", DOCUMENT, nullable=True),
        sa.Column("preheader", sa.String(length=300), nullable=True),
        sa.Column("public", sa.Boolean(), nullable=True),
        sa.Column("readers", BIG_INT, nullable=True),
    ):
        op.add_column("variants", column)
    held = "SELECT article_id FROM issue_articles WHERE issue_id = variants.issue_id ORDER BY position"
    listed = (
        f"SELECT jsonb_agg(article_id) FROM ({held}) held"  # noqa: S608 - nothing of it comes from outside
        if postgres
        else f"SELECT json_group_array(article_id) FROM ({held})"  # noqa: S608 - the same
    )
    piece = "SELECT id FROM blocks WHERE issue_id = variants.issue_id AND key = 'whole:' || variants.id"
    op.execute(f"""
        UPDATE variants SET key = 'whole:' || id, edition = 'full', preheader = '', public = true, readers = 0,
            articles = coalesce(({listed}), '[]'),
            blocks = {"jsonb_build_array" if postgres else "json_array"}(({piece}))""")  # noqa: S608 - the same
    op.execute("""
        UPDATE variants SET readers = counted.readers
        FROM (SELECT variant_id, count(*) AS readers FROM deliveries GROUP BY variant_id) AS counted
        WHERE counted.variant_id = variants.id""")
    with op.batch_alter_table("variants") as variants:
        for name, kind in (
            ("key", sa.String(length=64)),
            ("edition", sa.String(24)),
            ("articles", DOCUMENT),
            ("blocks", DOCUMENT),
            ("preheader", sa.String(length=300)),
            ("public", sa.Boolean()),
            ("readers", BIG_INT),
        ):
            variants.alter_column(name, existing_type=kind, nullable=False)
        variants.drop_constraint("uq_variants_issue_id_language", type_="unique")
        variants.create_unique_constraint("uq_variants_issue_id_key", ["issue_id", "key"])
        for name in ("html", "text", "web_html"):
            variants.drop_column(name)
