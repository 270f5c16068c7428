"""Written pieces and the newsletters they are offered to."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, false, text
from sqlalchemy.orm import Mapped, deferred, mapped_column

from newsletter.core.columns import Base, RowId, words


class PictureStatus(StrEnum):
    PENDING = "pending"
    READY = "ready"
    REFUSED = "refused"


class Article(Base):
    """A written piece. A translation names the article it translates; the two are one story to the reader's ledger.

    `story_id`: the first article of the same story, told elsewhere in nearly the same words; None: this one.
    `fingerprint`: 64 bits that are nearly alike for texts that are. `revised_at`: when its source changed what it says.
    `edited_at`: when an editor changed it, from which moment on its source no longer does. `body_markdown`: what
    `body_html` was made of, where somebody wrote it as Markdown.
    """

    __tablename__ = "articles"

    id: Mapped[RowId]
    translation_of: Mapped[int | None] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"), index=True)
    language: Mapped[str] = mapped_column(String(8))
    title: Mapped[str] = mapped_column(String(300))
    summary: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str] = mapped_column(Text)
    body_text: Mapped[str] = mapped_column(Text)
    body_markdown: Mapped[str | None] = deferred(mapped_column(Text))
    author: Mapped[str | None] = mapped_column(String(200))
    source_name: Mapped[str | None] = mapped_column(String(200))
    url: Mapped[str | None] = mapped_column(Text)
    url_key: Mapped[str | None] = mapped_column(String(64), index=True)  # SHA-256 of the canonical URL
    image_url: Mapped[str | None] = mapped_column(Text)
    image_alt: Mapped[str] = mapped_column(String(300))
    content_hash: Mapped[str] = mapped_column(String(64), index=True)
    published_at: Mapped[datetime | None]
    first_seen_at: Mapped[datetime] = mapped_column(index=True)
    updated_at: Mapped[datetime]
    story_id: Mapped[int | None] = mapped_column(index=True)
    fingerprint: Mapped[int | None]
    picture_id: Mapped[int | None]
    revised_at: Mapped[datetime | None]
    edited_at: Mapped[datetime | None]


class Placement(Base):
    """An article offered to a newsletter. What is new is judged by `placed_at`, never by the date the article
    claims.

    `pin`: its place in the next digest, 1 is the lead. `boost` is added to its score. It comes in no digest before
    `embargo_until` or from `expires_at` on. `reserve`: evergreen, for a day with too little news. `feed_id`: where it
    came from; None: from an editor.
    """

    __tablename__ = "placements"
    __table_args__ = (
        Index("ix_placements_newsletter_id_placed_at", "newsletter_id", "placed_at"),
        Index(
            "ix_placements_kept",
            "newsletter_id",
            sqlite_where=text("pin IS NOT NULL OR reserve"),
            postgresql_where=text("pin IS NOT NULL OR reserve"),
        ),
        Index(
            "ix_placements_embargo_until",
            "newsletter_id",
            "embargo_until",
            sqlite_where=text("embargo_until IS NOT NULL"),
            postgresql_where=text("embargo_until IS NOT NULL"),
        ),
    )

    article_id: Mapped[int] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"), primary_key=True)
    topic_id: Mapped[int | None] = mapped_column(ForeignKey("topics.id", ondelete="SET NULL"))
    placed_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    pin: Mapped[int | None]
    pinned_by: Mapped[str | None] = mapped_column(String(320))
    boost: Mapped[float] = mapped_column(default=0.0, server_default="0")
    embargo_until: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    reserve: Mapped[bool] = mapped_column(default=False, server_default=false())
    feed_id: Mapped[int | None]


class Picture(Base):
    """An image of an article, fetched once from `source_url` and served by us.

    `key` names the file: SHA-256 of `data`, which is re-encoded; sizes in pixels. `reason`: why it was refused, or
    could not be fetched yet.
    """

    __tablename__ = "pictures"
    __table_args__ = (Index("ix_pictures_next_attempt_at", "next_attempt_at"),)

    id: Mapped[RowId]
    url_key: Mapped[str] = mapped_column(String(64), unique=True)
    source_url: Mapped[str] = mapped_column(Text)
    status: Mapped[PictureStatus] = mapped_column(words(PictureStatus))
    key: Mapped[str | None] = mapped_column(String(64), index=True)
    content_type: Mapped[str | None] = mapped_column(String(40))
    width: Mapped[int] = mapped_column(default=0)
    height: Mapped[int] = mapped_column(default=0)
    data: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
