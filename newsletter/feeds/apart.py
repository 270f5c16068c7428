"""Understanding what a server sent in a process of its own: whatever is in it, neither the time nor the memory that it
takes is the worker's.
"""

import json
import time
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from typing import Any, Final, Protocol

from newsletter.core.apart import Child, serve
from newsletter.core.i18n import current_locale, use_locale
from newsletter.core.i18n import gettext as _
from newsletter.feeds.entry import FeedError, ParsedEntry, ParsedFeed
from newsletter.feeds.models import FeedKind
from newsletter.feeds.parse import parse_feed

SECONDS: Final = 15.0  # ten megabytes of an honest feed take less on a small machine
MEMORY: Final = 600_000_000  # octets of address space
MOMENTS: Final = ("published_at", "updated_at")
ENTRY: Final = [field.name for field in fields(ParsedEntry)]


class Parse(Protocol):
    """`parse_feed`, here or elsewhere."""

    def __call__(
        self, body: bytes, *, url: str, content_type: str, charset: str | None, now: datetime
    ) -> ParsedFeed: ...


class Apart:
    """`parse_feed` in a child, which starts with the first body and ends with the block. One body at a time; a child
    that takes too long is killed, and the next body gets another one.
    """

    def __init__(self, *, seconds: float = SECONDS, timer: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._child = Child("newsletter.feeds.apart", seconds=seconds, timer=timer)

    def __enter__(self) -> "Apart":
        return self

    def __exit__(self, *_error: object) -> None:
        self._child.close()

    def __call__(self, body: bytes, *, url: str, content_type: str, charset: str | None, now: datetime) -> ParsedFeed:
        """As `parse_feed`; FeedError too where the child died of it or had no more time."""
        question = {
            "url": url,
            "content_type": content_type,
            "charset": charset,
            "now": now.isoformat(),
            "locale": current_locale(),
        }
        try:
            answer: dict[str, Any] = json.loads(self._child.ask(json.dumps(question).encode(), body))
        except TimeoutError:
            raise FeedError(_("It takes more than %(seconds)d seconds to understand.", seconds=self._seconds)) from None
        except (OSError, EOFError, ValueError):
            raise FeedError(_("It cannot be understood.")) from None
        if "error" in answer:
            raise FeedError(answer["error"])
        return _feed(answer)


def main() -> None:
    """The child: bodies in, feeds out, until nobody asks any more."""
    serve(_answer, messages=2, memory=MEMORY)


def _answer(question: bytes, body: bytes) -> bytes:
    asked = json.loads(question)
    with use_locale(asked.pop("locale")):
        try:
            return _document(parse_feed(body, **asked | {"now": datetime.fromisoformat(asked["now"])}))
        except FeedError as error:
            words = str(error)
        except Exception:  # noqa: BLE001 - whatever is in one feed, the next is read
            words = _("It cannot be understood.")
    return json.dumps({"error": words}).encode()


def _document(feed: ParsedFeed) -> bytes:
    entries = [[_plain(getattr(entry, name)) for name in ENTRY] for entry in feed.entries]
    told = {field.name: getattr(feed, field.name) for field in fields(ParsedFeed)}
    return json.dumps(told | {"entries": entries}).encode()


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _feed(told: dict[str, Any]) -> ParsedFeed:
    entries = tuple(_entry(dict(zip(ENTRY, values, strict=True))) for values in told["entries"])
    return ParsedFeed(**told | {"kind": FeedKind(told["kind"]), "entries": entries})


def _entry(told: dict[str, Any]) -> ParsedEntry:
    moments = {name: datetime.fromisoformat(told[name]) if told[name] else None for name in MOMENTS}
    return ParsedEntry(**told | moments | {"categories": tuple(told["categories"])})


if __name__ == "__main__":
    main()
