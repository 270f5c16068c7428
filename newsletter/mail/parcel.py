"""A message that someone wants sent, and the bytes of several on their way out of one connection."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from newsletter.mail.commands import Envelope
from newsletter.mail.wire import Refused


@dataclass(slots=True, eq=False)
class Parcel:
    """One message on its way: `key` is whatever the sender knows it by; `message` is the RFC 5322 message, CRLF,
    checked by who wrote it.

    `envelope` has its addresses in the form of `addrspec.wire_form`.
    """

    key: Any
    envelope: Envelope
    message: bytes
    dotless: bool = False
    """Whether its writer vouches that no line of it begins with a dot and that it ends with CRLF, which saves the
    search.
    """
    moves: int = field(default=0, init=False, repr=False)
    """How often a connection ended before this message began on it."""


class Transaction:
    """A parcel that has begun. `end` is where in all that is sent its last byte stands; 0 before it was written."""

    __slots__ = ("end", "ended", "parcel", "recipient_taken", "refused")

    def __init__(self, parcel: Parcel) -> None:
        self.parcel = parcel
        self.end = 0
        self.ended = False
        self.recipient_taken = False
        self.refused: Refused | None = None


class Outgoing:
    """What is to be sent, and how much of it has been.

    `leaving` is told of each parcel just before the bytes that complete it are handed over.
    """

    __slots__ = ("_leaving", "_taken", "_unannounced", "_written", "pieces")

    def __init__(self, leaving: Callable[[Parcel], None] | None) -> None:
        self.pieces: list[bytes | memoryview] = []
        self._leaving = leaving
        self._unannounced: deque[Transaction] = deque()
        self._written = 0
        self._taken = 0

    def __bool__(self) -> bool:
        return bool(self.pieces)

    @property
    def size(self) -> int:
        """How many bytes are to be sent."""
        return self._written - self._taken

    def write(self, data: bytes) -> None:
        """Add what is to be sent."""
        if data:
            self.pieces.append(data)
            self._written += len(data)

    def write_message(self, transaction: Transaction, message: bytes, tail: bytes) -> None:
        """Add a message and what ends it."""
        self.write(message)
        self.write(tail)
        transaction.end = self._written
        self._unannounced.append(transaction)

    def has_taken(self, transaction: Transaction) -> bool:
        """Whether the kernel has the last byte of a message."""
        return 0 < transaction.end <= self._taken

    def block(self, limit: int) -> memoryview:
        """What is to be sent next, in one piece of at most `limit` bytes. Asked again after it could not be sent, it
        begins the same and is no shorter, as TLS wants it.
        """
        if len(self.pieces) > 1:
            self.pieces[:] = [b"".join(self.pieces)]
        return memoryview(self.pieces[0])[:limit]

    def about_to_send(self, count: int) -> None:
        """Say which parcels may be complete once that many bytes more have left."""
        reached = self._taken + count
        while self._unannounced and self._unannounced[0].end <= reached:
            transaction = self._unannounced.popleft()
            if self._leaving is not None:
                self._leaving(transaction.parcel)

    def took(self, count: int) -> None:
        """The kernel has that many bytes more."""
        self._taken += count
        if self._taken == self._written:
            self.pieces.clear()
            return
        while count >= len(self.pieces[0]):
            count -= len(self.pieces.pop(0))
        self.pieces[0] = memoryview(self.pieces[0])[count:]

    def forget(self) -> None:
        """Send nothing more."""
        self.pieces.clear()
        self._unannounced.clear()
