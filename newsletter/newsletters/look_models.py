"""Looks that newsletters had, and the sentences that their readers agreed to."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, deferred, mapped_column

from newsletter.core.columns import Base, RowId


class SavedLook(Base):
    """A look as somebody saved it; the newest of a newsletter is in force. `look` None: the house's values;
    `template`: MJML of its own, None: the house's.
    """

    __tablename__ = "looks"
    __table_args__ = (Index("ix_looks_newsletter_id_id", "newsletter_id", "id"),)

    id: Mapped[RowId]
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"))
    look: Mapped[dict[str, Any] | None]
    template: Mapped[str | None] = deferred(mapped_column(Text))
    own_template: Mapped[bool]
    saved_by: Mapped[str] = mapped_column(String(320))
    saved_at: Mapped[datetime]


class ConsentWording(Base):
    """What a sign-up form of a newsletter asks readers to agree to, in a language, from a moment on. Only added to: a
    form that somebody opened before a change tells by its id which one it showed.
    """

    __tablename__ = "consent_wordings"
    __table_args__ = (Index("ix_consent_wordings_newsletter_id_id", "newsletter_id", "id"),)

    id: Mapped[RowId]
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"))
    language: Mapped[str] = mapped_column(String(8))
    text: Mapped[str] = mapped_column(Text)
    written_by: Mapped[str] = mapped_column(String(320))
    written_at: Mapped[datetime]
