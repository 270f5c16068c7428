"""Looking after the staff: what each may do, and whether they may come in at all. The last owner stays one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from newsletter.accounts import audit, rights, sessions
from newsletter.accounts.models import PasswordLink, Role, User, UserSession
from newsletter.accounts.permissions import Rights
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff as the list shows them. `seen_at`: None for who has not come in yet; `link_until`: until when
    a link that they have not used is good.
    """

    user: User
    rights: Rights
    seen_at: datetime | None
    open_sessions: int
    link_until: datetime | None


@dataclass(frozen=True, slots=True)
class By:
    """Who acts. `user_id` None: the command line, which is not asked for rights."""

    actor: str
    user_id: int | None = None


def everybody(session: Session, *, now: datetime) -> list[Person]:
    """The whole staff, some dozens at most; those who may not come in stand last."""
    users = list(session.scalars(select(User).order_by(User.disabled_at.is_not(None), User.email_key)))
    return _persons(session, users, now=now)


def person(session: Session, user_id: int, *, now: datetime) -> Person:
    return _persons(session, [by_id(session, user_id)], now=now)[0]


def by_id(session: Session, user_id: int) -> User:
    found = session.get(User, user_id)
    if found is None:
        raise NotFoundError(_("There is no such account."))
    return found


def _persons(session: Session, users: Sequence[User], *, now: datetime) -> list[Person]:
    ids = [user.id for user in users]
    may = rights.of_users(session, users)
    seen = dict(
        session.execute(
            select(UserSession.user_id, func.max(UserSession.seen_at))
            .where(UserSession.user_id.in_(ids))
            .group_by(UserSession.user_id)
        ).all()
    )
    opened = dict(
        session.execute(
            select(UserSession.user_id, func.count())
            .where(UserSession.user_id.in_(ids), UserSession.revoked_at.is_(None), UserSession.expires_at > now)
            .group_by(UserSession.user_id)
        ).all()
    )
    links = dict(
        session.execute(
            select(PasswordLink.user_id, func.max(PasswordLink.expires_at))
            .where(PasswordLink.user_id.in_(ids), PasswordLink.used_at.is_(None), PasswordLink.expires_at > now)
            .group_by(PasswordLink.user_id)
        ).all()
    )
    return [Person(user, may[user.id], seen.get(user.id), opened.get(user.id, 0), links.get(user.id)) for user in users]


def change_rights(
    session: Session, user_id: int, wanted: Rights, *, by: By, now: datetime, slugs: Mapping[int, str]
) -> None:
    """Let somebody do this and nothing else, from their next click on.

    `slugs`: the short names of all newsletters; RefusedError for a right for one that is not among them, for one's own
    rights, and when nobody would be left who may do everything.
    """
    user = _lock(session, user_id, by=by, loses=wanted.everywhere is not Role.OWNER)
    if not set(wanted.by_newsletter) <= set(slugs):
        raise RefusedError(_("Choose newsletters that exist."))
    before = rights.of(session, user)
    if before == wanted:
        return
    rights.give(session, user, wanted)
    _note(
        session,
        user,
        "user.rights_changed",
        by=by,
        now=now,
        changed={"rights": [rights.as_details(before, slugs), rights.as_details(wanted, slugs)]},
    )


def disable(session: Session, user_id: int, *, by: By, now: datetime) -> None:
    """Let somebody in no more: sessions end and links stop working. Their name stays on what they did."""
    user = _lock(session, user_id, by=by, loses=True)
    if user.disabled_at is not None:
        return
    user.disabled_at = now
    sessions.revoke_all(session, user.id, now=now)
    session.execute(
        update(PasswordLink).where(PasswordLink.user_id == user.id, PasswordLink.used_at.is_(None)).values(used_at=now)
    )
    _note(session, user, "user.disabled", by=by, now=now)


def enable(session: Session, user_id: int, *, by: By, now: datetime) -> None:
    """Let somebody in again, with the password and the rights that they had."""
    user = _lock(session, user_id, by=by, loses=False)
    if user.disabled_at is None:
        return
    user.disabled_at = None
    _note(session, user, "user.enabled", by=by, now=now)


def end_sessions(session: Session, user_id: int, *, by: By, now: datetime) -> None:
    """Sign somebody out everywhere; their next click asks for the password."""
    user = by_id(session, user_id)
    sessions.revoke_all(session, user.id, now=now)
    _note(session, user, "user.sessions_ended", by=by, now=now)


def _lock(session: Session, user_id: int, *, by: By, loses: bool) -> User:
    """The account, locked. `loses`: it will not be an owner's any more.

    All owners are locked together and in one order: of two who demote each other at one moment the second one waits,
    and finds that it is an owner no longer.
    """
    is_owner = (User.role == Role.OWNER) & User.limited.is_(False) & User.disabled_at.is_(None)
    query = select(User).where(is_owner | (User.id == user_id)).order_by(User.id).with_for_update()
    locked = {user.id: user for user in session.scalars(query.execution_options(populate_existing=True))}
    if user_id not in locked:
        raise NotFoundError(_("There is no such account."))
    owners = {
        number
        for number, user in locked.items()
        if user.role is Role.OWNER and not user.limited and user.disabled_at is None
    }
    if by.user_id is not None:
        if by.user_id not in owners:
            raise RefusedError(_("Your role has changed meanwhile: only an owner looks after the staff."))
        if by.user_id == user_id:
            raise RefusedError(_("Nobody changes their own rights. Ask another owner."))
    others = [locked[number] for number in owners - {user_id}]
    if loses and user_id in owners and not any(user.password_hash for user in others):
        # Who was invited and has not come in yet may never come.
        raise RefusedError(_("This is the last owner. Make somebody else an owner first."))
    return locked[user_id]


def _note(session: Session, user: User, action: str, *, by: By, now: datetime, **details: object) -> None:
    audit.record(
        session,
        actor=by.actor,
        user_id=by.user_id,
        action=action,
        subject="user",
        subject_id=user.id,
        now=now,
        email=user.email,
        **details,
    )
