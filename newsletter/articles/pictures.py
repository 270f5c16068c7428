"""Pictures of articles: asked for by address, fetched once, served by us."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.articles.models import Article, Picture, PictureStatus
from newsletter.core.database import among


@dataclass(frozen=True, slots=True)
class ReadyPicture:
    """A picture that can be shown: `links.media(key, content_type)` is its address; sizes in pixels."""

    key: str
    content_type: str
    width: int
    height: int


def ready(session: Session, article_ids: Collection[int]) -> dict[int, ReadyPicture]:
    """The picture of each of these articles that has one which is fetched. `Article.image_alt` says what it shows."""
    rows = session.execute(
        select(Article.id, Picture.key, Picture.content_type, Picture.width, Picture.height)
        .join(Picture, Picture.id == Article.picture_id)
        .where(among(session, Article.id, article_ids), Picture.status == PictureStatus.READY)
    )
    return {row.id: ReadyPicture(row.key, row.content_type, row.width, row.height) for row in rows}
