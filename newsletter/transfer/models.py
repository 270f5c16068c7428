"""Files that staff bring on the desk."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.core.columns import Base, Document, RowId, words


class FileStatus(StrEnum):
    NEW = "new"  # its columns are to be named
    TRYING = "trying"
    TRIED = "tried"
    RUNNING = "running"
    DONE = "done"


class ReaderFile(Base):
    """A CSV file of readers. `columns`: what each of its columns is, by place; `agreed`: its readers agreed before, as
    `proof` says. The counts and `errors` are those of the trial, and then those of the import; `position`: rows
    dealt with, from where a worker that takes over goes on.
    """

    __tablename__ = "reader_files"
    __table_args__ = (
        Index("ix_reader_files_newsletter_id_id", "newsletter_id", "id"),
        Index("ix_reader_files_status", "status"),
    )

    id: Mapped[RowId]
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    data: Mapped[bytes] = mapped_column(LargeBinary)
    columns: Mapped[list[str]]
    agreed: Mapped[bool]
    proof: Mapped[str] = mapped_column(Text)
    status: Mapped[FileStatus] = mapped_column(words(FileStatus))
    position: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)
    known: Mapped[int] = mapped_column(default=0)
    blocked: Mapped[int] = mapped_column(default=0)
    bad: Mapped[int] = mapped_column(default=0)
    errors: Mapped[list[dict[str, Any]]] = mapped_column(Document)
    created_by: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime]
    moved_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
