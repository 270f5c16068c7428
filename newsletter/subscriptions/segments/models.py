"""Segments: readers of a newsletter by a rule that has a name."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base, RowId


class Segment(Base):
    """`rule` is a document of `reading`. `revision` counts the changes, so that two people do not overwrite each other.
    `readers`: how many it had at `counted_at`; None: it took too long to count.

    The row stays when a segment is removed: its number is never given to another one, so an issue that names it goes to
    nobody, not to somebody else.
    """

    __tablename__ = "segments"
    __table_args__ = (
        Index(
            "uq_segments_newsletter_id_name",
            "newsletter_id",
            "name",
            unique=True,
            sqlite_where=text("removed_at IS NULL"),
            postgresql_where=text("removed_at IS NULL"),
        ),
    )

    id: Mapped[RowId]
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(120))
    rule: Mapped[dict[str, Any]]
    revision: Mapped[int] = mapped_column(default=1, server_default="1")
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]
    changed_by: Mapped[str | None] = mapped_column(String(320))
    changed_at: Mapped[datetime | None]
    readers: Mapped[int | None]
    counted_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
