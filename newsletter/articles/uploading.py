"""Pictures that editors bring from their own machine: checked for what they are, encoded anew, and served by us."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.articles import uploads
from newsletter.articles.models import Picture, PictureStatus
from newsletter.articles.pictures import ReadyPicture
from newsletter.core.imaging import Encoded
from newsletter.core.tokens import hash_token
from newsletter.core.urls import Links


def take(session: Session, encoded: Encoded, links: Links, *, now: datetime) -> str:
    """Keep a picture that `imaging.encode` has made; its address, which an article names like any other. The same file
    twice is one row.
    """
    address = links.media(uploads.key_of(encoded), encoded.content_type)
    uploads.keep(session, encoded, address=address, now=now)
    return address


def at(session: Session, address: str | None) -> ReadyPicture | None:
    """The picture at an address, when we have it."""
    if not address:
        return None
    row = session.execute(
        select(Picture.key, Picture.content_type, Picture.width, Picture.height).where(
            Picture.url_key == hash_token(address), Picture.status == PictureStatus.READY
        )
    ).first()
    return ReadyPicture(row.key, row.content_type, row.width, row.height) if row and row.key else None
