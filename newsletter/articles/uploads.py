"""Pictures that staff bring, kept beside those that were fetched and served like them."""

import hashlib
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.articles.models import Picture, PictureStatus
from newsletter.core.database import insert_into
from newsletter.core.imaging import Encoded
from newsletter.core.tokens import hash_token


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


def is_kept(session: Session, key: str) -> bool:
    query = select(Picture.id).where(Picture.key == key, Picture.status == PictureStatus.READY)
    return session.scalar(query.limit(1)) is not None
