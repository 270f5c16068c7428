"""Reading what came back."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import gettext as _
from newsletter.feedback.models import FeedbackReport, InboundMail
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


def of_delivery(session: Session, delivery_id: int, *, limit: int = 50) -> list[FeedbackReport]:
    """What came back for one delivery, the oldest first; that it arrived too, where a provider says so."""
    query = (
        select(FeedbackReport).where(FeedbackReport.delivery_id == delivery_id).order_by(FeedbackReport.id).limit(limit)
    )
    return list(session.scalars(query))


def lately(session: Session, *, before: int | None = None, limit: int = 30) -> list[FeedbackReport]:
    """What came in, the newest first, below the id `before`."""
    query = select(FeedbackReport).order_by(FeedbackReport.id.desc()).limit(limit)
    return list(session.scalars(query.where(FeedbackReport.id < before) if before is not None else query))


def inbound(session: Session, inbound_id: int) -> InboundMail:
    """A message as it came; NotFoundError when it is not kept any more."""
    found = session.get(InboundMail, inbound_id)
    if found is None:
        raise NotFoundError(_("This message is not kept any more: messages stay for a month."))
    return found


def unread(session: Session) -> int:
    """How many messages wait to be read, along an index that holds nothing else; counted to a thousand."""
    some = select(InboundMail.id).where(InboundMail.read_at.is_(None)).limit(1000).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0
