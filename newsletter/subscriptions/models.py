"""Readers, what they subscribed to, and the proof that they agreed."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base, BigInt, KeyText, NameText, RowId, words
from newsletter.newsletters.models import Edition


class SubscriptionStatus(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class EndedReason(StrEnum):
    UNSUBSCRIBED = "unsubscribed"
    ONE_CLICK = "one_click"
    BY_MAIL = "by_mail"
    COMPLAINED = "complained"
    NOT_ME = "not_me"
    BY_STAFF = "by_staff"
    SUPPRESSED = "suppressed"


class ConsentKind(StrEnum):
    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    IMPORTED = "imported"
    ADDED_BY_STAFF = "added_by_staff"
    CHANGED = "changed"
    ENDED = "ended"


class Measuring(StrEnum):
    """What a reader said to being measured by name."""

    AGREED = "agreed"  # to all that the newsletter measures
    REFUSED = "refused"  # clicks and opens count, and nobody knows whose they are


class Subscriber(Base):
    """A person who gets mail. `email` is as typed; `email_key` is what makes two spellings one person."""

    __tablename__ = "subscribers"
    __table_args__ = (Index("ix_subscribers_domain_id", "domain", "id"),)

    id: Mapped[RowId]
    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(KeyText, unique=True)
    domain: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(NameText)
    language: Mapped[str] = mapped_column(String(8))
    attributes: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class Choice(Base):
    """One way to read a newsletter. Readers who chose alike share the row, so that grouping them is one GROUP BY,
    however many topics there are.

    `key` is SHA-256 of what was chosen. `topics` None: all of them. `hour` (0 to 23, in `timezone`, None: the
    newsletter's): digests wait for it; None: they come when they are ready. `breaking`: wants breaking news too.
    """

    __tablename__ = "choices"
    __table_args__ = (UniqueConstraint("newsletter_id", "key"),)

    id: Mapped[RowId]
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(64))
    topics: Mapped[list[int] | None]
    edition: Mapped[Edition] = mapped_column(words(Edition))
    hour: Mapped[int | None]
    timezone: Mapped[str | None] = mapped_column(String(64))
    breaking: Mapped[bool]


class Subscription(Base):
    """A subscriber and a newsletter. `choice_id` None: everything, as it comes; `schedule_id` None: the main cadence.
    Neither is a foreign key: both tables are small and grow no holes that their services do not close, and this one may
    have millions of rows. `paused_until`: when a paused one goes on; None: when its reader says so. `measuring`
    None: its reader said nothing of it, which agrees to no named opens. `email_key`, `domain` and `name` are the
    subscriber's, for `search`; triggers copy them here, and nothing else writes them (migration 0016). `bounced_at`:
    since when nothing is sent because mail came back, for the figures of growth (`lost`).
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "newsletter_id"),
        Index("ix_subscriptions_newsletter_id_status_id", "newsletter_id", "status", "id"),
        Index("ix_subscriptions_email_key", "newsletter_id", "status", "email_key"),
        Index("ix_subscriptions_domain_email_key", "newsletter_id", "status", "domain", "email_key"),
        Index("ix_subscriptions_name_id", "newsletter_id", "status", "name", "id"),
        Index(
            "ix_subscriptions_paused_until",
            "paused_until",
            sqlite_where=text("paused_until IS NOT NULL"),
            postgresql_where=text("paused_until IS NOT NULL"),
        ),
        Index(
            "ix_subscriptions_choice_id",
            "choice_id",
            sqlite_where=text("choice_id IS NOT NULL"),
            postgresql_where=text("choice_id IS NOT NULL"),
        ),
        Index(
            "ix_subscriptions_ended_by_issue_id",
            "ended_by_issue_id",
            "id",
            sqlite_where=text("ended_by_issue_id IS NOT NULL"),
            postgresql_where=text("ended_by_issue_id IS NOT NULL"),
        ),
    )

    id: Mapped[RowId]
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id", ondelete="CASCADE"))
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"))
    status: Mapped[SubscriptionStatus] = mapped_column(words(SubscriptionStatus))
    ended_reason: Mapped[EndedReason | None] = mapped_column(words(EndedReason))
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by_issue_id: Mapped[int | None] = mapped_column(BigInt)  # the issue whose link ended it
    choice_id: Mapped[int | None]
    schedule_id: Mapped[int | None]
    paused_until: Mapped[datetime | None]
    measuring: Mapped[Measuring | None] = mapped_column(words(Measuring))
    email_key: Mapped[str | None] = mapped_column(KeyText)
    domain: Mapped[str | None] = mapped_column(String(255))
    name: Mapped[str | None] = mapped_column(NameText)
    bounced_at: Mapped[datetime | None]


class Confirmation(Base):
    """A request to confirm. Only the newest of a subscription counts.

    The token itself is nowhere stored: `token_hash` finds it, and the worker derives it again from `nonce` and the
    secret key. `name`: what the form was told, for a reader who has none yet once this is confirmed.
    """

    __tablename__ = "confirmations"

    id: Mapped[RowId]
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    nonce: Mapped[str] = mapped_column(String(40))
    wording: Mapped[str] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    replaced_at: Mapped[datetime | None]


class ConsentEvent(Base):
    """Proof of agreement, append-only: when, to which wording, on which form, from where (address cut to its
    network).
    """

    __tablename__ = "consent_events"
    __table_args__ = (Index("ix_consent_events_subscriber_id_id", "subscriber_id", "id"),)

    id: Mapped[RowId]
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id", ondelete="CASCADE"))
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"))
    kind: Mapped[ConsentKind] = mapped_column(words(ConsentKind))
    at: Mapped[datetime]
    wording: Mapped[str] = mapped_column(Text)
    form: Mapped[str] = mapped_column(String(300))
    network: Mapped[str] = mapped_column(String(60))
    actor: Mapped[str] = mapped_column(String(320))
