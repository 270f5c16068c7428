"""External sources, who takes what they publish, and what they have published."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base, RowId, words

IN_TROUBLE = text("failing_since IS NOT NULL OR gone_at IS NOT NULL")


class FeedKind(StrEnum):
    RSS = "rss"
    ATOM = "atom"
    JSON = "json"
    SITEMAP = "sitemap"
    WORDPRESS = "wordpress"


class Feed(Base):
    """A source that is polled.

    It is due at `next_poll_at` (None: paused or gone) and belongs to the worker `leased_by` until `lease_until`, and so
    does its `host`; `interval_minutes` follows how often it has news. `etag` and `last_modified` are handed back to its
    server; `body_hash` knows the body that was read last; something new was in it at `news_at`. `failing_since` and
    `failures` are of the failures since the last success, `last_error` says the latest in words. `gone_at`: its server
    says that it will not come back. `slow`: the last answer took long.
    """

    __tablename__ = "feeds"
    __table_args__ = (
        Index("ix_feeds_next_poll_at", "next_poll_at"),
        Index("ix_feeds_host_lease_until", "host", "lease_until"),
        Index("ix_feeds_in_trouble", "failing_since", "id", sqlite_where=IN_TROUBLE, postgresql_where=IN_TROUBLE),
    )

    id: Mapped[RowId]
    url: Mapped[str] = mapped_column(Text)
    url_key: Mapped[str] = mapped_column(String(64), unique=True)
    host: Mapped[str] = mapped_column(String(255))
    site_url: Mapped[str | None] = mapped_column(Text)
    title: Mapped[str] = mapped_column(String(200))
    kind: Mapped[FeedKind] = mapped_column(words(FeedKind))
    language: Mapped[str] = mapped_column(String(8))
    interval_minutes: Mapped[int]
    next_poll_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    leased_by: Mapped[str | None] = mapped_column(String(32))
    polled_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    news_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    slow: Mapped[bool] = mapped_column(default=False)
    last_error: Mapped[str | None] = mapped_column(Text)
    etag: Mapped[str | None] = mapped_column(Text)
    last_modified: Mapped[str | None] = mapped_column(String(100))
    body_hash: Mapped[str | None] = mapped_column(String(64))
    gone_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class FeedTarget(Base):
    """A newsletter that takes the entries of a feed; they are filed under `topic_id`, or the topic they name."""

    __tablename__ = "feed_targets"
    __table_args__ = (Index("ix_feed_targets_newsletter_id_feed_id", "newsletter_id", "feed_id"),)

    feed_id: Mapped[int] = mapped_column(ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"), primary_key=True)
    topic_id: Mapped[int | None] = mapped_column(ForeignKey("topics.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]


class FeedEntry(Base):
    """An item of a feed that was seen, and the article it became. `key` is SHA-256 of its id, else of its address. It
    was still there at `seen_at`, as far as that was noted.
    """

    __tablename__ = "feed_entries"
    __table_args__ = (UniqueConstraint("feed_id", "key"), Index("ix_feed_entries_seen_at", "seen_at"))

    id: Mapped[RowId]
    feed_id: Mapped[int] = mapped_column(ForeignKey("feeds.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(64))
    article_id: Mapped[int | None] = mapped_column(ForeignKey("articles.id", ondelete="SET NULL"), index=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    first_seen_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    changed_at: Mapped[datetime | None]
