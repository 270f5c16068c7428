"""Pictures of articles: asked for by address, fetched once, served by us.

A reader's mail program then loads nothing from servers that we do not know, and a picture that its publisher takes away
or changes stays what it was in the issue.
"""

import hashlib
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.articles.canonical import absolute_url
from newsletter.articles.models import Article, Picture, PictureStatus
from newsletter.core import fetching, imaging, jobs
from newsletter.core.database import Database, among, held, insert_into
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.targets import FetchError
from newsletter.core.tokens import hash_token

# Some stores call everything octets; what it is, the decoder says.
TYPES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/*", "application/octet-stream")
MAX_BYTES: Final = 12_000_000
SECONDS: Final = 20.0
AT_ONCE: Final = 4  # files in memory; they are decoded one after the other, since each takes much more there
LEASE: Final = timedelta(minutes=5)  # a worker that died leaves its pictures to another after this
WAITS: Final = (timedelta(minutes=2), timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6))

Fetch = Callable[[str], bytes]


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


def of_article(session: Session, article: Article) -> Picture | None:
    """The row of its picture, in whatever state."""
    return session.get(Picture, article.picture_id) if article.picture_id is not None else None


def file_of(session: Session, key: str) -> tuple[bytes, str] | None:
    """The octets of a picture and their type, by the SHA-256 that names it."""
    query = select(Picture.data, Picture.content_type).where(Picture.key == key, Picture.status == PictureStatus.READY)
    row = session.execute(query.limit(1)).first()
    return (row.data, row.content_type) if row is not None and row.data is not None else None


def ask(session: Session, article: Article, *, now: datetime) -> None:
    """Give an article the picture at its image's address, to be fetched if nobody has asked for it before."""
    url = absolute_url(article.image_url)
    if url is None:
        article.picture_id = None
        return
    url_key = hash_token(url)
    values = {
        "url_key": url_key,
        "source_url": url,
        "status": PictureStatus.PENDING,
        "next_attempt_at": now,
        "created_at": now,
    }
    inserting = insert_into(session, Picture).values(values)
    session.execute(inserting.on_conflict_do_nothing(index_elements=[Picture.url_key]))
    row = session.execute(select(Picture.id, Picture.status).where(Picture.url_key == url_key)).one()
    article.picture_id = row.id
    if row.status is PictureStatus.PENDING:
        jobs.wake(session, jobs.FETCH_PICTURES)


def anything_due(session: Session, *, now: datetime) -> bool:
    return session.scalar(select(Picture.id).where(Picture.next_attempt_at <= now).limit(1)) is not None


def fetcher(allow: Sequence[str]) -> Fetch:
    """Reads a picture from the web, within bounds of size and time; FetchError when it cannot."""
    return lambda url: (
        fetching.fetch(url, allow=allow, accept=TYPES, max_bytes=MAX_BYTES, deadline_seconds=SECONDS).body
    )


def fetch_due(
    database: Database, fetch: Fetch, *, clock: Callable[[], datetime], stopping: Callable[[], bool] = lambda: False
) -> int:
    """Fetch what is due until nothing is; how many attempts that took. No transaction is open meanwhile."""
    tried = 0
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="pictures") as pool:
        while not stopping():
            with database.unit() as session:
                claimed = _claim(session, now=clock())
            if not claimed:
                break
            for picture, answer in [(picture, pool.submit(fetch, picture.url)) for picture in claimed]:
                values = _outcome(answer.result, picture, clock())
                with database.unit() as session:
                    session.execute(update(Picture).where(Picture.id == picture.id).values(values))
            tried += len(claimed)
    return tried


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A picture that this worker fetches, for the how-manieth time."""

    id: int
    url: str
    attempts: int


def _claim(session: Session, *, now: datetime) -> list[_Claimed]:
    """A few pictures that are due, which are then nobody else's for a while."""
    due = (
        select(Picture.id)
        .where(Picture.next_attempt_at <= now)
        .order_by(Picture.next_attempt_at)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    rows = session.execute(
        update(Picture)
        .where(among(session, Picture.id, held(session, due)))
        .values(next_attempt_at=now + LEASE, attempts=Picture.attempts + 1)
        .returning(Picture.id, Picture.source_url, Picture.attempts)
        .execution_options(synchronize_session=False)
    )
    return [_Claimed(*row) for row in rows]


def _outcome(read: Callable[[], bytes], picture: _Claimed, now: datetime) -> dict[str, Any]:
    """What becomes of a picture by what its server answered, as columns."""
    if picture.attempts > len(WAITS) + 1:
        return _refused(_("It could not be fetched: each attempt ended before its time."))
    try:
        found = imaging.encode(read())
    except FetchError as error:
        if picture.attempts > len(WAITS):
            return _refused(str(error))
        return {"next_attempt_at": now + WAITS[picture.attempts - 1], "reason": str(error)}
    except RefusedError as error:
        return _refused(str(error))
    return {
        "status": PictureStatus.READY,
        "key": hashlib.sha256(found.data).hexdigest(),
        "content_type": found.content_type,
        "width": found.width,
        "height": found.height,
        "data": found.data,
        "next_attempt_at": None,
        "reason": None,
    }


def _refused(reason: str) -> dict[str, Any]:
    return {"status": PictureStatus.REFUSED, "next_attempt_at": None, "reason": reason}
