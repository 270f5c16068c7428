"""What was found by looking at an issue before it left, and who sent it all the same."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base, RowId


class Preflight(Base):
    """The last look at a revision of an issue. `findings`: `{"found": [...]}`, each as `Finding.as_document` writes it;
    `fatal` of them keep the issue from leaving.
    """

    __tablename__ = "preflights"
    __table_args__ = (UniqueConstraint("issue_id", "revision"),)

    id: Mapped[RowId]
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"))
    revision: Mapped[int]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    findings: Mapped[dict[str, Any]]
    fatal: Mapped[int]


class Overrule(Base):
    """An owner has read what is fatal of a revision, and wants it to leave. `keys` of what had been found then: what is
    found later counts again.
    """

    __tablename__ = "overrules"
    __table_args__ = (UniqueConstraint("issue_id", "revision"),)

    id: Mapped[RowId]
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"))
    revision: Mapped[int]
    keys: Mapped[list[str]]
    email: Mapped[str] = mapped_column(String(320))
    reason: Mapped[str] = mapped_column(String(500))
    at: Mapped[datetime]
