"""One open connection on an event loop: moves bytes between its socket and what is said on it, and never waits."""

import contextlib
import selectors
import socket
import ssl
from collections.abc import Callable

from newsletter.mail.outcomes import Outcome
from newsletter.mail.session import Parcel, Session
from newsletter.mail.smtp import SmtpConnection
from newsletter.mail.wire import Timeouts

TLS_RECORD = 16 * 1024
REPLIES = TLS_RECORD  # a whole record is read at once, so that none waits where no selector sees it

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Link:
    """A connection that was opened and logged in elsewhere, from now on without waiting.

    `supply` is asked for the next parcel, `leaving` told of each that may be complete once the next bytes have left,
    and `known` of what became of it at once; that is in `session` too. `retiring` says that no more are to begin here;
    `active_at` is when something happened last that was not the end.
    """

    def __init__(
        self,
        connection: SmtpConnection,
        timeouts: Timeouts,
        selector: selectors.BaseSelector,
        *,
        supply: Callable[["Link"], Parcel | None],
        leaving: Callable[[Parcel], None],
        known: Callable[[Parcel, Outcome], None],
        now: float,
    ) -> None:
        self.session = Session(
            connection.extensions,
            timeouts,
            lambda: supply(self),
            leaving=leaving,
            known=known,
            round_trip=connection.round_trip,
        )
        self.begun = 0
        self.retiring = False
        self.active_at = now
        self.said_goodbye = False
        self._socket: socket.socket = connection.wire.socket
        self._secure = self._socket if isinstance(self._socket, ssl.SSLSocket) else None
        self._selector = selector
        self._watched = _READ
        self._socket.setblocking(False)
        selector.register(self._socket, _READ, self)
        if connection.wire.unread:
            self.session.lose("the server spoke unasked", desync=True)

    @property
    def gone(self) -> bool:
        """Whether the socket has been closed."""
        return self._socket.fileno() < 0

    def begin(self, now: float) -> None:
        """Send what is waiting, if it may. Whatever an idle server has said is read first, lest it pass for an
        answer.
        """
        if not self.session.busy:
            self._receive(now)
        self.session.begin(now)
        if self.session.out:
            self.active_at = now
            self._send(now)

    def handle(self, mask: int, now: float) -> None:
        """Do what the socket is ready for."""
        if self.said_goodbye:
            self.close()
            return
        if mask & _READ:
            self._receive(now)
        if self.session.out and (mask & _WRITE or not self._watched & _WRITE):
            self._send(now)
        if not self.session.closed:
            self.active_at = now

    def lose(self, detail: str) -> None:
        """Give the connection up."""
        self.session.lose(detail)

    def say_goodbye(self, now: float) -> None:
        """QUIT, without waiting for the answer."""
        self.said_goodbye = True
        self.active_at = now
        try:
            self._socket.send(b"QUIT\r\n")
        except (OSError, ValueError):
            self.close()

    def close(self) -> None:
        """Close without a word."""
        if not self.gone:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(self._socket)
            self._socket.close()

    def _receive(self, now: float) -> None:
        try:
            data = self._socket.recv(REPLIES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except ssl.SSLWantWriteError:
            self._watch(_READ | _WRITE)
            return
        except (OSError, ValueError) as error:
            self.session.lose(f"the connection broke: {error}")
            return
        if data:
            self.session.feed(data, now)
        else:
            self.session.lose("the server closed the connection")

    def _send(self, now: float) -> None:
        session = self.session
        out = session.out
        while out:
            try:
                if self._secure is None:
                    size = out.size
                    out.about_to_send(size)
                    taken = self._socket.sendmsg(out.pieces)
                else:
                    block = out.block(TLS_RECORD)
                    size = len(block)
                    out.about_to_send(size)
                    taken = self._secure.send(block)
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._watch(_READ | _WRITE)
                return
            except ssl.SSLWantReadError:
                self._watch(_READ)
                return
            except (OSError, ValueError) as error:
                self._receive(now)  # perhaps a refusal in the middle of the message, before the server hung up
                session.lose(f"sending failed: {error}")
                return
            session.took(taken, now)
            if taken < size:
                self._watch(_READ | _WRITE)
                return
        self._watch(_READ)

    def _watch(self, mask: int) -> None:
        if mask != self._watched:
            self._watched = mask
            self._selector.modify(self._socket, mask, self)
