"""Where a user may do what: by one role everywhere, or by a role for each of some newsletters."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import delete, exists, insert, or_, select
from sqlalchemy.orm import Session

from newsletter.accounts.models import Role, User, UserRight
from newsletter.accounts.permissions import GRANTED, Permission, Rights
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _

GIVEN_FOR_ONE = (Role.EDITOR, Role.AUTHOR, Role.ANALYST)
"""An owner has the keys of the house, so there is none of a single newsletter."""
LEAST = Role.ANALYST


def of(session: Session, user: User) -> Rights:
    return of_users(session, [user])[user.id]


def of_users(session: Session, users: Collection[User]) -> dict[int, Rights]:
    """By the user's id."""
    limited = [user.id for user in users if user.limited]
    found: dict[int, dict[int, Role]] = defaultdict(dict)
    if limited:
        query = select(UserRight).where(UserRight.user_id.in_(limited)).order_by(UserRight.newsletter_id)
        for right in session.scalars(query):
            found[right.user_id][right.newsletter_id] = right.role
    return {user.id: Rights(None, found[user.id]) if user.limited else Rights(user.role) for user in users}


def give(session: Session, user: User, wanted: Rights) -> None:
    """Let a user do this and nothing else; RefusedError when it makes no sense. Who may give it is not asked here."""
    check(wanted)
    user.role, user.limited = wanted.everywhere or LEAST, wanted.everywhere is None
    session.flush()
    session.execute(delete(UserRight).where(UserRight.user_id == user.id))
    if wanted.everywhere is None:
        rows = [
            {"user_id": user.id, "newsletter_id": number, "role": role} for number, role in wanted.by_newsletter.items()
        ]
        session.execute(insert(UserRight), rows)


def check(wanted: Rights) -> None:
    if wanted.everywhere is not None:
        return
    if not wanted.by_newsletter:
        raise RefusedError(_("Choose at least one newsletter, or let the role count everywhere."))
    if any(role not in GIVEN_FOR_ONE for role in wanted.by_newsletter.values()):
        raise RefusedError(_("An owner looks after everything: choose another role for a single newsletter."))


def who_may(session: Session, permission: Permission, newsletter_id: int, *, limit: int) -> list[str]:
    """Addresses of the users who may do something for a newsletter; those disabled are left out."""
    roles = [role for role, granted in GRANTED.items() if permission in granted]
    for_it = exists().where(
        UserRight.user_id == User.id, UserRight.newsletter_id == newsletter_id, UserRight.role.in_(roles)
    )
    allowed = or_(User.limited.is_(False) & User.role.in_(roles), User.limited & for_it)
    query = select(User.email).where(User.disabled_at.is_(None), allowed).order_by(User.id).limit(limit)
    return list(session.scalars(query))


def as_details(rights: Rights, slugs: Mapping[int, str]) -> dict[str, str]:
    """What the log keeps of rights: the role by the newsletter's short name, or by `*` for everywhere."""
    if rights.everywhere is not None:
        return {"*": rights.everywhere.value}
    return {slugs.get(number, str(number)): role.value for number, role in rights.by_newsletter.items()}
