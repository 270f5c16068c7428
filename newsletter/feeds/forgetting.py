"""Entries that have left their feeds long ago are forgotten: a busy feed has fifty thousand in a year."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter.feeds.models import Feed, FeedEntry

REMEMBERED: Final = timedelta(days=90)
AT_ONCE: Final = 5_000  # rows that a unit deletes at most


def forget(session: Session, *, now: datetime) -> int:
    """Forget entries that have left their feed and became articles, which are known by their addresses if they come
    again; how many.

    Only of feeds that had news lately: whatever was in them then was looked at, and what had been there last
    `REMEMBERED` ago was not. What became no article stays noted, or it might come in as one.
    """
    gone = (
        select(FeedEntry.id)
        .join(Feed, Feed.id == FeedEntry.feed_id)
        .where(
            FeedEntry.seen_at < now - REMEMBERED,
            FeedEntry.article_id.is_not(None),
            Feed.news_at > now - REMEMBERED / 3,
        )
        .order_by(FeedEntry.seen_at)
        .limit(AT_ONCE)
    )
    done = session.execute(
        delete(FeedEntry)
        .where(FeedEntry.id.in_(gone))
        .returning(FeedEntry.id)
        .execution_options(synchronize_session=False)
    )
    return len(done.all())
