"""The database side of sending: takes deliveries in hand and writes down what became of them, many at a time.

The clerk works in a thread of its own, so that a commit that waits for the disk, or a database that is away, holds up
no connection. What it hands over to the engine it has committed before; what the engine hands back it keeps until it
is committed.
"""

import logging
from collections import deque
from collections.abc import Mapping
from time import monotonic

from newsletter.delivery import bounces, journal, lanes
from newsletter.delivery.office import Held, InHand, Office
from newsletter.delivery.turn import Turn
from newsletter.mail.replies import Phase, ReplyClass
from newsletter.mail.transport import Outcome, OutcomeKind, Relay

log = logging.getLogger(__name__)

MOST_TAKEN = 1500
SYNC = 0.25  # seconds between two looks at what all workers share of the lanes
REVIEW = 0.5  # seconds between two looks at an issue as a whole


class Clerk:
    """One round of work is `cycle`; the rest is for the engine's thread, and waits for nothing.

    `wanted`: how many deliveries the engine would like to be given. `dry`: nothing could be taken at the last look.
    `relays`: by id, where it is, how many connections are ours, and how many messages each may carry (0: to be
    learned).
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
        self._workers = journal.Workers()
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
        """A message has come to its end, which the journal has."""
        self._ended.append((item, outcome))

    def unwritable(self, item: InHand, error: ValueError) -> None:
        """One reader's data cannot be written: that delivery fails alone."""
        log.warning("delivery %d cannot be written: %s", item.delivery_id, error)
        item.unwritable = True
        detail = f"message not written: {error}"
        outcome = Outcome(OutcomeKind.REJECTED, None, Phase.MAIL, ReplyClass.MESSAGE, detail)
        self._journal.ended(item.slot, outcome)
        self.ended(item, outcome)

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
        office = self._office
        self._sync()
        turn = Turn(
            office,
            self._journal.name,
            self._workers,
            office.clock(),
            self._held,
            ended=list(self._ended),
            returned=list(self._returned),
        )
        try:
            with office.database.unit() as session:
                turn.write(session, stopping=self.stopping)
                if not self.stopping:
                    turn.take(session, self._room())
                elif not turn.kept:
                    lanes.forget_shares(session, [self._journal.name])
        except BaseException:
            turn.undo()
            raise
        self._take_up(turn)
        self._review()

    def _sync(self) -> None:
        """Share the lanes with the other workers, and see which of this machine are gone."""
        if monotonic() - self._synced_at < SYNC:
            return
        office = self._office
        self._workers = journal.survey(office.journals)
        with office.database.unit() as session:
            if self._workers.gone:
                lanes.forget_shares(session, self._workers.gone)
            office.gate.sync(session, holder=self._journal.name, now=office.clock())
        self.relays = dict(office.gate.relays())
        self._synced_at = monotonic()

    def _room(self) -> int:
        """How many deliveries to take now; none while no connection is ours."""
        return min(self.wanted, self._journal.room, MOST_TAKEN) if self._may_connect() else 0

    def _may_connect(self) -> bool:
        return any(connections for _, connections, _ in self.relays.values())

    def _take_up(self, turn: Turn) -> None:
        """What the turn did is in the database: now it has happened."""
        gate, now = self._office.gate, self._office.clock()
        for item, outcome in turn.ended:
            self._ended.popleft()
            self._journal.free(item.slot)
            if item.unwritable:
                gate.give_back(item.relay_id, item.reader.domain, item.held.claim.issue_id)
            else:
                gate.note(item.relay_id, item.reader.domain, outcome, now, item.held.claim.issue_id)
        for item in turn.returned:
            self._returned.popleft()
            self._journal.free(item.slot)
            gate.give_back(item.relay_id, item.reader.domain, item.held.claim.issue_id)
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
        self._touched |= turn.issues
        self._bounced.update(turn.bounced)
        self._held = turn.kept
        self.dry = turn.dry or not self._may_connect()
        self.renewed_at = monotonic()
        self.stock.extend(turn.taken)

    def _review(self) -> None:
        """Let the issues look at what has become of them: done, ready for the next wave, or to be stopped."""
        if not self._touched or not (self.stopping or monotonic() - self._reviewed_at >= REVIEW):
            return
        office, now = self._office, self._office.clock()
        if self._bounced:
            with office.database.unit() as session:
                bounces.withdraw(session, self._bounced, now=now)
            self._bounced.clear()
        with office.database.unit() as session:
            for issue_id in sorted(self._touched):
                office.review(session, issue_id, now=now)
        self._touched.clear()
        self._reviewed_at = monotonic()
