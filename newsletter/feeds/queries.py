"""Looking feeds up."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.articles.fingerprint import folded_words
from newsletter.core.database import among
from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import gettext as _
from newsletter.feeds.models import Feed, FeedTarget
from newsletter.feeds.opml import Outline
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


def listed(session: Session, *, newsletter_id: int | None = None, limit: int = 1000) -> list[Listed]:
    """Feeds, all or those of a newsletter, the oldest first."""
    query = select(Feed).order_by(Feed.id).limit(limit)
    if newsletter_id is not None:
        own = select(FeedTarget.feed_id).where(FeedTarget.newsletter_id == newsletter_id)
        query = query.where(Feed.id.in_(own))
    return with_takers(session, session.scalars(query).all())


def page(session: Session, *, before: int | None, limit: int) -> list[Listed]:
    """Feeds below the id `before`, the newest first."""
    query = select(Feed).order_by(Feed.id.desc()).limit(limit)
    return with_takers(session, session.scalars(query if before is None else query.where(Feed.id < before)).all())


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


def outlines(rows: Sequence[Listed], newsletter: Newsletter | None) -> list[Outline]:
    """The feeds as a list for other programs, in folders by the topics of this newsletter, else of the first one."""
    found = []
    for row in rows:
        takers = [taker for taker in row.takers if newsletter is None or taker.newsletter.id == newsletter.id]
        topic = takers[0].topic if takers else None
        found.append(Outline(row.feed.url, row.feed.title, topic.name if topic else ""))
    return found


def topics_by_name(session: Session, newsletter_id: int) -> dict[str, Topic]:
    """The topics of a newsletter by their names and short names as `folded` spells them."""
    found: dict[str, Topic] = {}
    for topic in session.scalars(select(Topic).where(Topic.newsletter_id == newsletter_id).order_by(Topic.id)):
        for name in (topic.name, topic.slug):
            found.setdefault(folded(name), topic)
    return found


def folded(name: str) -> str:
    """A name without case, accents and punctuation."""
    return " ".join(folded_words(name))
