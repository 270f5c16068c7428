"""Accidents while an issue goes out, and the books afterwards: who got it, who says so, who got it twice."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sqlalchemy import select

from newsletter.delivery.models import Delivery, DeliveryStatus
from newsletter.subscriptions.models import Subscriber
from tests.support.books import audit
from tests.support.logged_relay import LoggedRelay
from tests.support.site import Site, shown, wait_for
from tests.support.small_disk import SmallDisk
from tests.support.workers import Workers

EVENTS: Final = ("kill", "broker", "database", "relay", "disk")
SENDERS = 2
ROLES: Final = (*(("worker", "bulk"),) * SENDERS, ("worker", "fast"), ("beat",))
TAKEN = (DeliveryStatus.SENT, DeliveryStatus.UNKNOWN)
OUTAGE = 0.5  # seconds that a server is away
STALL = 2.0
PAUSE = 2.5  # seconds without a message, in which the last outcomes are written and the issue is called sent
STEPS = 12  # how often time may be passed until everything is sent
LATER = 20.0  # minutes
LOG = 5000  # characters of the log that are shown

Accident = Callable[[], None]


@dataclass
class Verdict:
    """What the relay's log and the ledger say together, in readers.

    lost: not one message, and not `unknown`, `failed` or `skipped` either. twice: more than one. unlisted: more than
    one, and the delivery is not marked as repeated. unsaid: a message that came, of which the ledger does not know.
    """

    messages: int = 0
    taken: int = 0
    lost: int = 0
    twice: int = 0
    unlisted: int = 0
    unsaid: int = 0
    repeated: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    sums: list[str] = field(default_factory=list)
    status: str = ""
    restarts: int = 0
    seconds: float = 0.0

    @property
    def wrong(self) -> list[str]:
        """What must not be, in words; empty when every promise was kept."""
        found = [f"{name}: {getattr(self, name)}" for name in ("lost", "unlisted", "unsaid") if getattr(self, name)]
        return found + self.sums + ([] if self.status == "sent" else [f"the issue is {self.status}"])


class Storm:
    """`patience`: seconds without a message after which all processes are ended in order and live on later, when leases
    have run out and retries are due. When nothing but retries is left that happens at once.
    """

    def __init__(self, site: Site, relay: LoggedRelay, disk: SmallDisk, rng: random.Random, *, patience: float) -> None:
        self.site, self.relay, self.disk, self.rng = site, relay, disk, rng
        self.workers: Workers = site.workers(ROLES)
        self._patience = patience
        self._count = 0
        self._moved_at = 0.0
        self._has_moved = False  # since time was passed
        self._steps = 0

    def accidents(self, events: Sequence[str], kills: int) -> list[Accident]:
        """Those of these kinds, in an order by chance."""
        relay = self.relay
        of_kind: dict[str, list[Accident]] = {
            "kill": [self._kill] * kills,
            "broker": [self._broker],
            "database": [self._database],
            "relay": [
                relay.cut,
                partial(relay.stall, STALL),
                partial(relay.shut, STALL),
                partial(relay.cut_before_dot, 3),
                partial(relay.cut_after_dot, 3),
            ],
            "disk": [self._disk],
        }
        chosen = [accident for event in events for accident in of_kind[event]]
        self.rng.shuffle(chosen)
        return chosen

    def send(self, accidents: Sequence[Accident], *, told: Callable[[int], object] = lambda _count: None) -> Verdict:
        """Send what is new, have the accidents at moments spread over the sending, wait until the issue is out, and
        compare. `told` hears how many messages have come.
        """
        started = self._moved_at = time.monotonic()
        with self.workers:
            issue_id = self.site.send()
            audience = self._audience(issue_id)
            for number, accident in enumerate(accidents):
                goal = int(0.95 * audience * (number + self.rng.random()) / len(accidents)) + 1
                while self._look(told) < goal:
                    self._be_patient(issue_id)
                time.sleep(self.rng.uniform(0, 0.01))
                accident()
            while self._status(issue_id) not in ("sent", "cancelled"):
                self._look(told)
                self._be_patient(issue_id)
        verdict = self._compare(issue_id)
        verdict.restarts, verdict.seconds = self.workers.restarts, time.monotonic() - started
        return verdict

    def _audience(self, issue_id: int) -> int:
        frozen: Callable[[], int] = lambda: sum(self.site.counts(issue_id).values())  # noqa: E731
        return int(wait_for(frozen, 60, why=lambda: self.site.service.log))

    def _look(self, told: Callable[[int], object]) -> int:
        count = self.relay.count
        if count != self._count:
            self._count, self._moved_at, self._has_moved = count, time.monotonic(), True
            told(count)
        return count

    def _be_patient(self, issue_id: int) -> None:
        time.sleep(0.005)
        still = time.monotonic() - self._moved_at
        done = self._has_moved and still > PAUSE and self._only_retries_are_left(issue_id)
        if still < self._patience and not done:
            return
        self._steps += 1
        assert self._steps < STEPS, f"{shown(self.site.counts(issue_id))}\n{self.site.service.log[-LOG:]}"
        self.workers.stop()
        self.site.pass_time(minutes=LATER)
        self.workers.environment = dict(self.site.service.environment)
        self.workers.start()
        self._moved_at, self._has_moved = time.monotonic(), False

    def _only_retries_are_left(self, issue_id: int) -> bool:
        counts = self.site.counts(issue_id)
        return not counts[DeliveryStatus.QUEUED] and not counts[DeliveryStatus.SENDING]

    def _status(self, issue_id: int) -> str:
        return self.site.status(issue_id)

    def _kill(self) -> None:
        number = self.rng.randrange(SENDERS)
        wait_for(lambda: self.workers.kill(number), OUTAGE * 20, poll=0.01, why=lambda: self.site.service.log[-LOG:])

    def _broker(self) -> None:
        assert self.site.broker
        self.site.broker.empty()
        self.site.broker.stop()
        time.sleep(OUTAGE)
        self.site.broker.start()

    def _database(self) -> None:
        assert self.site.postgres
        self.site.postgres.stop()
        time.sleep(OUTAGE)
        self.site.postgres.start()

    def _disk(self) -> None:
        pids = list(self.workers.pids.values())
        self.disk.fill(pids)
        time.sleep(STALL)
        self.disk.free(pids)

    def _compare(self, issue_id: int) -> Verdict:
        query = (
            select(Subscriber.email, Delivery.status, Delivery.repeated)
            .join(Delivery, Delivery.subscriber_id == Subscriber.id)
            .where(Delivery.issue_id == issue_id)
        )
        with self.site.engine.connect() as connection:
            rows = connection.execute(query).all()
        taken = self.relay.taken
        times = Counter(item.recipient for item in taken)
        emails = {row.email for row in rows}
        ended = (*TAKEN, DeliveryStatus.FAILED, DeliveryStatus.SKIPPED)
        silent = {DeliveryStatus.UNKNOWN, DeliveryStatus.FAILED, DeliveryStatus.SKIPPED}
        verdict = Verdict(messages=len(rows), taken=len(taken), status=self._status(issue_id))
        verdict.lost = sum(row.status not in (silent if not times[row.email] else ended) for row in rows)
        verdict.twice = sum(times[row.email] > 1 for row in rows)
        verdict.unlisted = sum(times[row.email] > 1 and not row.repeated for row in rows)
        verdict.unsaid = sum(times[row.email] > 0 and row.status not in TAKEN for row in rows)
        verdict.unsaid += sum(email not in emails for email in times)
        verdict.repeated = sum(row.repeated for row in rows)
        verdict.statuses = dict(Counter(row.status.value for row in rows))
        verdict.sums = audit(self.site.engine)
        copies: dict[str, set[str]] = {}
        for item in taken:
            copies.setdefault(item.recipient, set()).add(item.message_id)
        if changed := sum(len(ids) > 1 for ids in copies.values()):
            verdict.sums.append(f"{changed} readers got a repeated message under another Message-ID")
        return verdict


def describe(verdict: Verdict) -> dict[str, Any]:
    """As data."""
    return {**vars(verdict), "wrong": verdict.wrong, "seconds": round(verdict.seconds, 1)}
