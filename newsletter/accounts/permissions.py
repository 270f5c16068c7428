"""What each role may do."""

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
