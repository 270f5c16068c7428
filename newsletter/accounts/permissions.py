"""What each role may do, and where."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from newsletter.accounts.models import Role


class Permission(StrEnum):
    READ = "read"
    EDIT_ARTICLES = "edit_articles"
    COMPOSE = "compose"
    SEND = "send"
    MANAGE_SUBSCRIBERS = "manage_subscribers"
    MANAGE_NEWSLETTERS = "manage_newsletters"
    MANAGE_USERS = "manage_users"


ANALYST = frozenset({Permission.READ})
AUTHOR = ANALYST | {Permission.EDIT_ARTICLES}
EDITOR = AUTHOR | {Permission.COMPOSE, Permission.SEND, Permission.MANAGE_SUBSCRIBERS}
OWNER = frozenset(Permission)

GRANTED = {Role.ANALYST: ANALYST, Role.AUTHOR: AUTHOR, Role.EDITOR: EDITOR, Role.OWNER: OWNER}


def allows(role: Role, permission: Permission) -> bool:
    return permission in GRANTED[role]


@dataclass(frozen=True, slots=True)
class Rights:
    """What a user may do: by one role everywhere, or by a role for each of some newsletters (id to role).

    `everywhere` is None for a user who is limited to those newsletters.
    """

    everywhere: Role | None
    by_newsletter: Mapping[int, Role] = field(default_factory=dict)

    def everywhere_allow(self, permission: Permission) -> bool:
        """Whether it is allowed for what all newsletters share."""
        return self.everywhere is not None and allows(self.everywhere, permission)

    def allow(self, permission: Permission, newsletter_id: int) -> bool:
        """Whether it is allowed for this newsletter."""
        role = self.everywhere or self.by_newsletter.get(newsletter_id)
        return role is not None and allows(role, permission)

    def somewhere_allow(self, permission: Permission) -> bool:
        """Whether it is allowed for at least one newsletter."""
        return self.everywhere_allow(permission) or any(
            allows(role, permission) for role in self.by_newsletter.values()
        )

    def where(self, permission: Permission) -> frozenset[int] | None:
        """The newsletters for which it is allowed; None: for all of them."""
        if self.everywhere is not None:
            return None if allows(self.everywhere, permission) else frozenset()
        return frozenset(number for number, role in self.by_newsletter.items() if allows(role, permission))

    def sees(self, newsletter_id: int) -> bool:
        return self.everywhere is not None or newsletter_id in self.by_newsletter
