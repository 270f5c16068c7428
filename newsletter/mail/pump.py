"""Many connections to several relays, kept busy by one thread.

Whatever waits, waits alone: connections are opened in helper threads, because a name, a slow banner and a login may
each take minutes, and an open one only ever gets as many bytes as it takes at once.
"""

import contextlib
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from newsletter.mail.line import Line
from newsletter.mail.link import Link
from newsletter.mail.outcomes import Outcome, failed
from newsletter.mail.replies import Phase
from newsletter.mail.session import Parcel
from newsletter.mail.smtp import Security, SmtpConnection
from newsletter.mail.transport import Relay
from newsletter.mail.wire import ConnectionLost, SmtpError, Timeouts

__all__ = ["Ended", "Parcel", "Pump"]

IDLE = 30.0
SWEEP = 0.1


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a parcel, and which line it was on."""

    line: Hashable
    parcel: Parcel
    outcome: Outcome


class Pump:
    """Sends what is posted. For one thread, but for `wake`.

    `leaving` is told of a parcel just before the call to the kernel that may hand over its last byte: from then on,
    and until `known` is told of its outcome, it may have been taken. Before anything more leaves on its connection,
    `known` is: of what is in doubt there is never more than one parcel for each place of a connection.
    """

    def __init__(
        self,
        *,
        leaving: Callable[[Parcel], None],
        known: Callable[[Parcel, Outcome], None] = lambda _parcel, _outcome: None,
        helo: str = "",
        timeouts: Timeouts | None = None,
        context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._leaving = leaving
        self._known = known
        self._helo = helo
        self._timeouts = timeouts or Timeouts()
        self._context = context
        self._clock = clock
        self._lines: dict[Hashable, Line] = {}
        self._homes: dict[Link, Line] = {}
        self._ended: list[Ended] = []
        self._opened: deque[tuple[Line, Relay, SmtpConnection | SmtpError]] = deque()
        self._closed = False
        self._swept_at = 0.0
        self._selector = selectors.DefaultSelector()
        self._waking, self._awake = socket.socketpair()
        self._waking.setblocking(False)
        self._awake.setblocking(False)
        self._selector.register(self._awake, selectors.EVENT_READ, None)

    def line(self, key: Hashable, relay: Relay, *, connections: int, per_connection: int = 0) -> None:
        """Add a line, or change it: at most so many connections to a relay, and so many messages over each; 0 is to be
        found out.
        """
        if self._context is None and (relay.security is not Security.NONE or relay.user):
            self._context = ssl.create_default_context()
        if key in self._lines:
            self._lines[key].change(relay, connections=connections, per_connection=per_connection)
        else:
            self._lines[key] = Line(key, relay, connections=connections, per_connection=per_connection)

    def drop(self, key: Hashable) -> None:
        """Let a line go: what was posted is still sent, and then the relay is told goodbye."""
        if key in self._lines:
            self._lines[key].dropped = True

    def room(self, key: Hashable) -> int:
        """How many parcels could be posted now and keep the line busy; also those for connections not opened yet."""
        line = self._lines.get(key)
        return line.room(self._clock()) if line else 0

    def post(self, key: Hashable, parcel: Parcel) -> None:
        """Hand over a parcel; it begins in one of the next turns. Raises KeyError for a line that is not there."""
        line = self._lines[key]
        line.queue.append(parcel)
        line.in_hand += 1

    def in_hand(self) -> int:
        """How many parcels were posted and have not ended."""
        return sum(line.in_hand for line in self._lines.values())

    def turn(self, timeout: float) -> list[Ended]:
        """One turn of the loop, waiting `timeout` seconds at most for something to happen. Returns what has ended.

        Never raises for what the network or a server does.
        """
        now = self._clock()
        self._take_opened(now)
        for line in self._lines.values():
            if line.queue:
                self._advance(line, now)
        if self._ended:
            timeout = 0
        elif self._homes or self.in_hand():
            timeout = min(timeout, SWEEP)
        events = self._selector.select(timeout)
        now = self._clock()
        for key, mask in events:
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    self._awake.recv(4096)
            else:
                link: Link = key.data
                link.handle(mask, now)
                self._collect(link, now)
        if now - self._swept_at >= SWEEP:
            self._swept_at = now
            self._sweep(now)
        ended, self._ended = self._ended, []
        return ended

    def wake(self) -> None:
        """End the waiting of `turn`, from any thread."""
        with contextlib.suppress(OSError):
            self._waking.send(b"\0")

    def withdraw(self) -> list[Parcel]:
        """Take back what has not begun."""
        parcels: list[Parcel] = []
        for line in self._lines.values():
            parcels += line.queue
            line.in_hand -= len(line.queue)
            line.queue.clear()
        return parcels

    def close(self) -> list[Ended]:
        """End everything now, and say what became of what was posted. The pump is of no use afterwards."""
        self._closed = True
        now = self._clock()
        for link in list(self._homes):
            if not link.session.busy and not link.said_goodbye:
                link.say_goodbye(now)
            link.session.lose("we closed the connection")
            self._collect(link, now)
            link.close()
        self._homes.clear()
        for line in self._lines.values():
            self._end_queue(line, failed(ConnectionLost(Phase.IDLE, "sending was stopped")))
        self._lines.clear()
        self._selector.close()
        self._waking.close()
        self._awake.close()
        self._discard_opened()
        ended, self._ended = self._ended, []
        return ended

    def _advance(self, line: Line, now: float) -> None:
        """Begin what waits on a line where it can, and open connections for the rest."""
        for link in line.fed():
            link.begin(now)
            self._collect(link, now)
        for _ in range(line.to_open(now)):
            line.opening += 1
            threading.Thread(target=self._open, args=(line, line.relay), name="smtp-open", daemon=True).start()
        if line.down is not None:
            self._end_queue(line, line.down)

    def _open(self, line: Line, relay: Relay) -> None:
        """Open a connection, in a thread of its own."""
        result: SmtpConnection | SmtpError = ConnectionLost(Phase.CONNECT, "the connection could not be made")
        try:
            result = relay.connect(helo=self._helo, timeouts=self._timeouts, context=self._context)
        except SmtpError as error:
            result = error
        except ValueError as error:
            result = ConnectionLost(Phase.EHLO, str(error))
        finally:
            self._opened.append((line, relay, result))
            if self._closed:
                self._discard_opened()
            self.wake()

    def _discard_opened(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                *_, result = self._opened.popleft()
                if isinstance(result, SmtpConnection):
                    result.close()

    def _take_opened(self, now: float) -> None:
        while self._opened:
            line, relay, result = self._opened.popleft()
            line.opening -= 1
            if isinstance(result, SmtpError):
                line.not_opened(result, now)
                if line.down is not None:
                    self._end_queue(line, line.down)
            elif relay != line.relay:
                result.close()
            else:
                link = Link(
                    result,
                    self._timeouts,
                    self._selector,
                    supply=line.next_parcel,
                    leaving=self._leaving,
                    known=self._known,
                    now=now,
                )
                self._homes[link] = line
                line.joined(link)
                link.begin(now)
                self._collect(link, now)

    def _collect(self, link: Link, now: float) -> None:
        """Take up what became of the parcels of a connection, and of the connection itself."""
        line = self._homes[link]
        session = link.session
        if session.ended:
            line.in_hand -= len(session.ended)
            self._ended += [Ended(line.key, parcel, outcome) for parcel, outcome in session.ended]
            session.ended.clear()
            if session.served:
                line.works()
        if session.unharmed:
            line.queue.extendleft(reversed(session.unharmed))
            session.unharmed.clear()
        if session.closed:
            link.close()
            if not link.said_goodbye:
                line.left(link)
                line.ended(link, now)
        elif link.retiring and not session.busy:
            self._part(link, now)
        if link.gone:
            line.left(link)
            del self._homes[link]

    def _part(self, link: Link, now: float) -> None:
        """Say goodbye to a relay; the place of the connection is free at once."""
        if not link.said_goodbye:
            self._homes[link].left(link)
            link.say_goodbye(now)

    def _end_queue(self, line: Line, outcome: Outcome) -> None:
        line.in_hand -= len(line.queue)
        for parcel in line.queue:
            self._known(parcel, outcome)
            self._ended.append(Ended(line.key, parcel, outcome))
        line.queue.clear()

    def _sweep(self, now: float) -> None:
        """Give up what took too long, and let go what is not needed."""
        for link, line in list(self._homes.items()):
            idle = not link.session.busy
            if link.said_goodbye:
                if now - link.active_at > self._timeouts.quit:
                    link.close()
            elif now > link.session.deadline:
                link.lose("no reply in time")
            elif idle and (link.retiring or line.dropped or now - link.active_at > IDLE):
                self._part(link, now)
            self._collect(link, now)
        for line in list(self._lines.values()):
            line.forget_limit(now)
            if line.dropped and not (line.in_hand or line.links or line.opening):
                del self._lines[line.key]
