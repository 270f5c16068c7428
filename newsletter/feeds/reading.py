"""One reading of one feed: what its server answered, without a database."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.core.fetching import Fetched
from newsletter.core.i18n import gettext as _
from newsletter.core.targets import FetchError
from newsletter.feeds.apart import Parse
from newsletter.feeds.discover import Fetch
from newsletter.feeds.entry import FeedError, ParsedFeed
from newsletter.feeds.health import retry_after
from newsletter.feeds.models import Feed

log = logging.getLogger(__name__)

LONGEST_DATE = 100  # characters that are kept of `Last-Modified`
LONGEST_TAG = 1_000


@dataclass(frozen=True, slots=True)
class Answer:
    """`parsed`: what is in the body, when it is another one than before. `error`: why there is nothing, in words.
    `gone`: and there never will be. `wish`: how long the server asks to be left alone.
    """

    seconds: float
    fetched: Fetched | None = None
    parsed: ParsedFeed | None = None
    body_hash: str | None = None
    error: str | None = None
    gone: bool = False
    wish: timedelta | None = None


def read(feed: Feed, fetch: Fetch, parse: Parse, *, now: datetime, timer: Callable[[], float]) -> Answer:
    """Ask the feed's server whether there is something new (RFC 9110 section 13.1) and understand what it sends."""
    start = timer()
    try:
        return _read(feed, fetch, parse, now, lambda: timer() - start)
    except (FetchError, FeedError) as error:
        return Answer(timer() - start, error=str(error))
    except Exception:
        # Whatever is in one feed, the others are read.
        log.exception("feed %s could not be read: %s", feed.id, feed.url[:200])
        return Answer(timer() - start, error=_("It cannot be understood."))


def validators(fetched: Fetched) -> dict[str, str | None]:
    """Columns of what the server wants to hear with the next question. Half a validator is none, and one with control
    characters is neither stored nor sent.
    """
    etag, modified = fetched.headers.get("etag", ""), fetched.headers.get("last-modified", "")
    return {
        "etag": etag if 0 < len(etag) <= LONGEST_TAG and etag.isprintable() else None,
        "last_modified": modified if 0 < len(modified) <= LONGEST_DATE and modified.isprintable() else None,
    }


def _read(feed: Feed, fetch: Fetch, parse: Parse, now: datetime, passed: Callable[[], float]) -> Answer:
    fetched = fetch(feed.url, _conditions(feed))
    seconds = passed()
    if fetched.status == 200:
        return _understand(feed, fetched, parse, seconds, now)
    if fetched.status == 304:
        return Answer(seconds, fetched)
    if fetched.status == 410:
        return Answer(seconds, fetched, error=_("Its server says that it is gone for good (status 410)."), gone=True)
    return Answer(seconds, fetched, error=_refusal(fetched), wish=retry_after(fetched.headers, now))


def _conditions(feed: Feed) -> dict[str, str]:
    given = {"If-None-Match": feed.etag, "If-Modified-Since": feed.last_modified}
    return {name: value for name, value in given.items() if value}


def _understand(feed: Feed, fetched: Fetched, parse: Parse, seconds: float, now: datetime) -> Answer:
    body_hash = hashlib.sha256(fetched.body).hexdigest()
    if body_hash == feed.body_hash:
        return Answer(seconds, fetched, body_hash=body_hash)
    parsed = parse(fetched.body, url=fetched.url, content_type=fetched.content_type, charset=fetched.charset, now=now)
    return Answer(seconds, fetched, parsed, body_hash)


def _refusal(fetched: Fetched) -> str:
    if fetched.status == 404:
        return _("There is nothing at this address any more (status 404).")
    if fetched.status == 429:
        return _("Its server finds that we ask too often (status 429).")
    return _("Its server does not answer at the moment (status %(status)d).", status=fetched.status)
