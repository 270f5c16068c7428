"""Taking a topic away from a newsletter and from those who chose it."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from newsletter.newsletters.models import Topic
from newsletter.subscriptions import interning


def remove(session: Session, topic: Topic) -> int:
    """Drop a topic; its articles stay, filed under none. Returns how many readers had chosen nothing but it: they get
    everything from now on.
    """
    freed = interning.forget_topic(session, topic.newsletter_id, topic.id)
    session.execute(delete(Topic).where(Topic.id == topic.id))
    return freed
