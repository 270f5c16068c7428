"""Letting people in: staff accounts and the links by which they set a password."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.accounts import audit, rights
from newsletter.accounts.models import PasswordLink, Role, User
from newsletter.accounts.permissions import Rights
from newsletter.core.addresses import parse_address
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.tokens import hash_token, new_token

LINK_LIFETIME = timedelta(days=7)


def create_user(
    session: Session,
    email: str,
    role: Role | Rights,
    *,
    language: str,
    now: datetime,
    actor: str,
    by: int | None = None,
    slugs: Mapping[int, str] = {},
) -> User:
    """Add a member of staff, who comes in by a password link; RefusedError when the address is taken or is none.

    A role counts everywhere. `by`: id of the user who acts, None for a command; `slugs`: of newsletters, for the log.
    """
    address = parse_address(email)
    if find_by_email(session, email) is not None:
        raise RefusedError(_("%(email)s has an account already.", email=address.email))
    wanted = Rights(role) if isinstance(role, Role) else role
    user = User(
        email=address.email, email_key=address.key, role=rights.LEAST, limited=False, language=language, created_at=now
    )
    session.add(user)
    session.flush()
    rights.give(session, user, wanted)
    audit.record(
        session,
        actor=actor,
        user_id=by,
        action="user.created",
        subject="user",
        subject_id=user.id,
        now=now,
        email=user.email,
        rights=rights.as_details(wanted, slugs),
    )
    return user


def find_by_email(session: Session, email: str) -> User | None:
    """The account of an address, None when there is none or the text is no address."""
    try:
        key = parse_address(email).key
    except RefusedError:
        return None
    return session.scalar(select(User).where(User.email_key == key))


def make_password_link(
    session: Session, user_id: int, *, now: datetime, token: str | None = None, lifetime: timedelta = LINK_LIFETIME
) -> str:
    """The token of a link that works once within its lifetime; earlier links of the user stop working."""
    session.execute(
        update(PasswordLink).where(PasswordLink.user_id == user_id, PasswordLink.used_at.is_(None)).values(used_at=now)
    )
    token = token or new_token()
    session.add(PasswordLink(user_id=user_id, token_hash=hash_token(token), created_at=now, expires_at=now + lifetime))
    return token


def change_language(session: Session, user_id: int, language: str) -> None:
    session.execute(update(User).where(User.id == user_id).values(language=language))


def use_letter_keys(session: Session, user_id: int, on: bool) -> None:
    """Whether a single letter may be a shortcut; some people speak to their computer, or press keys by chance."""
    session.execute(update(User).where(User.id == user_id).values(letter_keys=on))
