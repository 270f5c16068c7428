"""Readers by what they did, as sets for a query: nothing is read here."""

from datetime import date
from typing import Final

from sqlalchemy import Select, column, select, table, text

from newsletter.tracking.models import CLICKS_OF_READERS, EngagementEvent

# Rooms meet through ids: of the other room's table, the three columns that lead from a reader to a subscription.
_SUBSCRIPTIONS: Final = table("subscriptions", column("id"), column("subscriber_id"), column("newsletter_id"))


def clicked(newsletter_id: int, *, since: date) -> Select[int]:
    """Ids of the subscriptions of a newsletter whose readers followed a link in one of its issues on this day or later,
    as persons and known by name. Each once; for `Subscription.id.in_(...)`, negated too.
    """
    readers = clickers(newsletter_id, since=since)
    return select(_SUBSCRIPTIONS.c.id).where(
        _SUBSCRIPTIONS.c.newsletter_id == newsletter_id, _SUBSCRIPTIONS.c.subscriber_id.in_(readers)
    )


def clickers(newsletter_id: int, *, since: date) -> Select[int | None]:
    """The same as ids of subscribers; one may come several times. The days are those of UTC."""
    return (
        select(EngagementEvent.subscriber_id)
        .where(EngagementEvent.newsletter_id == newsletter_id, EngagementEvent.day >= since)
        .where(text(CLICKS_OF_READERS))
    )
