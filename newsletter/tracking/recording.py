"""Writing down that a link was followed or a message opened, without ever keeping the reader waiting.

The row is written at once where that takes a moment; otherwise it waits in memory and is written later. What is lost
when a process is killed in between is a count, and no reader notices.
"""

import logging
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import insert
from sqlalchemy.exc import SQLAlchemyError

from newsletter.core.database import Database
from newsletter.tracking.agents import Sort, family_of, network_of, sort_of
from newsletter.tracking.counting import ONCE_A_NETWORK
from newsletter.tracking.models import EngagementEvent
from newsletter.tracking.words import Manner

log = logging.getLogger(__name__)

MOST_WAITING: Final = 10_000  # events in memory, of some hundred bytes
MOST_RECENT: Final = 10_000
RETRY: Final = 1.0  # seconds
LATER: Final = 50  # events that are written at a time while the database is busy


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a link or a pixel (`number` 0). `delivery_id` 0: nobody knows whose."""

    issue_id: int
    newsletter_id: int
    number: int
    delivery_id: int
    at: datetime
    manner: Manner
    family: str
    network: str


def asked(
    *,
    issue_id: int,
    newsletter_id: int,
    number: int,
    delivery_id: int,
    at: datetime,
    method: str,
    purpose: str,
    user_agent: str,
    address: str,
) -> Asked:
    """What a request says, cut to what may be kept. `purpose`: what a program says of why it asks."""
    manner = Manner.HEAD if method == "HEAD" else Manner.GET
    if manner is Manner.GET and any(word in purpose.lower() for word in ("prefetch", "preview")):
        manner = Manner.AHEAD
    return Asked(issue_id, newsletter_id, number, delivery_id, at, manner, family_of(user_agent), network_of(address))


class Recorder:
    """Writes events of one process; safe for several threads. `record` neither raises nor waits for long."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[dict[str, Any]] = deque(maxlen=MOST_WAITING)
        self._recent: OrderedDict[tuple[object, ...], datetime] = OrderedDict()
        self._lock = threading.Lock()
        self._writer: threading.Thread | None = None

    def record(self, event: Asked) -> None:
        if self._is_repeated(event):
            return
        row = _row(event)
        if self._writer is None:
            try:
                with self._database.hurried() as session:
                    session.execute(insert(EngagementEvent), [row])
                return
            except SQLAlchemyError as error:
                log.info("an event is written later: %s", type(error).__name__)
        self._put_off(row)

    @property
    def waiting(self) -> int:
        """Events that are not written yet."""
        return len(self._waiting)

    def _is_repeated(self, event: Asked) -> bool:
        """Whether the same was asked for a moment ago: it would not be counted, and a storm of it must fill no table.

        A mail service that loads pictures for nobody in particular does so for many readers.
        """
        if not event.delivery_id and sort_of(event.family) in (Sort.PROXY, Sort.APPLE):
            return False
        key = (event.issue_id, event.number, event.delivery_id, event.manner, event.family, event.network)
        with self._lock:
            before = self._recent.get(key)
            if before is not None and event.at - before < ONCE_A_NETWORK:
                return True
            self._recent[key] = event.at
            self._recent.move_to_end(key)
            if len(self._recent) > MOST_RECENT:
                self._recent.popitem(last=False)
        return False

    def _put_off(self, row: dict[str, Any]) -> None:
        with self._lock:
            self._waiting.append(row)
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_later, name="events", daemon=True)
                self._writer.start()

    def _write_later(self) -> None:
        pause = threading.Event()
        while True:
            with self._lock:
                rows = [self._waiting.popleft() for _turn in range(min(LATER, len(self._waiting)))]
                if not rows:
                    self._writer = None
                    return
            try:
                with self._database.unit() as session:
                    session.execute(insert(EngagementEvent), rows)
            except SQLAlchemyError as error:
                log.warning("events wait for the database: %s", type(error).__name__)
                with self._lock:
                    self._waiting.extendleft(reversed(rows[: MOST_WAITING - len(self._waiting)]))
                pause.wait(RETRY)


def _row(event: Asked) -> dict[str, Any]:
    return {
        "issue_id": event.issue_id,
        "newsletter_id": event.newsletter_id,
        "number": event.number,
        "delivery_id": event.delivery_id or None,
        "at": event.at,
        "day": event.at.astimezone(UTC).date(),
        "manner": event.manner,
        "family": event.family,
        "network": event.network,
    }
