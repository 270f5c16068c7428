"""What is not kept: events after a time, and all of a reader who is erased. Counts name nobody and stay."""

from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, CursorResult, delete, or_, select
from sqlalchemy.orm import Session

from newsletter.delivery.models import Delivery
from newsletter.tracking.following import COUNTED_FOR
from newsletter.tracking.models import EngagementEvent, IssueMeasure

NAMELESS_FOR: Final = timedelta(days=1)  # as long as it takes to tell machines from people
AT_A_TIME: Final = 50_000  # rows in one transaction


def forget(session: Session, subscriber_id: int) -> int:
    """Drop all that is known by name of a reader; returns how many events that were. The counts keep their sums.

    To be called before the row of the subscriber goes.
    """
    theirs = select(Delivery.id).where(Delivery.subscriber_id == subscriber_id)
    return _drop(session, or_(EngagementEvent.subscriber_id == subscriber_id, EngagementEvent.delivery_id.in_(theirs)))


def forget_old(session: Session, *, now: datetime) -> int:
    """Drop events that were counted and are of no more use; returns how many. There may be more: call again."""
    old = or_(
        EngagementEvent.issue_id.in_(select(IssueMeasure.issue_id).where(IssueMeasure.frozen_at < now - COUNTED_FOR)),
        EngagementEvent.delivery_id.is_(None) & (EngagementEvent.at < now - NAMELESS_FOR),
    )
    some = select(EngagementEvent.id).where(old, EngagementEvent.judged_at.is_not(None)).limit(AT_A_TIME)
    return _drop(session, EngagementEvent.id.in_(some))


def _drop(session: Session, which: ColumnElement[bool]) -> int:
    gone = session.execute(delete(EngagementEvent).where(which).execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", gone).rowcount
