"""The do-not-mail list."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base, KeyText, RowId, words


class SuppressionReason(StrEnum):
    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCES = "soft_bounces"  # nothing has arrived for weeks
    COMPLAINT = "complaint"
    NOT_ME = "not_me"  # the owner of the address said so on the confirmation page
    MANUAL = "manual"


class Suppression(Base):
    """An address that must not be mailed, whatever lists it is on. Lifting keeps the row, so that its history stays."""

    __tablename__ = "suppressions"
    __table_args__ = (
        Index(
            "uq_suppressions_email_key_active",
            "email_key",
            unique=True,
            sqlite_where=text("lifted_at IS NULL"),
            postgresql_where=text("lifted_at IS NULL"),
        ),
        Index("ix_suppressions_email_key", "email_key"),
    )

    id: Mapped[RowId]
    email_key: Mapped[str] = mapped_column(KeyText)
    reason: Mapped[SuppressionReason] = mapped_column(words(SuppressionReason))
    source: Mapped[str] = mapped_column(String(200))
    note: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None] = mapped_column(String(320))
