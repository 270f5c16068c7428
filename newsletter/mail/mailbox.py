"""The local mailbox: a real SMTP server on loopback that keeps what it receives, for a service that has no relay yet.

One file for each message, `ID.eml`: the trace lines that a delivery agent adds (`Return-Path`, one `Delivered-To` for
each envelope recipient, `Received`; RFC 5321 section 4.4), then the message, byte for byte. Any mail program can open
it.
"""

import asyncio
import itertools
import os
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import format_datetime
from pathlib import Path
from typing import Any, cast

from newsletter.mail.reception import Keep, Reception

KEPT = 5_000
LARGEST = 30 * 1024 * 1024
HEADERS_READ = 64 * 1024  # of each message in a list; more than any header block that a relay would take
ID = re.compile(r"\A\d{19}-\d{6}\Z")
TRACE_END = b"Received: by the local mailbox; "


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One line of the list; header values are decoded, and empty where the message has none."""

    id: str
    received_at: datetime
    envelope_sender: str
    envelope_recipients: tuple[str, ...]
    from_address: str
    to: str
    subject: str


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """A whole message. `raw` is exactly what came over the wire, dot-stuffing undone, without our trace lines."""

    stored: StoredMessage
    headers: tuple[tuple[str, str], ...]
    html: str
    text: str
    raw: bytes
    list_unsubscribe: str  # the https or http address of List-Unsubscribe (RFC 2369), empty where there is none


class Mailbox:
    """A running server. `port` is where it listens on 127.0.0.1."""

    def __init__(self, directory: Path, listener: socket.socket) -> None:
        self.port: int = listener.getsockname()[1]
        self._store = _Store(directory)
        self._listener = listener
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.Transport] = set()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mailbox", daemon=True)
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """Stop listening and end the open connections."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        server = self._loop.run_until_complete(self._loop.create_server(self._receive, sock=self._listener))
        self._started.set()
        self._loop.run_forever()
        server.close()
        for transport in self._open:
            transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def _receive(self) -> Reception:
        return _Connection(self._store.keep, self._open)


class _Connection(Reception):
    """Known to its mailbox while it lasts, so that stopping ends it."""

    def __init__(self, keep: Keep, opened: set[asyncio.Transport]) -> None:
        super().__init__(keep, LARGEST)
        self._opened = opened

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._opened.add(cast(asyncio.Transport, transport))

    def connection_lost(self, _error: Exception | None) -> None:
        self._opened.discard(cast(asyncio.Transport, self._transport))


class _Store:
    """The files, and which of them to drop next."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory = directory
        self._kept = deque(reversed(list(_ids(directory))))
        self._number = itertools.count()

    def keep(self, sender: str, recipients: list[str], message: bytes) -> None:
        now = time.time_ns()
        name = f"{now:019d}-{next(self._number) % 1_000_000:06d}"
        date = format_datetime(datetime.fromtimestamp(now / 1e9, UTC))
        trace = [f"Return-Path: <{sender}>", *(f"Delivered-To: {recipient}" for recipient in recipients)]
        head = "".join(f"{line}\r\n" for line in trace).encode("utf-8", "surrogateescape")
        partial = self._directory / f".{name}.part"
        partial.write_bytes(head + TRACE_END + date.encode() + b"\r\n" + message)
        partial.rename(self._directory / f"{name}.eml")  # a reader never sees half a message
        self._kept.append(name)
        while len(self._kept) > KEPT:
            (self._directory / f"{self._kept.popleft()}.eml").unlink(missing_ok=True)


def serve(directory: Path, listener: socket.socket | None = None) -> Mailbox:
    """Start a mailbox that keeps its messages in a directory; `listener` is a bound socket, else any free port of
    127.0.0.1.
    """
    return Mailbox(directory, listener or socket.create_server(("127.0.0.1", 0), backlog=256))


def list_messages(directory: Path, limit: int = 50, before: str | None = None) -> list[StoredMessage]:
    """The newest messages first; `before` is the id of the last one of the page before."""
    older = (name for name in _ids(directory) if before is None or name < before)
    found = (_read_head(directory, name) for name in older)
    return list(itertools.islice((message for message in found if message is not None), limit))


def read_message(directory: Path, message_id: str) -> ParsedMessage | None:
    """One message, or None when there is none of that id. No id leads out of the directory."""
    if not ID.match(message_id):
        return None
    try:
        content = (directory / f"{message_id}.eml").read_bytes()
    except FileNotFoundError:
        return None
    trace, raw = _split(content)
    message = _parse(raw)
    return ParsedMessage(
        stored=_stored(message_id, trace, message),
        headers=tuple((name, _decoded(value)) for name, value in message.raw_items()),
        html=_body(message, "html"),
        text=_body(message, "plain"),
        raw=raw,
        list_unsubscribe=_web_address(_header(message, "List-Unsubscribe")),
    )


def _ids(directory: Path) -> Iterator[str]:
    """Ids of all messages, the newest first: an id begins with the time."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return iter(())
    return iter(sorted((name[:-4] for name in names if name.endswith(".eml") and ID.match(name[:-4])), reverse=True))


