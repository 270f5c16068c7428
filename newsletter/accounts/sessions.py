"""Browsers that are signed in. The row is the session, so that it can be seen and ended from elsewhere."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.accounts import rights
from newsletter.accounts.models import User, UserSession
from newsletter.accounts.permissions import Rights
from newsletter.core.tokens import hash_token, new_token

LIFETIME = timedelta(days=14)
SEEN_EVERY = timedelta(minutes=10)  # a page view should not cost a write each time


@dataclass(frozen=True, slots=True)
class SignedIn:
    user: User
    session_id: int
    rights: Rights
    stale: bool  # `touch` is due


def start(session: Session, user_id: int, *, browser: str, now: datetime) -> str:
    """Open a session; the token goes into the cookie and nowhere else."""
    token = new_token()
    session.add(
        UserSession(
            user_id=user_id,
            token_hash=hash_token(token),
            browser=browser[:200],
            created_at=now,
            seen_at=now,
            expires_at=now + LIFETIME,
        )
    )
    return token


def find(session: Session, token: str, *, now: datetime) -> SignedIn | None:
    """Who a cookie belongs to; None when the session was revoked, has expired or the account is disabled."""
    found = session.execute(
        select(User, UserSession)
        .join(UserSession, UserSession.user_id == User.id)
        .where(
            UserSession.token_hash == hash_token(token),
            UserSession.revoked_at.is_(None),
            UserSession.expires_at > now,
            User.disabled_at.is_(None),
        )
    ).first()
    if found is None:
        return None
    user, row = found
    return SignedIn(user, row.id, rights.of(session, user), stale=now - row.seen_at > SEEN_EVERY)


def touch(session: Session, session_id: int, *, now: datetime) -> None:
    """Note that the session is in use, which also pushes its end away."""
    session.execute(
        update(UserSession).where(UserSession.id == session_id).values(seen_at=now, expires_at=now + LIFETIME)
    )


def of_user(session: Session, user_id: int, *, now: datetime) -> list[UserSession]:
    """Open sessions, the most recently used first."""
    query = (
        select(UserSession)
        .where(UserSession.user_id == user_id, UserSession.revoked_at.is_(None), UserSession.expires_at > now)
        .order_by(UserSession.seen_at.desc(), UserSession.id.desc())
    )
    return list(session.scalars(query))


def revoke(session: Session, session_id: int, user_id: int, *, now: datetime) -> None:
    """End one session of a user; somebody else's is left alone."""
    session.execute(
        update(UserSession)
        .where(UserSession.id == session_id, UserSession.user_id == user_id, UserSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def revoke_all(session: Session, user_id: int, *, now: datetime, but: int | None = None) -> None:
    """End every session of a user, but one if asked."""
    session.execute(
        update(UserSession)
        .where(UserSession.user_id == user_id, UserSession.revoked_at.is_(None), UserSession.id != (but or 0))
        .values(revoked_at=now)
    )
