"""The database side of sending: takes deliveries in hand and writes down what became of them, many at a time.

The clerk works in a thread of its own, so that a commit that waits for the disk, or a database that is away, holds up
no connection. What it hands over to the engine it has committed before; what the engine hands back it keeps until it
is committed.
"""

import logging
import random
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Protocol

from sqlalchemy.orm import Session

from newsletter.core.database import Database
from newsletter.delivery import bounces, claim, journal, lanes, ledger, tally
from newsletter.delivery.claim import Claim, Row
from newsletter.delivery.decide import Change, Taken, decide, not_begun
from newsletter.delivery.gate import Gate
from newsletter.delivery.models import SkipReason
from newsletter.delivery.personalise import Prepared, Recipient
from newsletter.mail.replies import Phase, ReplyClass
from newsletter.mail.transport import Outcome, OutcomeKind, Relay

log = logging.getLogger(__name__)

MOST_TAKEN = 1500
MOST_CLAIMED = 8
MOST_HELD = 64  # batches at a time: some wait for a slow domain while others go on
SYNC = 0.25  # seconds between two looks at what all workers share of the lanes
REVIEW = 0.5  # seconds between two looks at an issue as a whole
PATIENCE = 3.0  # seconds: a batch is kept for so long while nothing of it may leave


class Contents(Protocol):
    """Where the engine gets what a variant's messages share."""

    def prepared(self, session: Session, variant_id: int) -> Prepared: ...


class Recipients(Protocol):
    """Where the engine looks readers up, at the moment of sending."""

    def find_all(
        self,
        session: Session,
        subscriber_ids: Sequence[int],
        *,
        newsletter_id: int,
        issue_id: int,
        attributes: bool,
    ) -> Mapping[int, Recipient | SkipReason]: ...


class Review(Protocol):
    """What is to happen when deliveries of an issue have changed."""

    def __call__(self, session: Session, issue_id: int, *, now: datetime) -> object: ...


@dataclass(frozen=True, slots=True)
class Office:
    """What one sending process works with; `journals` is a directory of this machine."""

    database: Database
    contents: Contents
    recipients: Recipients
    gate: Gate
    review: Review
    journals: Path
    clock: Callable[[], datetime]
    rng: random.Random
    lease: timedelta = claim.LEASE


@dataclass(slots=True, eq=False)
class Held:
    """A batch in our hands: `waiting` rows are not taken yet. `stopped`: nothing of it may begin any more. `opens_at`
    (monotonic): when there is a way for any of what waits.
    """

    claim: Claim
    waiting: deque[Row]
    in_hand: int = 0
    stopped: bool = False
    lost: bool = False
    opens_at: float = 0.0


@dataclass(slots=True, eq=False)
class InHand:
    """A delivery in `sending`, from the commit that took it to the commit that settles it."""

    delivery_id: int
    held: Held
    attempts: int
    repeated: bool
    reader: Recipient
    prepared: Prepared
    relay_id: int
    slot: int = -1
    unwritable: bool = False
    taken_at: float = field(default_factory=monotonic)

    def taken(self) -> Taken:
        batch = self.held.claim
        return Taken(self.delivery_id, self.attempts, self.repeated, batch.resend_unknown, batch.expires_at)


