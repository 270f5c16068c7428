"""The sending process: one thread writes messages and drives the connections, another keeps the books.

    clerk (database)  -- stock: taken and committed -->  engine (messages, connections)
    clerk             <-- ended, given back ----------   engine

Nothing leaves before the commit that says it is in hand. Between that and the commit of its outcome the journal knows
how far it has come, so a process killed at any moment loses nobody, and repeats at most what was between its final dot
and the reply.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from newsletter.delivery import claim, journal
from newsletter.delivery.clerk import Clerk
from newsletter.delivery.office import InHand, Office
from newsletter.mail.outcomes import Outcome
from newsletter.mail.pump import Ended, Pump
from newsletter.mail.session import Parcel

log = logging.getLogger(__name__)

SLOTS = 4000  # deliveries in hand at most
FLUSH = 0.25  # seconds from an outcome to its commit, about
AHEAD = 0.3  # seconds of work in stock: what is in stock is too late for a pause or an unsubscribe
MOST_STOCK = 1500
STALE = 0.6  # seconds in stock after which a delivery is given back, so that its reader is looked up again
WITHDRAWAL = 0.5  # seconds between two looks at what waits for a connection
LAST_WORDS = 20.0  # seconds that messages on their way are given when the process is to stop
LINGER = 0.5  # seconds without work before the engine ends
RETRIES = (0.2, 0.5, 1.0, 2.0)  # seconds between two tries to reach a database that is away


class Engine:
    """Sends what is due until nothing is, or until `stopping` says so. One in a process.

    `pump` is made with the functions that it has to call before a message can have left, and as soon as it has ended.
    """

    def __init__(self, office: Office, pump: Callable[..., Pump], *, stopping: Callable[[], bool]) -> None:
        self._office = office
        self._journal = journal.Journal(office.journals, SLOTS)
        self._clerk = Clerk(office, self._journal)
        self._pump = pump(leaving=self._leaving, known=self._known)
        self._stopping = stopping
        self._lines: dict[int, deque[InHand]] = {}
        self._relays: dict[int, object] = {}
        self._poke = threading.Event()
        self._finished = threading.Event()
        self._pace = 0.0
        self._counted, self._counted_at = 0, monotonic()
        self._withdrawn_at = monotonic()

    def run(self) -> None:
        """Work until nothing is due; when it is to stop, until what is on the way has ended, but not for ever."""
        clerk = threading.Thread(target=self._keep_books, name="clerk", daemon=True)
        clerk.start()
        try:
            self._send()
        finally:
            for ended in self._pump.close():
                self._end(ended)
            for line in self._lines.values():
                self._clerk.stock.extend(line)
            self._clerk.stopping = True
            self._finished.set()
            self._poke.set()
            clerk.join()
            self._journal.close(keep=not self._clerk.empty)

    def _send(self) -> None:
        quiet_since = monotonic()
        ends = float("inf")
        while monotonic() < ends:
            if not self._clerk.stopping and self._stopping():
                self._clerk.stopping = True
                ends = monotonic() + LAST_WORDS
            self._post()
            waits = self._pump.in_hand() > 0
            for ended in self._pump.turn(0.05 if waits or not self._clerk.dry else 0.1):
                self._end(ended)
            self._withdraw()
            self._ask_for_more()
            if waits or self._clerk.stock or any(self._lines.values()):
                quiet_since = monotonic()
            elif self._clerk.stopping or (self._is_done() and monotonic() - quiet_since > LINGER):
                return

    def _is_done(self) -> bool:
        return self._clerk.dry and self._clerk.empty and not self._clerk.unwritten

    def _post(self) -> None:
        """Write the messages for which there is room on a connection, and send them on their way."""
        stock = self._clerk.stock
        while stock:
            item = stock.popleft()
            self._lines.setdefault(item.relay_id, deque()).append(item)
        now = monotonic()
        late = now - self._clerk.renewed_at > self._office.lease.total_seconds() / 2
        for relay_id, line in self._lines.items():
            self._set_line(relay_id)
            room = self._pump.room(relay_id)
            while line:
                if self._must_go_back(line[0], now, late=late):
                    self._clerk.give_back(line.popleft())
                elif room > 0:
                    room -= self._post_one(relay_id, line.popleft())
                else:
                    break

    def _must_go_back(self, item: InHand, now: float, *, late: bool) -> bool:
        """Whether a delivery in stock may not begin: its batch was stopped, it is stale, or our lease may be over."""
        return late or item.held.stopped or self._clerk.stopping or now - item.taken_at > STALE

    def _post_one(self, relay_id: int, item: InHand) -> int:
        try:
            envelope, message = item.prepared.write(item.reader, item.delivery_id)
        except ValueError as error:
            self._clerk.unwritable(item, error)
            return 0
        self._pump.post(relay_id, Parcel(item, envelope, message, dotless=True))
        return 1

    def _set_line(self, relay_id: int) -> None:
        """Tell the pump what a relay is and how many connections are ours, when that has changed."""
        wanted = self._clerk.relays.get(relay_id)
        if wanted != self._relays.get(relay_id) and wanted is not None:
            relay, connections, per_connection = wanted
            self._pump.line(relay_id, relay, connections=connections, per_connection=per_connection)
            self._relays[relay_id] = wanted

    def _leaving(self, parcel: Parcel) -> None:
        self._journal.leaving(parcel.key.slot)

    def _known(self, parcel: Parcel, outcome: Outcome) -> None:
        self._journal.ended(parcel.key.slot, outcome)

    def _end(self, ended: Ended) -> None:
        self._clerk.ended(ended.parcel.key, ended.outcome)
        self._counted += 1

    def _withdraw(self) -> None:
        """Take back what waits for a connection: a slow relay must not keep a reader who has left from leaving."""
        now = monotonic()
        if now - self._withdrawn_at < WITHDRAWAL and not self._clerk.stopping:
            return
        self._withdrawn_at = now
        for parcel in self._pump.withdraw():
            self._clerk.give_back(parcel.key)

    def _ask_for_more(self) -> None:
        """Keep as much in stock as leaves in AHEAD seconds, and see that outcomes do not wait."""
        now = monotonic()
        if now - self._counted_at >= FLUSH:
            self._pace = self._counted / (now - self._counted_at)
            self._counted, self._counted_at = 0, now
        rooms = sum(self._pump.room(relay_id) for relay_id in self._relays) if self._relays else 16
        target = min(MOST_STOCK, max(int(self._pace * AHEAD), 2 * rooms, 8))
        stock = len(self._clerk.stock) + sum(map(len, self._lines.values()))
        self._clerk.wanted = max(0, target - stock)
        if (stock <= target * 2 // 3 and not self._clerk.dry) or self._clerk.unwritten >= MOST_STOCK // 2:
            self._poke.set()

    def _keep_books(self) -> None:
        """The clerk's thread: a cycle when there is need, and at least every FLUSH seconds; the last one when the
        engine has ended.
        """
        failures = 0
        while True:
            last = self._finished.is_set()
            try:
                if last:
                    self._clerk.give_all_back()
                self._clerk.cycle()
            except Exception as error:
                # Above all a database that is away. Whatever it is, what is known waits here and in the journal.
                failures += 1
                log.log(
                    logging.WARNING if failures == 1 else logging.DEBUG,
                    "outcomes wait for the database: %s",
                    error,
                    exc_info=not isinstance(error, DBAPIError | PoolTimeoutError),
                )
                if last and failures > len(RETRIES):
                    log.error("the journal %s keeps what the database does not know", self._journal.name)
                    return
                self._finished.wait(RETRIES[min(failures, len(RETRIES)) - 1])
                continue
            failures = 0
            self._pump.wake()
            if last:
                return
            self._poke.wait(FLUSH)
            self._poke.clear()


def sweep_journals(office: Office) -> None:
    """Remove the journals of workers that are gone and of which nothing is left to settle."""
    gone = journal.survey(office.journals).gone
    if gone:
        with office.database.reading() as session:
            needed = claim.holders(session)
        for name in set(gone) - needed:
            journal.remove(office.journals, name)