def _read_head(directory: Path, name: str) -> StoredMessage | None:
    try:
        with (directory / f"{name}.eml").open("rb") as file:
            trace, raw = _split(file.read(HEADERS_READ))
    except FileNotFoundError:  # dropped by the server meanwhile
        return None
    return _stored(name, trace, _parse(raw, headers_only=True))


def _split(content: bytes) -> tuple[list[str], bytes]:
    """Our trace lines, and the message behind them."""
    end = content.index(b"\r\n", content.index(TRACE_END)) + 2
    return content[:end].decode("utf-8", "replace").splitlines(), content[end:]


def _parse(raw: bytes, headers_only: bool = False) -> EmailMessage:
    # compat32 headers are kept as they came and decoded below, so that a header that no standard allows is shown
    # instead of raised.
    parser = BytesParser(EmailMessage, policy=policy.default.clone(header_factory=lambda _name, value: value))
    return parser.parsebytes(raw, headersonly=headers_only)


def _stored(message_id: str, trace: list[str], message: EmailMessage) -> StoredMessage:
    return StoredMessage(
        id=message_id,
        received_at=datetime.fromtimestamp(int(message_id.partition("-")[0]) / 1e9, UTC),
        envelope_sender=trace[0].removeprefix("Return-Path: <").removesuffix(">"),
        envelope_recipients=tuple(line.removeprefix("Delivered-To: ") for line in trace[1:-1]),
        from_address=_header(message, "From"),
        to=_header(message, "To"),
        subject=_header(message, "Subject"),
    )


def _header(message: EmailMessage, name: str) -> str:
    wanted = name.lower()
    return next((_decoded(value) for key, value in message.raw_items() if key.lower() == wanted), "")


def _decoded(value: Any) -> str:
    """A header's value with folding and RFC 2047 words undone."""
    unfolded = re.sub(r"\r?\n(?=[ \t])", "", str(value)).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        return str(make_header(decode_header(unfolded))).strip()
    except (ValueError, LookupError):
        return unfolded.strip()


def _body(message: EmailMessage, subtype: str) -> str:
    """Text of the first part of a type that is no attachment; empty where there is none."""
    for part in message.walk():
        if part.get_content_type() == f"text/{subtype}" and "attachment" not in str(
            part.get("Content-Disposition", "")
        ):
            content = part.get_payload(decode=True)
            charset = re.search(r'charset="?([^";\s]+)', str(part.get("Content-Type", "")), re.I)
            try:
                return bytes(content or b"").decode(charset[1] if charset else "utf-8", "replace")
            except LookupError:
                return bytes(content or b"").decode("utf-8", "replace")
    return ""


def _web_address(value: str) -> str:
    found = re.search(r"<\s*(https?://[^>\s]+)\s*>", value)
    return found[1] if found else ""