class Clerk:
    """One turn of work is `cycle`; the rest is for the engine's thread, and waits for nothing.

    `wanted`: how many deliveries the engine would like to be given. `dry`: nothing could be taken at the last look.
    `relays`: by id, where it is, how many connections are ours, and how many messages each may carry (0: to be learned).
    """

    def __init__(self, office: Office, notes: journal.Journal) -> None:
        self.wanted = 0
        self.dry = False
        self.stopping = False
        self.renewed_at = monotonic()
        self.relays: Mapping[int, tuple[Relay, int, int]] = {}
        self.stock: deque[InHand] = deque()
        self._office = office
        self._journal = notes
        self._held: list[Held] = []
        self._ended: deque[tuple[InHand, Outcome]] = deque()
        self._returned: deque[InHand] = deque()
        self._workers = claim.Workers()
        self._touched: set[int] = set()
        self._bounced: set[int] = set()
        self._synced_at = self._reviewed_at = float("-inf")

    @property
    def empty(self) -> bool:
        """Whether it holds nothing, so that nothing would be lost if the process ended now."""
        return not self._held

    @property
    def unwritten(self) -> int:
        """How many outcomes the database does not know yet."""
        return len(self._ended) + len(self._returned)

    def ended(self, item: InHand, outcome: Outcome) -> None:
        """A message has come to its end."""
        self._journal.ended(item.slot, outcome)
        self._ended.append((item, outcome))

    def unwritable(self, item: InHand, error: ValueError) -> None:
        """One reader's data cannot be written: that delivery fails alone."""
        log.warning("delivery %d cannot be written: %s", item.delivery_id, error)
        item.unwritable = True
        detail = f"message not written: {error}"
        self.ended(item, Outcome(OutcomeKind.REJECTED, None, Phase.MAIL, ReplyClass.MESSAGE, detail))

    def give_back(self, item: InHand) -> None:
        """A message that was not begun."""
        self._returned.append(item)

    def give_all_back(self) -> None:
        """Everything in stock; only when the engine has ended."""
        while self.stock:
            self.give_back(self.stock.popleft())

    def cycle(self) -> None:
        """Write what is known, give back what is done, take what is wanted.

        Raises what the database raises. Then nothing has happened, nothing is forgotten, and it is to be called again.
        """
        now = self._office.clock()
        turn = _Turn(list(self._ended), list(self._returned))
        if monotonic() - self._synced_at >= SYNC:
            self._workers = claim.Workers(*journal.survey(self._office.journals))
            with self._office.database.unit() as session:
                if self._workers.gone:
                    lanes.forget_shares(session, self._workers.gone)
                self._office.gate.sync(session, holder=self._journal.name, now=now)
            self.relays = dict(self._office.gate.relays())
            self._synced_at = monotonic()
        with self._office.database.unit() as session:
            self._renew(session, now)
            self._settle(session, turn, now)
            self._let_go(session, turn, now)
            if not self.stopping:
                self._take(session, turn, now)
            elif not turn.kept:
                lanes.forget_shares(session, [self._journal.name])
        self._commit(turn)
        if turn.suppressed:
            with self._office.database.unit() as session:
                bounces.withdraw(session, turn.suppressed, now=now)
        self._review(now)

    def _review(self, now: datetime) -> None:
        """Let the issues look at what has become of them: done, ready for the next wave, or to be stopped."""
        if self._touched and (self.stopping or monotonic() - self._reviewed_at >= REVIEW):
            if self._bounced:
                with self._office.database.unit() as session:
                    bounces.withdraw(session, self._bounced, now=now)
                self._bounced.clear()
            with self._office.database.unit() as session:
                for issue_id in sorted(self._touched):
                    self._office.review(session, issue_id, now=now)
            self._touched.clear()
            self._reviewed_at = monotonic()

    def _renew(self, session: Session, now: datetime) -> None:
        """Keep the leases, and hear whether a batch has been paused, cancelled or lost."""
        if not self._held:
            return
        ids = [held.claim.batch_id for held in self._held]
        renewed = claim.renew(session, ids, holder=self._journal.name, now=now, lease=self._office.lease)
        for held in self._held:
            state = renewed.get(held.claim.batch_id)
            held.lost = state is None
            held.stopped = self.stopping or state is None or state.held
            if state is not None and state.expires_at != held.claim.expires_at:
                held.claim = replace(held.claim, expires_at=state.expires_at, resend_unknown=state.resend_unknown)

    def _settle(self, session: Session, turn: "_Turn", now: datetime) -> None:
        """Write down what became of the deliveries in hand. Those of a lost batch are another worker's by now."""
        changes: dict[int, list[Change]] = {}
        for item, outcome in turn.ended:
            change = decide(item.taken(), outcome, now=now, rng=self._office.rng)
            changes.setdefault(item.held.claim.batch_id, []).append(change)
            turn.settled[item.held] += 1
            turn.touched.add(item.held.claim.issue_id)
        for item in turn.returned:
            changes.setdefault(item.held.claim.batch_id, []).append(not_begun(item.delivery_id))
            turn.settled[item.held] += 1
        ours = {held.claim.batch_id for held in self._held if not held.lost}
        ledger.settle(session, {batch_id: changes[batch_id] for batch_id in ours & changes.keys()}, now=now)
        known = [(item, outcome) for item, outcome in turn.ended if not item.held.lost and not item.unwritable]
        ledger.note_attempts(session, ((item.delivery_id, outcome) for item, outcome in known), now=now)
        counted = ((item.held.claim, item.reader.domain, outcome) for item, outcome in known)
        tally.count(session, ((of.batch_id, of.issue_id, domain, outcome) for of, domain, outcome in counted))
        refusals = [
            bounces.Refusal(
                item.delivery_id, item.held.claim.issue_id, item.reader.email, item.reader.domain, outcome.detail
            )
            for item, outcome in known
            if bounces.is_hard(outcome)
        ]
        if refusals:
            turn.suppressed = bounces.take(session, refusals, now=now)

    def _let_go(self, session: Session, turn: "_Turn", now: datetime) -> None:
        """Give back the batches that are not ours any more after this turn: done, stopped, or shut for too long."""
        released: dict[int, datetime | None] = {}
        for held in self._held:
            if not held.lost and now >= held.claim.expires_at:
                ledger.expire(session, held.claim.batch_id, now=now)
                held.stopped = True
            shut_for = held.opens_at - monotonic() if held.waiting else 0.0
            needed = held.waiting and not held.stopped and shut_for < PATIENCE
            if held.in_hand > turn.settled[held] or needed:
                turn.kept.append(held)
            elif not held.lost:
                released[held.claim.batch_id] = now + timedelta(seconds=shut_for) if shut_for > 0 else None
        if released:
            claim.release(session, released, holder=self._journal.name, now=now)

    def _take(self, session: Session, turn: "_Turn", now: datetime) -> None:
        """Take deliveries in hand, as many as are wanted: of the batches we hold, then of new ones."""
        places = any(connections for _, connections, _ in self.relays.values())
        room = min(self.wanted, self._journal.room, MOST_TAKEN) if places else 0
        turn.dry = not places
        batches = [held for held in turn.kept if not held.stopped and held.opens_at <= monotonic()]
        while room > len(turn.taken):
            rows = turn.read(batches, room - len(turn.taken))
            if rows:
                self._take_rows(session, rows, turn, now)
                continue
            batches = self._claim(session, turn, now)
            if not batches:
                turn.dry = not turn.taken
                return

    def _claim(self, session: Session, turn: "_Turn", now: datetime) -> list[Held]:
        """The next batches that are due, with what their last worker left in them settled."""
        office = self._office
        most = min(MOST_CLAIMED, MOST_HELD - len(turn.kept))
        taken = (
            claim.claim(
                session, holder=self._journal.name, now=now, most=most, lease=office.lease, workers=self._workers
            )
            if most > 0
            else []
        )
        for batch in taken:
            turn.touched.add(batch.issue_id)
            if batch.abandoned_by:
                entries = journal.read(office.journals, batch.abandoned_by)
                claim.settle_abandoned(session, batch, entries, now=now, rng=office.rng)
            if now >= batch.expires_at:
                ledger.expire(session, batch.batch_id, now=now)
        rows = claim.due_rows(session, [batch.batch_id for batch in taken], now=now) if taken else {}
        held = [Held(batch, deque(rows[batch.batch_id])) for batch in taken]
        turn.kept += held
        return held

    def _take_rows(self, session: Session, rows: list[tuple[Held, Row]], turn: "_Turn", now: datetime) -> None:
        """Take the deliveries whose readers are still there and whose way is open."""
        office = self._office
        variants = {row.variant_id: office.contents.prepared(session, row.variant_id) for _, row in rows}
        readers = self._find(session, rows, variants)
        gone: dict[int, SkipReason] = {}
        admitted: dict[int, InHand] = {}
        shut: dict[Held, float] = {}
        for held, row in rows:
            reader = readers[row.delivery_id]
            if isinstance(reader, SkipReason):
                gone[row.delivery_id] = reader
                continue
            prepared = variants[row.variant_id]
            way = {"sender_domain": prepared.sender_domain, "recipient_domain": reader.domain}
            relay_id = office.gate.admit(**way, now=now)
            if relay_id is None:
                turn.refused.setdefault(held, []).append(row)
                if held not in shut:
                    shut[held] = (office.gate.reopens(**way, now=now) - now).total_seconds()
            else:
                admitted[row.delivery_id] = InHand(
                    row.delivery_id, held, row.attempts + 1, row.repeated, reader, prepared, relay_id
                )
        ledger.skip(session, gone, now=now)
        states = {row.delivery_id: (held.claim.batch_id, row.status) for held, row in rows}
        ours = ledger.take(session, {delivery_id: states[delivery_id] for delivery_id in admitted}, now=now)
        for item in admitted.values():
            if item.delivery_id in ours:
                turn.taken.append(item)
            else:
                office.gate.give_back(item.relay_id, item.reader.domain)
        turn.opens_at |= {held: monotonic() + seconds for held, seconds in shut.items()}

    def _find(
        self, session: Session, rows: list[tuple[Held, Row]], variants: Mapping[int, Prepared]
    ) -> dict[int, Recipient | SkipReason]:
        """The readers of these deliveries, by delivery: one question for each issue among them."""
        asked: dict[tuple[int, int], list[Row]] = {}
        for held, row in rows:
            asked.setdefault((held.claim.newsletter_id, held.claim.issue_id), []).append(row)
        found: dict[int, Recipient | SkipReason] = {}
        for (newsletter_id, issue_id), of_issue in asked.items():
            readers = self._office.recipients.find_all(
                session,
                [row.subscriber_id for row in of_issue],
                newsletter_id=newsletter_id,
                issue_id=issue_id,
                attributes=any(variants[row.variant_id].fields for row in of_issue),
            )
            found |= {row.delivery_id: readers[row.subscriber_id] for row in of_issue}
        return found

    def _commit(self, turn: "_Turn") -> None:
        """What the turn did is in the database: now it has happened."""
        for item, outcome in turn.ended:
            self._ended.popleft()
            self._journal.free(item.slot)
            if item.unwritable:
                self._office.gate.give_back(item.relay_id, item.reader.domain)
            else:
                self._office.gate.note(item.relay_id, item.reader.domain, outcome, self._office.clock())
        for item in turn.returned:
            self._returned.popleft()
            self._journal.free(item.slot)
            self._office.gate.give_back(item.relay_id, item.reader.domain)
        for held, count in turn.settled.items():
            held.in_hand -= count
        for held, count in turn.seen.items():
            for _ in range(count):
                held.waiting.popleft()
            # Nothing but what was refused is left: it has to wait for its way to open.
            held.opens_at = 0.0 if held.waiting else turn.opens_at.get(held, 0.0)
            held.waiting.extend(turn.refused.get(held, ()))
        for item in turn.taken:
            item.slot = self._journal.take(item.delivery_id)
            item.held.in_hand += 1
        self._touched |= turn.touched
        self._bounced.update(turn.bounced)
        self._held = turn.kept
        self.dry = turn.dry
        self.renewed_at = monotonic()
        self.stock.extend(turn.taken)


@dataclass(slots=True)
class _Turn:
    """What one turn is about to do; it counts for nothing until the commit."""

    ended: list[tuple[InHand, Outcome]]
    returned: list[InHand]
    bounced: list[int] = field(default_factory=list)
    settled: Counter[Held] = field(default_factory=Counter)
    kept: list[Held] = field(default_factory=list)
    taken: list[InHand] = field(default_factory=list)
    seen: Counter[Held] = field(default_factory=Counter)
    refused: dict[Held, list[Row]] = field(default_factory=dict)
    opens_at: dict[Held, float] = field(default_factory=dict)
    suppressed: list[int] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    dry: bool = False

    def read(self, batches: Sequence[Held], most: int) -> list[tuple[Held, Row]]:
        """The next rows of these batches that this turn has not looked at."""
        rows: list[tuple[Held, Row]] = []
        for held in batches:
            some = list(islice(held.waiting, self.seen[held], self.seen[held] + most - len(rows)))
            self.seen[held] += len(some)
            rows += [(held, row) for row in some]
        return rows
