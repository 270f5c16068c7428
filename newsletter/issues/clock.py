"""What a clock that was ahead has left behind, once it goes right again."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.articles.models import Placement
from newsletter.issues.models import DigestRun
from newsletter.newsletters.models import Newsletter, Schedule


def mend(session: Session, newsletter: Newsletter, schedule: Schedule, *, now: datetime) -> None:
    """Make past what lies in the future: windows that have ended then, and articles that have come in then.

    Such a window ends where the one before it did, so that nothing that came in since is missed; what it held is
    judged, and does not come again.
    """
    ahead = list(
        session.scalars(
            select(DigestRun)
            .where(DigestRun.schedule_id == schedule.id, DigestRun.cut_off > now)
            .order_by(DigestRun.cut_off)
        )
    )
    if ahead:
        last = session.scalar(
            select(DigestRun.cut_off)
            .where(DigestRun.schedule_id == schedule.id, DigestRun.cut_off <= now)
            .order_by(DigestRun.cut_off.desc())
            .limit(1)
        )
        end = last or min(schedule.created_at, now - timedelta(seconds=1))
        for run in ahead:
            run.window_start, end = end, end + timedelta(microseconds=1)  # a window ends once
            run.cut_off = end
        session.flush()
    session.execute(
        update(Placement)
        .where(Placement.newsletter_id == newsletter.id, Placement.placed_at > now)
        .values(placed_at=now)
        .execution_options(synchronize_session=False)
    )
