"""Who of the staff is at an issue or an article right now: a row each, renewed while their page is open."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, delete, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from newsletter.accounts.models import User
from newsletter.core.columns import Base
from newsletter.core.database import insert_into

BETWEEN = timedelta(seconds=9)  # a page asks every ten seconds; what comes sooner writes nothing
GONE = timedelta(seconds=35)  # three times nothing was heard
KEPT = timedelta(days=1)


class Presence(Base):
    """`typing`: they have something that is not saved."""

    __tablename__ = "presences"

    subject: Mapped[str] = mapped_column(String(40), primary_key=True)
    subject_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(index=True)
    typing: Mapped[bool]


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody else who is there."""

    email: str
    seen_at: datetime
    typing: bool


def note(session: Session, subject: str, subject_id: int, user_id: int, *, typing: bool, now: datetime) -> None:
    """Say that somebody is there; at most one write in ten seconds, unless they begin or cease to type."""
    row = {"subject": subject, "subject_id": subject_id, "user_id": user_id, "seen_at": now, "typing": typing}
    session.execute(
        insert_into(session, Presence)
        .values(row)
        .on_conflict_do_update(
            index_elements=[Presence.subject, Presence.subject_id, Presence.user_id],
            set_={"seen_at": now, "typing": typing},
            where=or_(Presence.seen_at <= now - BETWEEN, Presence.typing != typing),
        )
    )


def others(session: Session, subject: str, subject_id: int, user_id: int, *, now: datetime) -> list[Seen]:
    """Who else is there, those who type first."""
    query = (
        select(User.email, Presence.seen_at, Presence.typing)
        .join(User, User.id == Presence.user_id)
        .where(
            Presence.subject == subject,
            Presence.subject_id == subject_id,
            Presence.user_id != user_id,
            Presence.seen_at > now - GONE,
        )
        .order_by(Presence.typing.desc(), User.email)
    )
    return [Seen(*row) for row in session.execute(query)]


def leave(session: Session, subject: str, subject_id: int, user_id: int) -> None:
    session.execute(
        delete(Presence).where(
            Presence.subject == subject, Presence.subject_id == subject_id, Presence.user_id == user_id
        )
    )


def forget(session: Session, *, now: datetime) -> None:
    """Drop what nobody looks at any more."""
    session.execute(delete(Presence).where(Presence.seen_at < now - KEPT))
