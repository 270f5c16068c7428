"""What comes back: messages and webhooks as they came, what was read in them, and where they are fetched."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base, BigInt, KeyText, RowId, words
from newsletter.mail.evidence import Kind
from newsletter.mail.replies import ReplyClass


class MatchedBy(StrEnum):
    """How a report was matched to what we sent, the surest first."""

    VERP = "verp"
    MESSAGE_ID = "message_id"
    UNSUBSCRIBE = "unsubscribe"
    ADDRESS = "address"  # only where the source itself has proved who it is


class Effect(StrEnum):
    """What was made of a report."""

    SUPPRESSED = "suppressed"
    HELD = "held"
    COUNTED = "counted"
    ENDED = "ended"
    FORWARDED = "forwarded"
    IGNORED = "ignored"
    UNMATCHED = "unmatched"
    AGAIN = "again"


class Protocol(StrEnum):
    IMAP = "imap"
    POP3 = "pop3"


class AfterReading(StrEnum):
    """What becomes of a message that was ours; any other message stays as it is."""

    KEEP = "keep"
    DELETE = "delete"


class InboundMail(Base):
    """A message or the body of a webhook as it came, kept for a while so that it can be read again.

    `digest`: SHA-256 of what makes it the same one; a second is not stored. `data` is cut where nobody reads on. Read
    when `read_at` is set; `lease_until`: somebody is at it.
    """

    __tablename__ = "inbound_mails"
    __table_args__ = (
        UniqueConstraint("digest"),
        Index(
            "ix_inbound_mails_unread",
            "id",
            sqlite_where=text("read_at IS NULL"),
            postgresql_where=text("read_at IS NULL"),
        ),
        Index("ix_inbound_mails_received_at", "received_at"),
    )

    id: Mapped[RowId]
    source: Mapped[str] = mapped_column(String(80))
    digest: Mapped[str] = mapped_column(String(64))
    envelope_sender: Mapped[str] = mapped_column(String(320))
    envelope_recipient: Mapped[str] = mapped_column(String(320))
    size: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    problem: Mapped[str | None] = mapped_column(String(300))


class FeedbackReport(Base):
    """What a report says of one recipient, and what was made of it; append-only.

    `event_key` is the source's identifier, or a hash of what was read: the same report is written once. `recipient` is
    the address as reported. `applied_at`: when it changed something.
    """

    __tablename__ = "feedback_reports"
    __table_args__ = (
        UniqueConstraint("source", "event_key"),
        Index("ix_feedback_reports_delivery_id_kind", "delivery_id", "kind"),
        Index("ix_feedback_reports_subscriber_id_id", "subscriber_id", "id"),
        Index("ix_feedback_reports_received_at", "received_at"),
    )

    id: Mapped[RowId]
    source: Mapped[str] = mapped_column(String(80))
    event_key: Mapped[str] = mapped_column(String(200))
    inbound_id: Mapped[int | None] = mapped_column(ForeignKey("inbound_mails.id", ondelete="SET NULL"), index=True)
    kind: Mapped[Kind] = mapped_column(words(Kind))
    reply_class: Mapped[ReplyClass | None] = mapped_column(words(ReplyClass))
    status: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text)
    recipient: Mapped[str] = mapped_column(String(320))
    matched_by: Mapped[MatchedBy | None] = mapped_column(words(MatchedBy))
    delivery_id: Mapped[int | None]
    mail_id: Mapped[int | None]
    subscriber_id: Mapped[int | None] = mapped_column(BigInt)
    newsletter_id: Mapped[int | None] = mapped_column(BigInt)
    issue_id: Mapped[int | None] = mapped_column(BigInt)
    effect: Mapped[Effect] = mapped_column(words(Effect))
    occurred_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]


class InboundMailbox(Base):
    """A mailbox that bounces arrive in, read from time to time. `locked_password` is encrypted. `seen`: the highest
    identifier read so far (IMAP), below `validity`; `known`: those of a POP3 mailbox that were read and kept.
    """

    __tablename__ = "inbound_mailboxes"

    id: Mapped[RowId]
    name: Mapped[str] = mapped_column(String(60), unique=True)
    protocol: Mapped[Protocol] = mapped_column(words(Protocol))
    host: Mapped[str] = mapped_column(String(255))
    port: Mapped[int]
    tls: Mapped[str] = mapped_column(String(10))
    username: Mapped[str] = mapped_column(String(320))
    locked_password: Mapped[str] = mapped_column(Text)
    folder: Mapped[str] = mapped_column(String(200))
    after_reading: Mapped[AfterReading] = mapped_column(words(AfterReading))
    validity: Mapped[int]
    seen: Mapped[int]
    known: Mapped[list[str]]
    next_poll_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    polled_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]


class Webhook(Base):
    """An address that a provider reports to. `address_key` finds it, of a random token that stands in its address;
    `locked_token` and `locked_secret` are encrypted. The counts only grow.
    """

    __tablename__ = "webhooks"

    id: Mapped[RowId]
    provider: Mapped[str] = mapped_column(String(24))
    address_key: Mapped[str] = mapped_column(KeyText, unique=True)
    locked_token: Mapped[str] = mapped_column(Text)
    locked_secret: Mapped[str] = mapped_column(Text)
    received: Mapped[int]
    unknown: Mapped[int]
    refused: Mapped[int]
    last_refusal: Mapped[str | None] = mapped_column(String(300))
    last_received_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
