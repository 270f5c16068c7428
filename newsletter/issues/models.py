"""Editions: what is in them, in which forms, and the runs that made them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base, BigInt, RowId, words


class IssueStatus(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


class Trigger(StrEnum):
    """What opened a digest run."""

    BUTTON = "button"
    COMMAND = "command"
    SCHEDULE = "schedule"


class Issue(Base):
    """One edition, sent at once. Holds articles placed before `cut_off` that no earlier issue held.

    `wave`: the deliveries of waves up to this one may leave; 0 before the freeze. `pause_reason`: why it was paused
    when nobody pressed the button, `{"code": ..., figures}`. `brake_released`: somebody has read it and wants to go on.
    """

    __tablename__ = "issues"
    __table_args__ = (UniqueConstraint("newsletter_id", "number"), Index("ix_issues_status", "status"))

    id: Mapped[RowId]
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"))
    number: Mapped[int]
    status: Mapped[IssueStatus] = mapped_column(words(IssueStatus))
    subject: Mapped[str] = mapped_column(String(300))
    preheader: Mapped[str] = mapped_column(String(300))
    introduction: Mapped[str] = mapped_column(Text)
    resend_unknown: Mapped[bool]
    cut_off: Mapped[datetime]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(320))
    frozen_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    audience: Mapped[int | None]
    wave: Mapped[int] = mapped_column(default=0, server_default="0")
    wave_opened_at: Mapped[datetime | None]
    pause_reason: Mapped[dict[str, Any] | None]
    brake_released: Mapped[bool] = mapped_column(default=False, server_default=false())


class IssueArticle(Base):
    """An article's place in an issue. `newsletter_id` makes the rule checkable: no article in two issues of a
    newsletter.
    """

    __tablename__ = "issue_articles"
    __table_args__ = (UniqueConstraint("newsletter_id", "article_id"),)

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"))
    position: Mapped[int]


class DigestRun(Base):
    """One window of a newsletter, `[window_start, cut_off)`. A window starts once: that is what keeps two issues from
    being made of it.
    """

    __tablename__ = "digest_runs"
    __table_args__ = (UniqueConstraint("newsletter_id", "window_start"),)

    id: Mapped[RowId]
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"))
    window_start: Mapped[datetime]
    cut_off: Mapped[datetime]
    trigger: Mapped[Trigger] = mapped_column(words(Trigger))
    issue_id: Mapped[int | None] = mapped_column(BigInt)
    created_at: Mapped[datetime]


class Variant(Base):
    """One content form of an issue, rendered at the freeze: every worker sends the same bytes, whatever templates say
    later.
    """

    __tablename__ = "variants"
    __table_args__ = (UniqueConstraint("issue_id", "language"),)

    id: Mapped[RowId]
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"))
    language: Mapped[str] = mapped_column(String(8))
    subject: Mapped[str] = mapped_column(String(300))
    html: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    web_html: Mapped[str] = mapped_column(Text)
