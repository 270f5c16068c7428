"""The record of who did what."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from newsletter.accounts.models import AuditEvent


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
    """Append one event. `actor` is an address of staff, or the name of what acted by itself: `command`, `schedule`."""
    session.add(
        AuditEvent(
            at=now, user_id=user_id, actor=actor, action=action, subject=subject, subject_id=subject_id, details=details
        )
    )
