"""What staff do to many subscriptions at once."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base, BigInt, RowId, words
from newsletter.subscriptions.models import SubscriptionStatus


class BulkKind(StrEnum):
    END = "end"
    PAUSE = "pause"
    RESUME = "resume"
    LANGUAGE = "language"
    SUPPRESS = "suppress"


class BulkStatus(StrEnum):
    COLLECTING = "collecting"  # its readers are being found and counted
    READY = "ready"  # somebody is asked whether it is meant
    RUNNING = "running"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"
    DROPPED = "dropped"  # it was not meant


class RowOutcome(StrEnum):
    CHANGED = "changed"
    SAME = "same"  # nothing was to change
    RESTORED = "restored"
    KEPT = "kept"  # an undo left it alone


class BulkAction(Base):
    """One thing done to many. `params`: `language`, `until` (a moment) or `why`, as the kind asks; `filter`: `text`,
    `status`, `ids`, or a `segment` by id, with its name and its rule as it was then. `position`: the last subscription
    that is dealt with; a worker that takes over goes on there. `total`: how many were found, `changed`: for how many
    there was something to do, `restored` and `kept` those of an undo. `moved_at`: the last sign of life of whoever
    works at it.
    """

    __tablename__ = "bulk_actions"
    __table_args__ = (
        Index("ix_bulk_actions_newsletter_id_id", "newsletter_id", "id"),
        Index("ix_bulk_actions_status", "status"),
    )

    id: Mapped[RowId]
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"))
    kind: Mapped[BulkKind] = mapped_column(words(BulkKind))
    params: Mapped[dict[str, Any]]
    filter: Mapped[dict[str, Any]]
    status: Mapped[BulkStatus] = mapped_column(words(BulkStatus))
    total: Mapped[int] = mapped_column(default=0)
    position: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    restored: Mapped[int] = mapped_column(default=0)
    kept: Mapped[int] = mapped_column(default=0)
    created_by: Mapped[str] = mapped_column(String(320))
    undone_by: Mapped[str | None] = mapped_column(String(320))
    created_at: Mapped[datetime]
    moved_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]


class BulkRow(Base):
    """A subscription that an action is about, with its state before, so that an undo puts back just that. `at`: when it
    was changed. No foreign key to the subscription: a reader may be erased at any time.
    """

    __tablename__ = "bulk_rows"

    action_id: Mapped[int] = mapped_column(ForeignKey("bulk_actions.id", ondelete="CASCADE"), primary_key=True)
    subscription_id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    outcome: Mapped[RowOutcome | None] = mapped_column(words(RowOutcome))
    was_status: Mapped[SubscriptionStatus | None] = mapped_column(words(SubscriptionStatus))
    was_paused_until: Mapped[datetime | None]
    was_language: Mapped[str | None] = mapped_column(String(8))
    at: Mapped[datetime | None]
