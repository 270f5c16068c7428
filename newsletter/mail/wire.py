"""Bytes to and from an SMTP server, with a limit on all that the other side decides: time, lengths and counts."""

import re
import socket
import ssl
import time
from dataclasses import dataclass

from newsletter.mail.replies import Phase, Reply, parse_reply

MAX_LINE_KEPT = 4096
MAX_LINE_READ = 64 * 1024
MAX_REPLY_LINES = 200
CHUNK = 64 * 1024

_REPLY_LINE = re.compile(rb"([1-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)


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
        self._socket = sock
        self._buffer = bytearray()
        self.closed = False

    def close(self) -> None:
        """Close at once, without a word."""
        self.closed = True
        self._socket.close()

    def readable(self) -> bool:
        """Whether the server has spoken, or hung up, without being asked.

        Asks for bytes instead of polling the socket: under TLS 1.3 a socket is readable for session tickets that are
        no bytes of ours.
        """
        if self._buffer:
            return True
        try:
            self._socket.settimeout(0)
            self._buffer += self._socket.recv(CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except (OSError, ValueError):
            return True  # the next reading says what is wrong
        return True

    def start_tls(self, context: ssl.SSLContext, name: str, timeout: float) -> None:
        """Go on under TLS. Raises TlsFailed, also for bytes received before: injected answers (CVE-2011-0411)."""
        if self._buffer:
            raise self._lost(
                TlsFailed(Phase.STARTTLS, "the server sent more than the reply to STARTTLS before TLS began")
            )
        self._socket.settimeout(timeout)
        try:
            self._socket = context.wrap_socket(self._socket, server_hostname=name)
        except (OSError, ValueError) as error:
            raise self._lost(TlsFailed(Phase.STARTTLS, f"no verified TLS connection: {error}")) from error

    def send(self, data: bytes, phase: Phase, timeout: float, deadline: float) -> None:
        """Hand over every byte to the kernel; each block has `timeout` seconds, all have until `deadline` (monotonic).

        When it raises, the last byte of `data` has not left: a call to the kernel either takes bytes or fails.
        """
        view = memoryview(data)
        try:
            while view:
                self._socket.settimeout(_left(timeout, deadline))
                view = view[self._socket.send(view[:CHUNK]) :]
        except (OSError, ValueError) as error:
            raise ConnectionLost(phase, f"sending failed: {error or type(error).__name__}") from error

    def read_reply(self, phase: Phase, timeout: float, deadline: float) -> Reply:
        """The next reply, within `timeout` seconds and before `deadline` (monotonic)."""
        return parse_reply(*self.read_lines(phase, timeout, deadline))

    def read_lines(self, phase: Phase, timeout: float, deadline: float) -> tuple[int, list[str]]:
        """The code of the next reply, and the text of each of its lines; of several codes the last one counts.

        Long lines are cut. A reply of more than 200 lines, and a line that is none of a reply, are a Desync.
        """
        end = min(time.monotonic() + timeout, deadline)
        texts: list[str] = []
        while len(texts) < MAX_REPLY_LINES:
            line = self._read_line(phase, end)
            found = _REPLY_LINE.fullmatch(line)
            if not found:
                raise self._lost(Desync(phase, f"not a reply: {line[:80]!r}"))
            texts.append((found[3] or b"").decode("utf-8", "replace"))
            if found[2] != b"-":
                return int(found[1]), texts
        raise self._lost(Desync(phase, f"a reply of more than {MAX_REPLY_LINES} lines"))

    def _read_line(self, phase: Phase, end: float) -> bytes:
        searched = 0
        while (at := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > MAX_LINE_READ:
                raise self._lost(Desync(phase, f"a line of more than {MAX_LINE_READ} bytes"))
            self._receive(phase, end)
        line = bytes(self._buffer[:at]).rstrip(b"\r")[:MAX_LINE_KEPT]
        del self._buffer[: at + 1]
        return line

    def _receive(self, phase: Phase, end: float) -> None:
        try:
            self._socket.settimeout(_left(float("inf"), end))
            data = self._socket.recv(CHUNK)
        except TimeoutError:
            raise self._lost(ConnectionLost(phase, "no reply in time")) from None
        except (OSError, ValueError) as error:
            raise self._lost(ConnectionLost(phase, f"the connection broke: {error}")) from error
        if not data:
            raise self._lost(ConnectionLost(phase, "the server closed the connection"))
        self._buffer += data

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


def _left(timeout: float, deadline: float) -> float:
    """Seconds for the next call. Raises TimeoutError when the deadline has passed."""
    left = min(timeout, deadline - time.monotonic())
    if left <= 0:
        raise TimeoutError("out of time")
    return left
