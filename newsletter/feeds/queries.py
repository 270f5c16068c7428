"""Looking feeds up."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.core.database import among
from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import gettext as _
from newsletter.feeds.models import Feed, FeedTarget
from newsletter.newsletters.models import Newsletter, Topic


@dataclass(frozen=True, slots=True)
class Taker:
    """A newsletter that takes a feed, and what the entries are filed under there; None: what they say."""

    newsletter: Newsletter
    topic: Topic | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A feed and the newsletters that take it, the oldest first."""

    feed: Feed
    takers: tuple[Taker, ...]


def by_id(session: Session, feed_id: int) -> Feed:
    found = session.get(Feed, feed_id)
    if found is None:
        raise NotFoundError(_("This feed does not exist. `newsletter feeds list` shows those that do."))
    return found


def listed(session: Session, *, newsletter_id: int | None = None, after: int = 0, limit: int = 1000) -> list[Listed]:
    """Feeds, all or those of a newsletter, above the id `after`, the oldest first."""
    query = select(Feed).where(Feed.id > after).order_by(Feed.id).limit(limit)
    if newsletter_id is not None:
        own = select(FeedTarget.feed_id).where(FeedTarget.newsletter_id == newsletter_id)
        query = query.where(Feed.id.in_(own))
    return with_takers(session, session.scalars(query).all())


def with_takers(session: Session, feeds: Sequence[Feed]) -> list[Listed]:
    takers: dict[int, list[Taker]] = {feed.id: [] for feed in feeds}
    query = (
        select(FeedTarget.feed_id, Newsletter, Topic)
        .join(Newsletter, Newsletter.id == FeedTarget.newsletter_id)
        .outerjoin(Topic, Topic.id == FeedTarget.topic_id)
        .where(among(session, FeedTarget.feed_id, takers))
        .order_by(Newsletter.id)
    )
    for feed_id, newsletter, topic in session.execute(query):
        takers[feed_id].append(Taker(newsletter, topic))
    return [Listed(feed, tuple(takers[feed.id])) for feed in feeds]
