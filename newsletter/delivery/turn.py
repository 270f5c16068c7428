"""One transaction of a sending process: keep the leases, write what is known, give back what is done, take what is
wanted.

Nothing here has happened until the commit: a turn collects what it did, and the clerk takes it up afterwards.
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from math import inf
from time import monotonic

from sqlalchemy.orm import Session

from newsletter.delivery import bounces, claim, journal, ledger, soft_bounces, tally
from newsletter.delivery.claim import Row
from newsletter.delivery.decide import Change, decide, not_begun
from newsletter.delivery.models import DeliveryStatus, SkipReason
from newsletter.delivery.office import Held, InHand, Office
from newsletter.delivery.personalise import Prepared, Recipient
from newsletter.mail.transport import Outcome, OutcomeKind

MOST_CLAIMED = 8
MOST_HELD = 64  # batches at a time: some wait for a slow domain while others go on
PATIENCE = 3.0  # seconds: a batch is kept for so long while nothing of it may leave


@dataclass(slots=True)
class Turn:
    """What one turn does, for the worker `holder`. `held` are its batches before, `kept` those after it."""

    office: Office
    holder: str
    workers: journal.Workers
    now: datetime
    held: Sequence[Held]
    ended: Sequence[tuple[InHand, Outcome]]
    returned: Sequence[InHand]
    kept: list[Held] = field(default_factory=list)
    taken: list[InHand] = field(default_factory=list)
    settled: Counter[Held] = field(default_factory=Counter)
    seen: Counter[Held] = field(default_factory=Counter)
    refused: dict[Held, list[Row]] = field(default_factory=dict)
    opens_at: dict[Held, float] = field(default_factory=dict)
    bounced: list[int] = field(default_factory=list)
    issues: set[int] = field(default_factory=set)
    admitted: list[tuple[int, str, int]] = field(default_factory=list)
    dry: bool = False
    _targets: dict[int, DeliveryStatus] = field(default_factory=dict)
    _shut: dict[tuple[str, str, int], float] = field(default_factory=dict)

    def write(self, session: Session, *, stopping: bool) -> None:
        """Everything but taking."""
        self._renew(session, stopping=stopping)
        self._settle(session)
        self._let_go(session)

    def take(self, session: Session, most: int) -> None:
        """Take deliveries in hand, `most` at most: of the batches we hold, then of new ones. `dry` when there were
        none.
        """
        batches = [held for held in self.kept if not held.stopped and held.opens_at <= monotonic()]
        while most > len(self.taken):
            rows = self._next_rows(batches, most - len(self.taken))
            if rows:
                self._take_rows(session, rows)
                continue
            batches = self._claim(session)
            if not batches:
                self.dry = not self.taken
                return

    def _renew(self, session: Session, *, stopping: bool) -> None:
        """Keep the leases, and hear whether a batch has been paused, cancelled or lost."""
        if not self.held:
            return
        ids = [held.claim.batch_id for held in self.held]
        renewed = claim.renew(session, ids, holder=self.holder, now=self.now, lease=self.office.lease)
        for held in self.held:
            state = renewed.get(held.claim.batch_id)
            held.lost = state is None
            held.stopped = stopping or state is None or state.held
            if state is not None and state.expires_at != held.claim.expires_at:
                held.claim = replace(held.claim, expires_at=state.expires_at, resend_unknown=state.resend_unknown)

    def _settle(self, session: Session) -> None:
        """Write down what became of the deliveries in hand."""
        changes: dict[int, list[Change]] = {}
        for item, outcome in self.ended:
            change = decide(item.taken(), outcome, now=self.now, rng=self.office.rng)
            changes.setdefault(item.held.claim.batch_id, []).append(change)
            self._targets[item.delivery_id] = change.target
            self.settled[item.held] += 1
            self.issues.add(item.held.claim.issue_id)
        for item in self.returned:
            changes.setdefault(item.held.claim.batch_id, []).append(not_begun(item.delivery_id))
            self.settled[item.held] += 1
        ours = {held.claim.batch_id for held in self.held if not held.lost}
        relays = {item.delivery_id: item.relay_id for item, _outcome in self.ended}
        settling = {batch_id: changes[batch_id] for batch_id in ours & changes.keys()}
        ledger.settle(session, settling, now=self.now, relays=relays)
        for item, outcome in self.ended:
            if item.held.lost and outcome.kind is OutcomeKind.SENT:
                # Another worker has taken the batch over, and could not know.
                ledger.arrived(session, item.delivery_id, reply=outcome.detail, now=self.now)
        self._account(
            session, [(item, outcome) for item, outcome in self.ended if not (item.held.lost or item.unwritable)]
        )

    def _account(self, session: Session, known: Sequence[tuple[InHand, Outcome]]) -> None:
        """Keep the replies, count what each domain answered, and stop writing to those who do not exist."""
        tried = ((item.delivery_id, outcome, item.relay_id) for item, outcome in known)
        ledger.note_attempts(session, tried, now=self.now)
        heard = [_heard(item, outcome, self._targets[item.delivery_id]) for item, outcome in known]
        queued_again = [
            (item.held.claim.issue_id, item.reader.domain)
            for item in self.returned
            if item.was_deferred and not item.held.lost
        ]
        tally.count(session, heard, now=self.now, queued_again=queued_again)
        refusals = [
            bounces.Refusal(
                item.delivery_id, item.held.claim.issue_id, item.reader.email, item.reader.domain, outcome.detail
            )
            for item, outcome in known
            if bounces.is_hard(outcome)
        ]
        if refusals:
            self.bounced = bounces.take(session, refusals, now=self.now)
        misses = [
            soft_bounces.Miss(
                item.delivery_id,
                item.held.claim.issue_id,
                item.reader.email,
                outcome.detail,
                soft_bounces.is_disabled(outcome.reply.enhanced if outcome.reply else ""),
                bounces.SOURCE,
            )
            for item, outcome in known
            if soft_bounces.is_soft(outcome)
        ]
        if misses:
            self.bounced += soft_bounces.take(session, misses, now=self.now)

    def _let_go(self, session: Session) -> None:
        """Give back the batches that are not ours any more after this turn: done, stopped, or shut for too long."""
        released: dict[int, datetime | None] = {}
        for held in self.held:
            if not held.lost and self.now >= held.claim.expires_at:
                ledger.expire(session, held.claim.batch_id, now=self.now)
                held.stopped = True
            shut_for = held.opens_at - monotonic() if held.waiting else 0.0
            needed = held.waiting and not held.stopped and shut_for < PATIENCE
            if held.in_hand > self.settled[held] or needed:
                self.kept.append(held)
            elif not held.lost:
                opens = self.now + timedelta(seconds=shut_for) if shut_for > 0 else None
                released[held.claim.batch_id] = opens
        if released:
            claim.release(session, released, holder=self.holder, now=self.now)

    def _claim(self, session: Session) -> list[Held]:
        """The next batches that are due, with what their last worker left in them settled."""
        office, now = self.office, self.now
        most = min(MOST_CLAIMED, MOST_HELD - len(self.kept))
        if most <= 0:
            return []
        taken = claim.claim(session, holder=self.holder, now=now, most=most, lease=office.lease, workers=self.workers)
        for batch in taken:
            self.issues.add(batch.issue_id)
            if batch.abandoned_by:
                entries = journal.read(office.journals, batch.abandoned_by)
                claim.settle_abandoned(session, batch, entries, now=now, rng=office.rng)
            if now >= batch.expires_at:
                ledger.expire(session, batch.batch_id, now=now)
        rows = claim.due_rows(session, [batch.batch_id for batch in taken], now=now) if taken else {}
        held = [Held(batch, deque(rows[batch.batch_id])) for batch in taken]
        self.kept += held
        return held

    def _take_rows(self, session: Session, rows: Sequence[tuple[Held, Row]]) -> None:
        """Take the deliveries whose readers are still there and whose way is open."""
        office = self.office
        variants = {row.variant_id: office.contents.prepared(session, row.variant_id) for _, row in rows}
        readers = self._find(session, rows, variants)
        gone: dict[int, SkipReason] = {}
        admitted: dict[int, InHand] = {}
        for held, row in rows:
            reader = readers[row.delivery_id]
            if isinstance(reader, SkipReason):
                gone[row.delivery_id] = reader
                continue
            prepared = variants[row.variant_id]
            relay_id = self._admit(held, row, prepared.sender_domain, reader.domain)
            if relay_id is not None:
                admitted[row.delivery_id] = InHand(
                    row.delivery_id,
                    held,
                    row.attempts + 1,
                    row.repeated,
                    reader,
                    prepared,
                    relay_id,
                    was_deferred=row.status is DeliveryStatus.DEFERRED,
                )
        ledger.skip(session, gone, now=self.now)
        states = {row.delivery_id: (held.claim.batch_id, row.status) for held, row in rows}
        ours = ledger.take(session, {delivery_id: states[delivery_id] for delivery_id in admitted}, now=self.now)
        for item in admitted.values():
            if item.delivery_id in ours:
                self.taken.append(item)
            else:
                issue_id = item.held.claim.issue_id
                office.gate.give_back(item.relay_id, item.reader.domain, issue_id)
                self.admitted.remove((item.relay_id, item.reader.domain, issue_id))

    def _admit(self, held: Held, row: Row, sender_domain: str, recipient_domain: str) -> int | None:
        """The relay that takes a message now; None, and when to ask again is noted."""
        gate, issue_id = self.office.gate, held.claim.issue_id
        relay_id = gate.admit(
            sender_domain=sender_domain, recipient_domain=recipient_domain, now=self.now, issue_id=issue_id
        )
        if relay_id is not None:
            self.admitted.append((relay_id, recipient_domain, issue_id))
            return relay_id
        way = (sender_domain, recipient_domain, issue_id)
        if way not in self._shut:
            opens = gate.reopens(
                sender_domain=sender_domain, recipient_domain=recipient_domain, now=self.now, issue_id=issue_id
            )
            self._shut[way] = monotonic() + (opens - self.now).total_seconds()
        # A batch is looked at again as soon as there is a way for any of what it still has.
        self.opens_at[held] = min(self.opens_at.get(held, inf), self._shut[way])
        self.refused.setdefault(held, []).append(row)
        return None

    def undo(self) -> None:
        """The commit failed: nothing was taken."""
        for way in self.admitted:
            self.office.gate.give_back(*way)

    def _find(
        self, session: Session, rows: Sequence[tuple[Held, Row]], variants: Mapping[int, Prepared]
    ) -> dict[int, Recipient | SkipReason]:
        """The readers of these deliveries, by delivery: one question for each issue among them."""
        asked: dict[tuple[int, int], list[Row]] = {}
        for held, row in rows:
            asked.setdefault((held.claim.newsletter_id, held.claim.issue_id), []).append(row)
        found: dict[int, Recipient | SkipReason] = {}
        for (newsletter_id, issue_id), of_issue in asked.items():
            readers = self.office.recipients.find_all(
                session,
                [row.subscriber_id for row in of_issue],
                newsletter_id=newsletter_id,
                issue_id=issue_id,
                attributes=any(variants[row.variant_id].fields for row in of_issue),
            )
            found |= {row.delivery_id: readers[row.subscriber_id] for row in of_issue}
        return found

    def _next_rows(self, batches: Sequence[Held], most: int) -> list[tuple[Held, Row]]:
        """The next rows of these batches that this turn has not looked at."""
        rows: list[tuple[Held, Row]] = []
        for held in batches:
            some = list(islice(held.waiting, self.seen[held], self.seen[held] + most - len(rows)))
            self.seen[held] += len(some)
            rows += [(held, row) for row in some]
        return rows


def _heard(item: InHand, outcome: Outcome, target: DeliveryStatus) -> tally.Heard:
    batch, domain = item.held.claim, item.reader.domain
    return tally.Heard(
        batch.batch_id, batch.issue_id, item.relay_id, domain, outcome, batch.opened_at, target, item.was_deferred
    )
