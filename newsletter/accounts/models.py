"""Staff and how they are let in."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, false, true
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base, BigInt, KeyText, RowId, words


class Role(StrEnum):
    """What a user may do; each role may do all that the later ones may."""

    OWNER = "owner"
    EDITOR = "editor"
    AUTHOR = "author"
    ANALYST = "analyst"


class User(Base):
    """Someone who operates the service. Who is `limited` may do what each `UserRight` says and nothing else; `role` is
    then the least there is.
    """

    __tablename__ = "users"

    id: Mapped[RowId]
    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(KeyText, unique=True)
    role: Mapped[Role] = mapped_column(words(Role))
    limited: Mapped[bool] = mapped_column(default=False, server_default=false())
    language: Mapped[str] = mapped_column(String(8))
    password_hash: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    letter_keys: Mapped[bool] = mapped_column(default=True, server_default=true())  # shortcuts of a single letter


class UserRight(Base):
    """What a limited user may do for one newsletter."""

    __tablename__ = "user_rights"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(
        ForeignKey("newsletters.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[Role] = mapped_column(words(Role))


class PasswordLink(Base):
    """A one-time link to set a password and come in."""

    __tablename__ = "password_links"

    id: Mapped[RowId]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class UserSession(Base):
    """A browser that is signed in. The row is the session: revoking it takes effect at the next request."""

    __tablename__ = "user_sessions"

    id: Mapped[RowId]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    browser: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class AuditEvent(Base):
    """Who did what, append-only. `actor` keeps the name of a user who has gone, or of the command line."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_subject_id", "subject", "subject_id", "id"),
        # One for each way in which the log is asked for; the latest come first.
        Index("ix_audit_events_at", "at", "id"),
        Index("ix_audit_events_actor", "actor", "at", "id"),
        Index("ix_audit_events_subject", "subject", "at", "id"),
        Index("ix_audit_events_actor_subject", "actor", "subject", "at", "id"),
    )

    id: Mapped[RowId]
    at: Mapped[datetime]
    user_id: Mapped[int | None] = mapped_column(BigInt)
    actor: Mapped[str] = mapped_column(String(320))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int | None]
    details: Mapped[dict[str, Any]]
