"""Coming in with a password, or with a one-time link that sets it."""

from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.accounts import audit, sessions
from newsletter.accounts.models import PasswordLink, User
from newsletter.accounts.users import find_by_email
from newsletter.core import ratelimit
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.tokens import hash_token

MIN_PASSWORD = 12
MAX_PASSWORD = 1000  # hashing a book is a way to keep a server busy
WINDOW = timedelta(minutes=15)
TRIES_PER_ACCOUNT = 8
TRIES_PER_NETWORK = 40

# OWASP's second choice for Argon2id: 19 MiB, two passes; a machine with 1 GB takes several sign-ins at once.
hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class SignInError(RefusedError):
    """Address and password do not go together."""


class RateLimitError(RefusedError):
    """Too many tries."""


def count_try(session: Session, email: str, *, network: str, now: datetime) -> None:
    """Count a try to sign in; RateLimitError when there were too many. In a unit of its own: a wrong password rolls
    nothing back.
    """
    account_ok = ratelimit.hit(
        session, f"sign-in:{email.strip().lower()}", limit=TRIES_PER_ACCOUNT, window=WINDOW, now=now
    )
    network_ok = not network or ratelimit.hit(
        session, f"sign-in-from:{network}", limit=TRIES_PER_NETWORK, window=WINDOW, now=now
    )
    if not (account_ok and network_ok):
        raise RateLimitError(_("Too many tries. Wait a quarter of an hour, or ask an owner for a new link."))


def sign_in(session: Session, email: str, password: str, *, browser: str, now: datetime) -> str:
    """A session token for the right password; SignInError otherwise, in the same words whatever was wrong.

    Call `count_try` first.
    """
    user = find_by_email(session, email)
    known = user.password_hash if user and user.disabled_at is None else None
    try:
        hasher.verify(known or _nobody(), password[:MAX_PASSWORD])
    except (VerificationError, InvalidHashError):
        known = None
    if user is None or known is None:
        raise SignInError(_("This address and this password do not go together."))
    if hasher.check_needs_rehash(known):
        user.password_hash = hasher.hash(password)
    audit.record(
        session, actor=user.email, user_id=user.id, action="user.signed_in", subject="user", subject_id=user.id, now=now
    )
    return sessions.start(session, user.id, browser=browser, now=now)


@cache
def _nobody() -> str:
    """Verified for addresses without an account, so that the answer takes as long as for one with."""
    return hasher.hash("nobody has this password")


def password_link_owner(session: Session, token: str, *, now: datetime) -> User | None:
    """Whose link this is; None when it was used, has expired or never was."""
    return session.scalar(
        select(User)
        .join(PasswordLink, PasswordLink.user_id == User.id)
        .where(
            PasswordLink.token_hash == hash_token(token),
            PasswordLink.used_at.is_(None),
            PasswordLink.expires_at > now,
            User.disabled_at.is_(None),
        )
    )


def set_password(session: Session, token: str, password: str, *, browser: str, now: datetime) -> str:
    """Use a password link: the password is set, every other session of the user ends, and a new one begins.

    RefusedError when the link is no longer good or the password is too short.
    """
    if len(password) < MIN_PASSWORD:
        raise RefusedError(_("Choose a password of at least %(count)d characters.", count=MIN_PASSWORD))
    if len(password) > MAX_PASSWORD:
        raise RefusedError(_("Choose a password of at most %(count)d characters.", count=MAX_PASSWORD))
    user = password_link_owner(session, token, now=now)
    used = session.execute(
        update(PasswordLink)
        .where(PasswordLink.token_hash == hash_token(token), PasswordLink.used_at.is_(None))
        .values(used_at=now)
        .returning(PasswordLink.id)
    ).all()
    if user is None or not used:
        raise RefusedError(_("This link has been used or has expired. Ask an owner for a new one."))
    user.password_hash = hasher.hash(password)
    session.execute(
        update(PasswordLink).where(PasswordLink.user_id == user.id, PasswordLink.used_at.is_(None)).values(used_at=now)
    )
    sessions.revoke_all(session, user.id, now=now)
    audit.record(
        session,
        actor=user.email,
        user_id=user.id,
        action="user.password_set",
        subject="user",
        subject_id=user.id,
        now=now,
    )
    return sessions.start(session, user.id, browser=browser, now=now)
