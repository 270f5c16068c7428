"""What somebody has typed into the editor of an article and not saved yet: one row for each person and article."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, delete
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.core.columns import Base
from newsletter.core.database import insert_into
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _

NEW = 0  # stands for the article that is not there yet
MOST = 1_000_000  # characters of all fields together
KEPT = timedelta(days=60)


class ArticleDraft(Base):
    """`article_id` 0: an article that is to be. `fields`: as the form has them, with the version they began at."""

    __tablename__ = "article_drafts"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id", ondelete="CASCADE"), primary_key=True)
    article_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    fields: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(index=True)


def keep(
    session: Session, user_id: int, newsletter_id: int, article_id: int, fields: dict[str, str], *, now: datetime
) -> None:
    """Keep what was typed, in place of what was kept before. RefusedError when it is more than an article may be."""
    if sum(len(value) for value in fields.values()) > MOST:
        raise RefusedError(_("This text is too long for an article: %(count)d characters at most.", count=MOST))
    row = {"user_id": user_id, "newsletter_id": newsletter_id, "article_id": article_id, "fields": fields, "at": now}
    session.execute(
        insert_into(session, ArticleDraft)
        .values(row)
        .on_conflict_do_update(
            index_elements=[ArticleDraft.user_id, ArticleDraft.newsletter_id, ArticleDraft.article_id],
            set_={"fields": fields, "at": now},
        )
    )


def find(session: Session, user_id: int, newsletter_id: int, article_id: int) -> ArticleDraft | None:
    return session.get(ArticleDraft, (user_id, newsletter_id, article_id))


def drop(session: Session, user_id: int, newsletter_id: int, article_id: int) -> None:
    session.execute(
        delete(ArticleDraft).where(
            ArticleDraft.user_id == user_id,
            ArticleDraft.newsletter_id == newsletter_id,
            ArticleDraft.article_id == article_id,
        )
    )


def forget(session: Session, *, now: datetime) -> None:
    """Drop what nobody has come back to."""
    session.execute(delete(ArticleDraft).where(ArticleDraft.at < now - KEPT))
