"""The record of who did what."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from newsletter.accounts.models import AuditEvent

LONGEST = 500  # characters of a text, before and after
CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")
SECRET = re.compile(r"password|secret|token|credential|private|locked", re.IGNORECASE)
HIDDEN = "…"


def record(
    session: Session,
    *,
    actor: str,
    action: str,
    subject: str,
    subject_id: int | None,
    now: datetime,
    user_id: int | None = None,
    **details: Any,
) -> None:
    """Append one event. `actor` is an address of staff, or the name of what acted by itself: `command`, `schedule`.

    `details` says what; a change of fields stands in `changed`, see `changes`. Names and passwords in addresses of
    servers, and whatever is called a secret, stay out of it.
    """
    session.add(
        AuditEvent(
            at=now,
            user_id=user_id,
            actor=actor,
            action=action,
            subject=subject,
            subject_id=subject_id,
            details=_without_secrets(details),
        )
    )


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """[before, after] of each field that differs, as `details` can keep it; long texts are cut."""
    names = [name for name in after if before.get(name) != after[name]]
    return {name: [_plain(before.get(name)), _plain(after[name])] for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    text = str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + HIDDEN


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return CREDENTIALS.sub("", value)
    if isinstance(value, Mapping):
        return {name: HIDDEN if SECRET.search(str(name)) else _without_secrets(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(item) for item in value]
    return value
