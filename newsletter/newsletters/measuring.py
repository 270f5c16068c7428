"""What a newsletter measures of what readers do with its messages; nothing, unless somebody decides otherwise."""

from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.newsletters.models import Measure, Newsletter


def change(
    session: Session,
    newsletter: Newsletter,
    *,
    clicks: Measure,
    opens: Measure,
    actor: str,
    now: datetime,
    user_id: int | None = None,
) -> bool:
    """Set it for the issues that are frozen from now on; False when it was so before. Issues that were frozen are
    measured as their readers were told when they left.
    """
    before = {"clicks": newsletter.clicks, "opens": newsletter.opens}
    after = {"clicks": clicks, "opens": opens}
    if before == after:
        return False
    newsletter.clicks, newsletter.opens = clicks, opens
    audit.record(
        session,
        actor=actor,
        user_id=user_id,
        action="newsletter.measuring_changed",
        subject="newsletter",
        subject_id=newsletter.id,
        now=now,
        before=before,
        after=after,
    )
    return True
