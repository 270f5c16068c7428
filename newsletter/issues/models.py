"""Editions: what is in them, in which forms, and the runs that made them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base, BigInt, RowId, words
from newsletter.issues.selection.candidate import Verdict
from newsletter.issues.selection.outcome import RunOutcome as RunOutcome  # noqa: PLC0414 - other rooms have it from here
from newsletter.newsletters.models import Edition, Review, TooLate


class IssueStatus(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


class IssueKind(StrEnum):
    """Who gets an issue: the readers of its cadence, everybody at once, or those whom an earlier one has reached."""

    DIGEST = "digest"
    BREAKING = "breaking"
    CORRECTION = "correction"


class Trigger(StrEnum):
    """What opened a digest run."""

    BUTTON = "button"
    COMMAND = "command"
    SCHEDULE = "schedule"


class Issue(Base):
    """One edition, sent at once.

    Its articles are a pool: each reader gets those of the topics they chose that they were not sent before. `rules` are
    the rules it was composed by. `send_at`: when it leaves, or is to leave once it is approved. `revision` counts the
    edits: an approval is of one revision, so that an edit voids it. `review` and `too_late` are the newsletter's at its
    making. `corrects_id`: the issue that a correction corrects. `nothing_new`: readers of its cadence for whom nothing
    was left. `segment_id`: only readers of this segment get it; `without_segment_id`: all but these. No foreign keys,
    for a segment that is gone must not turn into everybody. `narrowed`: the segments as they were at the freeze.

    `wave`: the deliveries of waves up to this one may leave; 0 before the freeze. `pause_reason`: why it was paused
    when nobody pressed the button, `{"code": ..., figures}`. `brake_released`: somebody has read it and wants to go on.
    `moving_since`: when it left, or was last let go on. `reckoned_at`: when its figures by domain were made exact.
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
    kind: Mapped[IssueKind] = mapped_column(words(IssueKind), default=IssueKind.DIGEST, server_default="digest")
    schedule_id: Mapped[int | None]
    corrects_id: Mapped[int | None]
    rules: Mapped[dict[str, Any] | None]
    revision: Mapped[int] = mapped_column(default=1, server_default="1")
    changed_by: Mapped[str | None] = mapped_column(String(320))
    changed_at: Mapped[datetime | None]
    send_at: Mapped[datetime | None] = mapped_column(index=True)
    review: Mapped[Review] = mapped_column(words(Review), default=Review.NONE, server_default="none")
    too_late: Mapped[TooLate] = mapped_column(words(TooLate), default=TooLate.SEND, server_default="send")
    proofed_revision: Mapped[int | None]  # the revision that approvers were last sent
    nothing_new: Mapped[int | None]
    segment_id: Mapped[int | None]
    without_segment_id: Mapped[int | None]
    narrowed: Mapped[dict[str, Any] | None]
    moving_since: Mapped[datetime | None]
    reckoned_at: Mapped[datetime | None]


class Approval(Base):
    """Somebody has read a revision of an issue and wants it to leave."""

    __tablename__ = "approvals"
    __table_args__ = (UniqueConstraint("issue_id", "revision", "email"),)

    id: Mapped[RowId]
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"))
    revision: Mapped[int]
    email: Mapped[str] = mapped_column(String(320))
    at: Mapped[datetime]


class IssueArticle(Base):
    """An article's place in the pool of an issue. `story_id` finds the issues that told the same story; `section` is a
    key of the issue's rules.
    """

    __tablename__ = "issue_articles"
    __table_args__ = (
        Index("ix_issue_articles_newsletter_id_article_id", "newsletter_id", "article_id"),
        Index("ix_issue_articles_story_id", "story_id"),
    )

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"))
    position: Mapped[int]
    story_id: Mapped[int] = mapped_column(default=0, server_default="0")
    section: Mapped[str | None] = mapped_column(String(60))
    pinned: Mapped[bool] = mapped_column(default=False, server_default=false())


class DigestRun(Base):
    """One window of a cadence, `[window_start, cut_off)`. A window ends once: that is what keeps two issues from being
    made of it.

    `due_at`: the hour of the schedule; None: by hand. `reason`: why no issue came of it, `{"code": ..., figures}`.
    """

    __tablename__ = "digest_runs"
    __table_args__ = (
        UniqueConstraint("schedule_id", "cut_off"),
        Index("ix_digest_runs_newsletter_id_id", "newsletter_id", "id"),
        Index("ix_digest_runs_issue_id", "issue_id"),
    )

    id: Mapped[RowId]
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"))
    schedule_id: Mapped[int] = mapped_column(ForeignKey("schedules.id", ondelete="CASCADE"))
    due_at: Mapped[datetime | None]
    window_start: Mapped[datetime]
    cut_off: Mapped[datetime]
    trigger: Mapped[Trigger] = mapped_column(words(Trigger))
    outcome: Mapped[RunOutcome] = mapped_column(words(RunOutcome))
    reason: Mapped[dict[str, Any] | None]
    issue_id: Mapped[int | None] = mapped_column(BigInt)
    created_at: Mapped[datetime]


class Judgement(Base):
    """Why an article is in a digest or is not, as the run saw it. `schedule_id` finds those a cadence is done with.

    `reason`: `{"code": ..., figures}`; `position` among those that are in.
    """

    __tablename__ = "judgements"
    __table_args__ = (Index("ix_judgements_schedule_id_article_id", "schedule_id", "article_id"),)

    run_id: Mapped[int] = mapped_column(ForeignKey("digest_runs.id", ondelete="CASCADE"), primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True)
    schedule_id: Mapped[int]
    verdict: Mapped[Verdict] = mapped_column(words(Verdict))
    reason: Mapped[dict[str, Any]]
    section: Mapped[str | None] = mapped_column(String(60))
    position: Mapped[int | None]


class Block(Base):
    """A piece of an issue in one language and edition, rendered at the freeze: a story as a card, a heading, the head,
    the foot. Every worker sends the same bytes, whatever templates say later.

    `key` says what it is ("card:fr:full:12"). `html` and `text` are of the mail, `web_html` of the archive's page.
    """

    __tablename__ = "blocks"
    __table_args__ = (UniqueConstraint("issue_id", "key"),)

    id: Mapped[RowId]
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(80))
    html: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    web_html: Mapped[str] = mapped_column(Text)


class Variant(Base):
    """One content form of an issue: its blocks in their order, one list for all readers who get the same.

    `key`: SHA-256 of language, edition and articles. `articles` is what its readers have been sent, for the reader's
    ledger. `public`: the one of its language that the archive shows. `readers`: deliveries made of it.
    """

    __tablename__ = "variants"
    __table_args__ = (UniqueConstraint("issue_id", "key"),)

    id: Mapped[RowId]
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(8))
    edition: Mapped[Edition] = mapped_column(words(Edition))
    articles: Mapped[list[int]]
    blocks: Mapped[list[int]]
    subject: Mapped[str] = mapped_column(String(300))
    preheader: Mapped[str] = mapped_column(String(300))
    public: Mapped[bool]
    readers: Mapped[int]
