"""Understanding what a server sent in a process of its own: whatever is in it, neither the time nor the memory that it
takes is the worker's.
"""

import json
import os
import resource
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from datetime import datetime
from typing import Any, BinaryIO, Final, Protocol

from newsletter.core.i18n import current_locale, use_locale
from newsletter.core.i18n import gettext as _
from newsletter.core.processes import end_with_parent
from newsletter.feeds.entry import FeedError, ParsedEntry, ParsedFeed
from newsletter.feeds.models import FeedKind
from newsletter.feeds.parse import parse_feed

SECONDS: Final = 15.0  # ten megabytes of an honest feed take less on a small machine
MEMORY: Final = 600_000_000  # octets of address space
LONGEST_ANSWER: Final = 100_000_000
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
        self._seconds, self._timer = seconds, timer
        self._child: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()

    def __enter__(self) -> "Apart":
        return self

    def __exit__(self, *_error: object) -> None:
        with self._turn:
            self._end()

    def __call__(self, body: bytes, *, url: str, content_type: str, charset: str | None, now: datetime) -> ParsedFeed:
        """As `parse_feed`; FeedError too where the child died of it or had no more time."""
        question = {
            "url": url,
            "content_type": content_type,
            "charset": charset,
            "now": now.isoformat(),
            "locale": current_locale(),
        }
        with self._turn:
            try:
                answer = self._ask(json.dumps(question).encode(), body)
            except TimeoutError:
                self._end()
                raise FeedError(
                    _("It takes more than %(seconds)d seconds to understand.", seconds=self._seconds)
                ) from None
            except (OSError, EOFError, ValueError):
                self._end()
                raise FeedError(_("It cannot be understood.")) from None
        if "error" in answer:
            raise FeedError(answer["error"])
        return _feed(answer)

    def _ask(self, question: bytes, body: bytes) -> dict[str, Any]:
        if self._child is None or self._child.poll() is not None:
            self._end()
            self._child = _start()
        given, told = self._child.stdin, self._child.stdout
        if given is None or told is None:
            raise EOFError
        deadline = self._timer() + self._seconds
        _write(given, question)
        _write(given, body)
        given.flush()
        answer: dict[str, Any] = json.loads(self._read(told.fileno(), deadline))
        return answer

    def _read(self, descriptor: int, deadline: float) -> bytes:
        size = int.from_bytes(self._octets(descriptor, 8, deadline))
        if size > LONGEST_ANSWER:
            raise ValueError(size)
        return self._octets(descriptor, size, deadline)

    def _octets(self, descriptor: int, count: int, deadline: float) -> bytes:
        parts: list[bytes] = []
        while count:
            left = deadline - self._timer()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise TimeoutError
            part = os.read(descriptor, min(count, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            for pipe in (child.stdin, child.stdout):
                with suppress(OSError):  # what it did not take goes nowhere
                    if pipe is not None:
                        pipe.close()
            child.wait()


def main() -> None:
    """The child: bodies in, feeds out, until nobody asks any more."""
    end_with_parent()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    given, told = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints is no answer
    while question := _take(given):
        asked = json.loads(question)
        body = _take(given)
        with use_locale(asked.pop("locale")):
            answer = _answer(body, asked.pop("now"), asked)
        _write(told, answer)
        told.flush()


def _answer(body: bytes, now: str, asked: dict[str, Any]) -> bytes:
    try:
        return _document(parse_feed(body, **asked, now=datetime.fromisoformat(now)))
    except FeedError as error:
        words = str(error)
    except Exception:  # noqa: BLE001 - whatever is in one feed, the next is read
        words = _("It cannot be understood.")
    return json.dumps({"error": words}).encode()


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "newsletter.feeds.apart"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


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


def _write(stream: Any, data: bytes) -> None:
    stream.write(len(data).to_bytes(8))
    stream.write(data)


def _take(stream: BinaryIO) -> bytes:
    """The next message; empty when there is none any more."""
    return stream.read(int.from_bytes(stream.read(8)))


if __name__ == "__main__":
    main()
