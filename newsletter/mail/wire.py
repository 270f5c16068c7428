"""Bytes to and from an SMTP server, with a limit on all that the other side decides: time, lengths and counts."""

import socket
import ssl
import time
from collections import deque
from dataclasses import dataclass

from newsletter.mail.reader import RawReply, ReplyReader
from newsletter.mail.replies import Phase, Reply

CHUNK = 64 * 1024


class SmtpError(Exception):
    """The conversation did not come to a good end; `phase` says where."""

    def __init__(self, phase: Phase, detail: str) -> None:
        super().__init__(f"{detail} ({phase})")
        self.phase = phase
        self.detail = detail


class ConnectionLost(SmtpError):
    """The connection is gone, or is of no use any more. It has been closed."""

    @property
    def ambiguous(self) -> bool:
        """Whether the server may have taken the message: its end was on the way, and no reply came."""
        return self.phase is Phase.DOT


class Desync(ConnectionLost):
    """What came is not an answer to what was said."""


class TlsFailed(ConnectionLost):
    """No connection with a verified certificate; nothing was sent in the clear instead."""


class Refused(SmtpError):
    """The server said no, in a reply."""

    def __init__(self, phase: Phase, reply: Reply) -> None:
        super().__init__(phase, str(reply))
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait, by RFC 5321 section 4.5.3.2. Each is for a whole reply, so that one sent byte by byte does not
    stretch it.

    `transaction` bounds everything from MAIL to the end of the message; the wait after the final dot is always `dot`,
    for giving up early there would leave in doubt what became of the message. `drain` is for replies that no longer
    matter.
    """

    connect: float = 30.0
    greeting: float = 300.0
    command: float = 300.0
    data: float = 120.0
    block: float = 180.0
    dot: float = 600.0
    transaction: float = 1200.0
    drain: float = 30.0
    quit: float = 2.0


class Wire:
    """A connected socket, read by replies. Every failure closes it and is a ConnectionLost with the phase that was
    passed.

    `local_host` and `peer_host` are the numeric addresses of both ends, asked for at once: a socket that was reset has
    forgotten them.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.local_host = str(sock.getsockname()[0])
        self.peer_host = str(sock.getpeername()[0])
        self.socket = sock
        self.closed = False
        self._reader = ReplyReader()
        self._replies: deque[RawReply] = deque()

    @property
    def unread(self) -> bool:
        """Whether something has come that nobody has read yet."""
        return bool(self._replies) or not self._reader.between_replies

    def close(self) -> None:
        """Close at once, without a word."""
        self.closed = True
        self.socket.close()

    def received(self) -> bytes | None:
        """What the server has sent without being waited for: empty when it hung up, None when there is nothing.

        Asks for bytes instead of polling the socket: under TLS 1.3 a socket is readable for session tickets that are
        no bytes of ours.
        """
        try:
            self.socket.settimeout(0)
            return self.socket.recv(CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except (OSError, ValueError):
            return b""

    def start_tls(self, context: ssl.SSLContext, name: str, timeout: float) -> None:
        """Go on under TLS. Raises TlsFailed, also for bytes received before: injected answers (CVE-2011-0411)."""
        if self.unread:
            raise self._lost(
                TlsFailed(Phase.STARTTLS, "the server sent more than the reply to STARTTLS before TLS began")
            )
        self.socket.settimeout(timeout)
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname=name)
        except (OSError, ValueError) as error:
            raise self._lost(TlsFailed(Phase.STARTTLS, f"no verified TLS connection: {error}")) from error

    def send(self, data: bytes, phase: Phase, end: float) -> None:
        """Hand over every byte to the kernel before `end` (monotonic)."""
        view = memoryview(data)
        while view:
            view = view[self.send_block(view, phase, end) :]

    def send_block(self, data: bytes | memoryview, phase: Phase, end: float) -> int:
        """Hand over some bytes to the kernel before `end` (monotonic); returns how many it took.

        When it raises it took none of them: a call to the kernel either takes bytes or fails.
        """
        try:
            self.socket.settimeout(_left(end))
            return self.socket.send(data[:CHUNK])
        except (OSError, ValueError) as error:
            raise ConnectionLost(phase, f"sending failed: {error or type(error).__name__}") from error

    def read_reply(self, phase: Phase, end: float) -> Reply:
        """The next reply, before `end` (monotonic). What is none is a Desync."""
        return self.read_raw(phase, end).parse()

    def read_raw(self, phase: Phase, end: float) -> RawReply:
        """The next reply as it came."""
        while not self._replies:
            if self._reader.broken:
                raise self._lost(Desync(phase, self._reader.broken))
            self._replies.extend(self._reader.feed(self.receive(phase, end)))
        return self._replies.popleft()

    def receive(self, phase: Phase, end: float) -> bytes:
        """Some bytes, before `end` (monotonic)."""
        try:
            self.socket.settimeout(_left(end))
            data = self.socket.recv(CHUNK)
        except TimeoutError:
            raise self._lost(ConnectionLost(phase, "no reply in time")) from None
        except (OSError, ValueError) as error:
            raise self._lost(ConnectionLost(phase, f"the connection broke: {error}")) from error
        if not data:
            raise self._lost(ConnectionLost(phase, "the server closed the connection"))
        return data

    def _lost(self, error: ConnectionLost) -> ConnectionLost:
        self.close()
        return error


def open_wire(host: str, port: int, timeout: float) -> Wire:
    """Connect, to each address of the host in turn. Raises ConnectionLost."""
    try:
        sock = socket.create_connection((host, port), timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Wire(sock)
    except (OSError, UnicodeError) as error:
        raise ConnectionLost(Phase.CONNECT, f"no connection to {host} port {port}: {error}") from error


def _left(end: float) -> float:
    """Seconds for the next call. Raises TimeoutError when there are none."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("out of time")
    return left
