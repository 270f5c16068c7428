"""Reading what came back."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.feedback.models import FeedbackReport
from newsletter.mail.evidence import Kind

SHOWN = (Kind.BOUNCE, Kind.COMPLAINT, Kind.UNSUBSCRIBE, Kind.AUTO_REPLY, Kind.ANSWER)


def of_subscriber(session: Session, subscriber_id: int, *, limit: int = 20) -> list[FeedbackReport]:
    """What came back from a reader, the newest first; arrivals and delays left out."""
    query = (
        select(FeedbackReport)
        .where(FeedbackReport.subscriber_id == subscriber_id, FeedbackReport.kind.in_(SHOWN))
        .order_by(FeedbackReport.id.desc())
        .limit(limit)
    )
    return list(session.scalars(query))
