"""How the sending of issues goes on: how fast it was, and when it began once more."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base


class PaceMark(Base):
    """How many deliveries of an issue were through at a moment, and how many of its largest domains were sent. Written
    every few seconds while something moves, so that the rate of the last minute is a difference of two rows.
    """

    __tablename__ = "pace_marks"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    done: Mapped[int]
    domains: Mapped[dict[str, Any]]


class Resend(Base):
    """Somebody let the deliveries of an issue that were missed leave once more; `number` from 1. `left_out`: how many
    stayed as they were, by why.
    """

    __tablename__ = "resends"

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(320))
    failed: Mapped[int]
    unknown: Mapped[int]
    left_out: Mapped[dict[str, Any]]
