"""The delivery ledger and the mail that is not bulk."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base, BigInt, KeyText, RowId, words


class DeliveryStatus(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


class SkipReason(StrEnum):
    """Why a delivery was left out after the freeze."""

    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"


class Batch(Base):
    """Deliveries that one worker takes at a time, with their counts by state.

    The counts are written by whoever changes a delivery, in the same transaction, so that an issue's sums are those of
    a few rows however many readers it has. `due_at` None: nothing is left to send. `held`: paused. What the issue
    decides about its deliveries (whether an uncertain one is sent again, until when to try) is copied here at the
    freeze.
    """

    __tablename__ = "batches"
    __table_args__ = (
        UniqueConstraint("issue_id", "position"),
        Index(
            "ix_batches_due",
            "due_at",
            "id",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )

    id: Mapped[RowId]
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"))
    position: Mapped[int]
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"))
    resend_unknown: Mapped[bool]
    expires_at: Mapped[datetime]
    held: Mapped[bool]
    due_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    lease_holder: Mapped[str | None] = mapped_column(String(80))
    queued: Mapped[int] = mapped_column(default=0)
    sending: Mapped[int] = mapped_column(default=0)
    sent: Mapped[int] = mapped_column(default=0)
    deferred: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    unknown: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)


class Delivery(Base):
    """One issue to one subscriber. `repeated`: it may have been handed over twice, since its first outcome was lost."""

    __tablename__ = "deliveries"
    __table_args__ = (
        # The subscriber first: the same index finds what is still queued for a reader who leaves.
        Index("uq_deliveries_subscriber_id_issue_id", "subscriber_id", "issue_id", unique=True),
        Index("ix_deliveries_batch_id_status", "batch_id", "status"),
        Index("ix_deliveries_issue_id_id", "issue_id", "id"),
    )

    id: Mapped[RowId]
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"))
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"))
    variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id", ondelete="CASCADE"))
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id", ondelete="CASCADE"))
    status: Mapped[DeliveryStatus] = mapped_column(words(DeliveryStatus))
    attempts: Mapped[int] = mapped_column(SmallInteger)
    repeated: Mapped[bool]
    next_attempt_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
    reply: Mapped[str | None] = mapped_column(String(500))
    skip_reason: Mapped[SkipReason | None] = mapped_column(words(SkipReason))


class DeliveryAttempt(Base):
    """An attempt that did not end in `sent`, with what the relay said. Append-only."""

    __tablename__ = "delivery_attempts"

    id: Mapped[RowId]
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(String(24))
    reply_class: Mapped[str] = mapped_column(String(24))
    phase: Mapped[str] = mapped_column(String(24))
    reply: Mapped[str] = mapped_column(String(500))


class TransactionalMail(Base):
    """One mail that somebody waits for. It is rendered when it is sent, from `kind` and `params`, which hold no
    secret.
    """

    __tablename__ = "transactional_mails"
    __table_args__ = (
        Index(
            "ix_transactional_mails_due",
            "next_attempt_at",
            sqlite_where=text("next_attempt_at IS NOT NULL"),
            postgresql_where=text("next_attempt_at IS NOT NULL"),
        ),
        Index("ix_transactional_mails_email_key_id", "email_key", "id"),
    )

    id: Mapped[RowId]
    kind: Mapped[str] = mapped_column(String(40))
    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(KeyText)
    language: Mapped[str] = mapped_column(String(8))
    newsletter_id: Mapped[int | None] = mapped_column(BigInt)
    params: Mapped[dict[str, Any]]
    status: Mapped[DeliveryStatus] = mapped_column(words(DeliveryStatus))
    attempts: Mapped[int] = mapped_column(SmallInteger)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    reply: Mapped[str | None] = mapped_column(String(500))
