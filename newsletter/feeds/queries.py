"""Looking feeds up.

`within`, where it is an argument: ids of the newsletters whose feeds are looked at, None for all. A feed that none of
them takes does not exist then, and of the other newsletters that take one no more is told than how many they are.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, and_, exists, or_, select, union_all
from sqlalchemy.orm import Session

from newsletter.articles.fingerprint import folded_words
from newsletter.core.database import among
from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import gettext as _
from newsletter.feeds import health
from newsletter.feeds.models import Feed, FeedTarget
from newsletter.feeds.opml import Outline
from newsletter.newsletters.models import Newsletter, Topic

Within = Collection[int] | None


@dataclass(frozen=True, slots=True)
class Taker:
    """A newsletter that takes a feed, and what the entries are filed under there; None: what they say."""

    newsletter: Newsletter
    topic: Topic | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A feed and the newsletters that take it, the oldest first. `others`: how many more do that are not looked at."""

    feed: Feed
    takers: tuple[Taker, ...]
    others: int = 0


def by_id(session: Session, feed_id: int, *, within: Within = None) -> Feed:
    found = session.get(Feed, feed_id)
    if found is None or (within is not None and not taken_by(session, feed_id, within=within)):
        raise NotFoundError(_("This feed does not exist. `newsletter feeds list` shows those that do."))
    return found


def taken_by(session: Session, feed_id: int, *, within: Within = None) -> list[int]:
    """Ids of the newsletters that take a feed; none where there is no such feed."""
    found = session.scalars(select(FeedTarget.newsletter_id).where(FeedTarget.feed_id == feed_id))
    return sorted(number for number in found if within is None or number in within)


def listed(
    session: Session, *, newsletter_id: int | None = None, within: Within = None, limit: int = 1000
) -> list[Listed]:
    """Feeds, all or those of a newsletter, the oldest first."""
    query = select(Feed).order_by(Feed.id).limit(limit)
    if newsletter_id is not None:
        query = query.where(Feed.id.in_(_feeds_of(session, [newsletter_id])))
    if within is not None:
        query = query.where(Feed.id.in_(_feeds_of(session, within)))
    return with_takers(session, session.scalars(query).all(), within=within)


def page(session: Session, *, before: int | None, limit: int, within: Within = None) -> list[Listed]:
    """Feeds below the id `before`, the newest first."""
    query = select(Feed).order_by(Feed.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Feed.id < before)
    if within is not None:
        if not within:
            return []
        # The newest of each newsletter hold the newest of all of them, and each is read from the index up to the limit.
        # Asked for in one go, either all that these newsletters take would be read, or all that the others take.
        each = (_newest_of(number, before, limit).subquery() for number in within)
        query = query.where(Feed.id.in_(union_all(*(select(part.c.feed_id) for part in each))))
    return with_takers(session, session.scalars(query).all(), within=within)


def failing(session: Session, *, limit: int, within: Within = None) -> list[Feed]:
    """Feeds that are gone, or fail and were not merely unlucky; not those that are paused. The longest first."""
    query = (
        select(Feed)
        .where(
            or_(Feed.failing_since.is_not(None), Feed.gone_at.is_not(None)),  # in the words of the index
            or_(Feed.failures >= health.FAILURES, Feed.gone_at.is_not(None)),
            Feed.paused_at.is_(None),
        )
        .order_by(Feed.failing_since, Feed.id)
        .limit(limit)
    )
    if within is not None:  # asked of each, for there are few of them: newsletters may take thousands that are well
        taken = exists().where(FeedTarget.feed_id == Feed.id, among(session, FeedTarget.newsletter_id, within))
        query = query.where(taken)
    return list(session.scalars(query))


def with_takers(session: Session, feeds: Sequence[Feed], *, within: Within = None) -> list[Listed]:
    takers: dict[int, list[Taker]] = {feed.id: [] for feed in feeds}
    others = dict.fromkeys(takers, 0)
    looked_at = Newsletter.id == FeedTarget.newsletter_id
    if within is not None:
        looked_at = and_(looked_at, among(session, Newsletter.id, within))
    query = (
        select(FeedTarget.feed_id, Newsletter, Topic)
        .select_from(FeedTarget)
        .outerjoin(Newsletter, looked_at)
        .outerjoin(Topic, and_(Topic.id == FeedTarget.topic_id, Topic.newsletter_id == Newsletter.id))
        .where(among(session, FeedTarget.feed_id, takers))
        .order_by(FeedTarget.newsletter_id)
    )
    for feed_id, newsletter, topic in session.execute(query):
        if newsletter is None:
            others[feed_id] += 1
        else:
            takers[feed_id].append(Taker(newsletter, topic))
    return [Listed(feed, tuple(takers[feed.id]), others[feed.id]) for feed in feeds]


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


def _feeds_of(session: Session, newsletter_ids: Collection[int]) -> Select[int]:
    """SQL: ids of the feeds that any of these newsletters takes."""
    return select(FeedTarget.feed_id).where(among(session, FeedTarget.newsletter_id, newsletter_ids))


def _newest_of(newsletter_id: int, before: int | None, limit: int) -> Select[int]:
    """SQL: ids of the newest feeds that a newsletter takes."""
    query = select(FeedTarget.feed_id).where(FeedTarget.newsletter_id == newsletter_id)
    if before is not None:
        query = query.where(FeedTarget.feed_id < before)
    return query.order_by(FeedTarget.feed_id.desc()).limit(limit)
