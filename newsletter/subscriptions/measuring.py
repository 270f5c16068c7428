"""What a reader says to being measured by name: nothing, yes, or no."""

from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.subscriptions import consent
from newsletter.subscriptions.models import ConsentKind, Measuring, Subscription


def say(
    session: Session,
    subscription: Subscription,
    answer: Measuring | None,
    *,
    wording: str,
    now: datetime,
    network: str = "",
) -> None:
    """Keep the answer, with the words that it was given to; None takes it back. Only readers say this, by their link:
    nobody agrees for them.
    """
    if subscription.measuring is answer:
        return
    before = subscription.measuring or "-"
    subscription.measuring = answer
    consent.record(
        session,
        subscription,
        ConsentKind.CHANGED,
        now=now,
        wording=f"measuring: {before} → {answer or '-'}. {wording}".strip(),
        form="preference centre",
        network=network,
    )
