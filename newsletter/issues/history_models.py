"""What an issue was before each step, so that the step can be undone."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base, RowId


class IssueState(Base):
    """A state of an issue that one can go back to, or forward to again (`ahead`); see issues.history for `content`.

    `what`: the action between this state and the next one, as the record names it.
    """

    __tablename__ = "issue_states"
    __table_args__ = (Index("ix_issue_states_issue_id_ahead_id", "issue_id", "ahead", "id"),)

    id: Mapped[RowId]
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"))
    ahead: Mapped[bool]
    what: Mapped[str] = mapped_column(String(60))
    by: Mapped[str] = mapped_column(String(320))
    at: Mapped[datetime]
    content: Mapped[dict[str, Any]]
