"""The server that bounces, complaints and wishes to leave are delivered to, by SMTP or LMTP.

A client hears that a message was taken only after it is in the database. Many are written by one transaction: those
that come while the last one is being committed wait together for the next.
"""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from queue import SimpleQueue

from sqlalchemy.exc import SQLAlchemyError

from newsletter.core.database import Database
from newsletter.feedback import inbox
from newsletter.feedback.inbox import Incoming
from newsletter.mail import mime, verp
from newsletter.mail.reception import Manners, Reception

log = logging.getLogger(__name__)

LARGEST = 60 * 1024 * 1024
PATIENCE = 300.0  # seconds (RFC 5321 section 4.5.3.2.7)
MOST_CONNECTIONS = 200
MOST_TOGETHER = 500
MOST_WAITING = 5000
NO_SUCH_USER = "550 5.1.1 no such address here"
TOO_MANY = b"421 4.3.2 too many connections\r\n"
SOURCE = "smtp"
# Where others may write without a token: complaints and summaries of authentication, and what every domain has.
ROLES = frozenset({"fbl", "dmarc", "tlsrpt", "postmaster", "abuse"})


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Which recipients are taken: addresses that hold a token of ours, and a few roles of our own domains. Anything
    else would only be junk to keep. `domains` tells ours, in lower case.
    """

    secret: bytes
    domains: Callable[[], frozenset[str]]

    def refuse(self, recipient: str) -> str | None:
        """Why a recipient is not taken, as a reply; None for one that is."""
        local, _at, domain = recipient.rpartition("@")
        if local.lower() in ROLES and domain.lower() in self.domains():
            return None
        tag = local.partition("+")[0].lower()
        if tag in (verp.DELIVERY, verp.TRANSACTIONAL, verp.UNSUBSCRIBE):
            return None if verp.parse_tagged(tag, recipient, self.secret) is not None else NO_SUCH_USER
        return NO_SUCH_USER


class Scribe:
    """Writes down what comes in, from a thread of its own; `write` tells when it is committed."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._waiting: SimpleQueue[tuple[list[Incoming], Future[None]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="scribe", daemon=True)
        self._thread.start()

    def write(self, incoming: list[Incoming]) -> Future[None]:
        """Done when it is in the database; raises OSError when it cannot be, so that the client tries again later."""
        done: Future[None] = Future()
        if self._waiting.qsize() > MOST_WAITING:
            done.set_exception(OSError("too much at once"))
        else:
            self._waiting.put((incoming, done))
        return done

    def stop(self) -> None:
        """Write what was given so far, and end."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            together = [first]
            stopping = False
            while len(together) < MOST_TOGETHER and not self._waiting.empty():
                item = self._waiting.get()
                if item is None:
                    stopping = True
                    break
                together.append(item)
            self._commit(together)
            if stopping:
                return

    def _commit(self, together: list[tuple[list[Incoming], Future[None]]]) -> None:
        try:
            with self._database.unit() as session:
                inbox.store(session, [item for incoming, _done in together for item in incoming], now=self._clock())
        except SQLAlchemyError as error:
            log.error("what came in cannot be written down: %s", type(error).__name__)
            for _incoming, done in together:
                done.set_exception(OSError("the database is not there"))
            return
        for _incoming, done in together:
            done.set_result(None)


class Server:
    """A running listener. `port` is where it listens; 0 for a Unix socket."""

    def __init__(self, listener: socket.socket, scribe: Scribe, doorkeeper: Doorkeeper, *, lmtp: bool) -> None:
        self._listener = listener
        self._scribe = scribe
        self._manners = Manners(
            name=_host_name(), lmtp=lmtp, kept=mime.MOST_BYTES, refuse=doorkeeper.refuse, patience=PATIENCE
        )
        self._open: set[asyncio.BaseTransport] = set()

    @property
    def port(self) -> int:
        name = self._listener.getsockname()
        return int(name[1]) if isinstance(name, tuple) else 0

    async def serve(self, stopped: asyncio.Event) -> None:
        """Answer until the event is set; connections that are open then are ended."""
        loop = asyncio.get_running_loop()
        make = loop.create_unix_server if self._listener.family == socket.AF_UNIX else loop.create_server
        server = await make(self._connection, sock=self._listener)
        await stopped.wait()
        server.close()
        for transport in list(self._open):
            transport.close()

    def _connection(self) -> asyncio.Protocol:
        return _Connection(self._keep, self._manners, self._open)

    def _keep(self, sender: str, recipients: list[str], message: bytes) -> asyncio.Future[None]:
        incoming = [Incoming(SOURCE, message, sender, recipient) for recipient in dict.fromkeys(recipients)]
        return asyncio.wrap_future(self._scribe.write(incoming))


class _Connection(Reception):
    """Known to its server while it lasts; one too many is turned away."""

    def __init__(
        self,
        keep: Callable[[str, list[str], bytes], asyncio.Future[None]],
        manners: Manners,
        opened: set[asyncio.BaseTransport],
    ) -> None:
        super().__init__(keep, LARGEST, manners)
        self._opened = opened
        self._own: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if len(self._opened) >= MOST_CONNECTIONS and isinstance(transport, asyncio.Transport):
            transport.write(TOO_MANY)
            transport.close()
            return
        self._own = transport
        self._opened.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._own is not None:
            self._opened.discard(self._own)
        super().connection_lost(error)


def _host_name() -> str:
    name = socket.getfqdn()
    return name if name.isascii() and "." in name else "localhost"
