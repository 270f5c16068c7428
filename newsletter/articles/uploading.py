"""Pictures that editors bring from their own machine: checked for what they are, encoded anew, and served by us."""

import hashlib
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.articles.models import Picture, PictureStatus
from newsletter.articles.pictures import ReadyPicture
from newsletter.core.database import insert_into
from newsletter.core.imaging import Encoded
from newsletter.core.tokens import hash_token
from newsletter.core.urls import Links


def take(session: Session, encoded: Encoded, links: Links, *, now: datetime) -> str:
    """Keep a picture that `imaging.encode` has made; its address, which an article names like any other. The same file
    twice is one row.
    """
    key = hashlib.sha256(encoded.data).hexdigest()
    address = links.media(key, encoded.content_type)
    values = {
        "url_key": hash_token(address),
        "source_url": address,
        "status": PictureStatus.READY,
        "key": key,
        "content_type": encoded.content_type,
        "width": encoded.width,
        "height": encoded.height,
        "data": encoded.data,
        "attempts": 0,
        "created_at": now,
    }
    inserting = insert_into(session, Picture).values(values)
    session.execute(inserting.on_conflict_do_nothing(index_elements=[Picture.url_key]))
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
