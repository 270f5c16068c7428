"""Pictures that staff bring: checked for what they are and encoded anew, kept beside those that were fetched and served
like them.
"""

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


def key_of(encoded: Encoded) -> str:
    """What its address names it by."""
    return hashlib.sha256(encoded.data).hexdigest()


def keep(session: Session, encoded: Encoded, *, address: str = "", now: datetime) -> str:
    """Keep a picture that was encoded anew; the key by which it is served. The same picture is kept once. `address`: by
    which articles name it.
    """
    key = key_of(encoded)
    session.execute(
        insert_into(session, Picture)
        .values(
            url_key=hash_token(address or f"upload:{key}"),
            source_url=address,
            status=PictureStatus.READY,
            key=key,
            content_type=encoded.content_type,
            width=encoded.width,
            height=encoded.height,
            data=encoded.data,
            attempts=0,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=[Picture.url_key])
    )
    return key


def take(session: Session, encoded: Encoded, links: Links, *, now: datetime) -> str:
    """The same for an article, which names it by the address that this returns, like any other picture."""
    address = links.media(key_of(encoded), encoded.content_type)
    keep(session, encoded, address=address, now=now)
    return address


def is_kept(session: Session, key: str) -> bool:
    query = select(Picture.id).where(Picture.key == key, Picture.status == PictureStatus.READY)
    return session.scalar(query.limit(1)) is not None


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
