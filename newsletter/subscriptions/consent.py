"""The proof that a reader agreed, written by every change of a subscription."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.subscriptions.models import ConsentEvent, ConsentKind, Subscription


def record(
    session: Session,
    subscription: Subscription,
    kind: ConsentKind,
    *,
    now: datetime,
    wording: str = "",
    form: str = "",
    network: str = "",
    actor: str = "",
) -> None:
    """Append one event. `network` is the caller's network, never the full address; `actor` is empty when the reader
    acted.
    """
    session.add(
        ConsentEvent(
            subscriber_id=subscription.subscriber_id,
            newsletter_id=subscription.newsletter_id,
            kind=kind,
            at=now,
            wording=wording,
            form=form[:300],
            network=network,
            actor=actor,
        )
    )


def history(session: Session, subscriber_id: int) -> list[ConsentEvent]:
    """Every event of a reader, the newest first."""
    query = select(ConsentEvent).where(ConsentEvent.subscriber_id == subscriber_id).order_by(ConsentEvent.id.desc())
    return list(session.scalars(query))
