"""Readers who are lost because their mail comes back, for the figures of growth: no more is done to them.

Their subscriptions stay as they are, since a mailbox may work again and its reader has left nothing; what stops the
mail is the suppression of the address. Those who send write it in transactions that hold batches, while whoever ends a
subscription holds that and then waits for batches: so nothing there touches a subscription, and a job notes here, a
little later, who was lost and who is back. The triggers of the counters do the rest. Who has left meanwhile was lost
before, and keeps the mark until they join again.
"""

from datetime import datetime

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session, aliased

from newsletter.core.database import among
from newsletter.subscriptions.counts import READING
from newsletter.subscriptions.models import Subscriber, Subscription
from newsletter.suppression.ledger import OF_ADDRESS
from newsletter.suppression.models import Suppression


def note(session: Session, *, since: datetime | None = None) -> int:
    """Note who was lost, or is back, by what was written since then, or ever; how many. Whoever is being changed at the
    moment is left to the next time.
    """
    holding = Suppression.reason.in_(OF_ADDRESS), Suppression.lifted_at.is_(None)
    at = (
        select(Suppression.created_at)
        .join(Subscriber, Subscriber.email_key == Suppression.email_key)
        .where(Subscriber.id == Subscription.subscriber_id, *holding)
        .scalar_subquery()
    )
    other = aliased(Suppression)
    held = exists().where(
        other.email_key == Subscriber.email_key, other.reason.in_(OF_ADDRESS), other.lifted_at.is_(None)
    )
    written = select(Subscriber.id).join(Suppression, Suppression.email_key == Subscriber.email_key)
    fresh = written.where(*holding)
    lifted = written.where(Suppression.lifted_at.is_not(None), ~held)
    if since is not None:
        fresh, lifted = fresh.where(Suppression.created_at >= since), lifted.where(Suppression.lifted_at >= since)
    reads = Subscription.status.in_(READING)
    lost = Subscription.subscriber_id.in_(fresh), reads, Subscription.bounced_at.is_(None)
    back = Subscription.subscriber_id.in_(lifted), reads, Subscription.bounced_at.is_not(None)
    changed = 0
    for which, value in ((lost, at), (back, None)):
        query = select(Subscription.id).where(*which).order_by(Subscription.id).with_for_update(skip_locked=True)
        if ids := session.scalars(query).all():
            session.execute(
                update(Subscription)
                .where(among(session, Subscription.id, ids))
                .values(bounced_at=value)
                .execution_options(synchronize_session=False)
            )
            changed += len(ids)
    return changed
