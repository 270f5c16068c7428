"""A relay as a process of its own, whose log is the truth about what was handed over.

    python -m tests.support.relay_process LOG [--rate N] [--chunking]

Prints its port. For each message it adds one line to LOG, before it answers the final dot: connection, recipient,
Message-ID, and `replied`, `cut` (it was told not to answer) or `gone` (the client had left meanwhile). What it reads
from standard input, a command a line, are the accidents of a relay; the end of standard input is its own.
"""

import argparse
import asyncio
import os
import re
import sys
import threading
from dataclasses import dataclass, field

EXTENSIONS = ("PIPELINING", "SIZE 20000000", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN")
MESSAGE_ID = re.compile(rb"^Message-ID:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
DOT = b"\r\n.\r\n"


@dataclass
class House:
    """What all connections share. `silent_until`, `shut_until`: times of the event loop."""

    log: int
    interval: float  # seconds between two messages
    extensions: tuple[str, ...]
    loop: asyncio.AbstractEventLoop
    open: set["Conversation"] = field(default_factory=set)
    connections: int = 0
    next_at: float = 0.0
    silent_until: float = 0.0
    shut_until: float = 0.0
    cut_before_dot: int = 0
    cut_after_dot: int = 0

    def obey(self, command: str, number: float) -> None:
        """`cut` ends every connection; `stall 3` says nothing for three seconds; `shut 3` also ends who comes;
        `before 5` and `after 5` end the connections of the next five messages before they are taken, and after they
        were taken and before that is said.
        """
        if command in ("cut", "shut"):
            for conversation in list(self.open):
                conversation.hang_up()
        if command == "stall":
            self.silent_until = self.loop.time() + number
        elif command == "shut":
            self.shut_until = self.loop.time() + number
        elif command == "before":
            self.cut_before_dot = int(number)
        elif command == "after":
            self.cut_after_dot = int(number)

    def turn(self) -> float:
        """When the next message may be taken."""
        self.next_at = max(self.loop.time(), self.next_at + self.interval)
        return self.next_at


class Conversation(asyncio.Protocol):
    """One connection."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._buffer = bytearray()
        self._recipient = b""
        self._in_message = self._busy = self._last_chunk = False
        self._searched = 0  # bytes of the buffer that hold no final dot
        self._chunk = 0  # bytes of this BDAT that are still to come
        self._chunks = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._house.connections += 1
        self._number = self._house.connections
        self._house.open.add(self)
        if self._house.loop.time() < self._house.shut_until:
            self.hang_up()
        else:
            self._say(b"220 relay.example ESMTP")

    def connection_lost(self, _error: Exception | None) -> None:
        self._house.open.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._busy:
            self._go_on()

    def hang_up(self) -> None:
        """Rudely, with what was said and not yet sent."""
        self._transport.abort()

    def _go_on(self) -> None:
        self._busy = False
        if (wait := self._house.silent_until - self._house.loop.time()) > 0:
            self._later(wait, self._go_on)
            return
        while self._buffer and not self._busy and not self._transport.is_closing() and self._read():
            pass

    def _read(self) -> bool:
        """Take one step forward in the buffer; False when more must come first."""
        if self._chunk:
            part = self._buffer[: self._chunk]
            del self._buffer[: len(part)]
            self._chunks += part
            self._chunk -= len(part)
            if not self._chunk:
                self._chunk_came()
            return True
        if self._in_message:
            end = self._buffer.find(DOT, self._searched)
            if end < 0:
                self._searched = max(0, len(self._buffer) - len(DOT) + 1)
                return False
            message = bytes(self._buffer[2 : end + 2])
            del self._buffer[: end + len(DOT)]
            self._in_message, self._searched = False, 0
            self._message_came(message)
            return True
        line, found, _rest = self._buffer.partition(b"\r\n")
        if not found:
            return False
        del self._buffer[: len(line) + 2]
        self._command(bytes(line))
        return True

    def _command(self, line: bytes) -> None:
        verb, _, rest = line.partition(b" ")
        match verb.upper():
            case b"EHLO":
                names = ("relay.example", *self._house.extensions)
                self._say(*(f"250{' ' if name is names[-1] else '-'}{name}".encode() for name in names))
            case b"RCPT":
                self._recipient = rest[rest.index(b"<") + 1 : rest.index(b">")]
                self._say(b"250 2.1.5 ok")
            case b"DATA":
                self._in_message = True
                self._buffer[:0] = b"\r\n"  # an empty message is only a dot: to find it, the line end of DATA is needed
                self._say(b"354 go on")
            case b"BDAT":
                size, _, last = rest.partition(b" ")
                self._chunk, self._last_chunk = int(size), last.upper() == b"LAST"
                if not self._chunk:
                    self._chunk_came()
            case b"QUIT":
                self._say(b"221 2.0.0 bye")
                self._transport.close()
            case _:
                self._say(b"250 2.0.0 ok")

    def _chunk_came(self) -> None:
        if self._last_chunk:
            message = bytes(self._chunks)
            self._chunks.clear()
            self._message_came(message)
        else:
            self._say(b"250 2.0.0 go on")

    def _message_came(self, message: bytes) -> None:
        if self._house.cut_before_dot:
            self._house.cut_before_dot -= 1
            self.hang_up()
            return
        if self._house.interval:
            self._later(self._house.turn() - self._house.loop.time(), self._take, message)
        else:
            self._take(message, go_on=False)

    def _take(self, message: bytes, *, go_on: bool = True) -> None:
        found = MESSAGE_ID.search(message)
        how = b"gone" if self._transport.is_closing() else b"replied"
        if how == b"replied" and self._house.cut_after_dot:
            self._house.cut_after_dot -= 1
            how = b"cut"
        line = b" ".join((b"%d" % self._number, self._recipient, found[1] if found else b"-", how))
        os.write(self._house.log, line + b"\n")
        if how == b"cut":
            self.hang_up()
        elif how == b"replied":
            self._say(b"250 2.0.0 taken")
            if go_on:
                self._go_on()

    def _later(self, delay: float, do: object, *arguments: object) -> None:
        self._busy = True
        self._house.loop.call_later(delay, do, *arguments)  # type: ignore[arg-type]

    def _say(self, *lines: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"".join(line + b"\r\n" for line in lines))


async def serve(log: int, rate: float, chunking: bool) -> None:
    loop = asyncio.get_running_loop()
    extensions = EXTENSIONS + (("CHUNKING",) if chunking else ())
    house = House(log, 1 / rate if rate else 0.0, extensions, loop)
    server = await loop.create_server(lambda: Conversation(house), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()

    def listen() -> None:
        for line in sys.stdin:
            command, _, number = line.strip().partition(" ")
            loop.call_soon_threadsafe(house.obey, command, float(number or 0))
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=listen, daemon=True).start()
    await ended.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log")
    parser.add_argument("--rate", type=float, default=0.0, help="messages per second that it takes at most; 0: all")
    parser.add_argument("--chunking", action="store_true", help="announce CHUNKING")
    given = parser.parse_args()
    log = os.open(given.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    asyncio.run(serve(log, given.rate, given.chunking))


if __name__ == "__main__":
    main()
