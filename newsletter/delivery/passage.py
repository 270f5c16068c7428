"""A lane as one worker sees it between two exchanges with the database: what it may still spend, and what it has found
out.
"""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from newsletter.delivery import throttle
from newsletter.delivery.lanes import LEASE, TOKEN_LEASE, LaneRow, Share
from newsletter.delivery.throttle import State
from newsletter.delivery.watch import Finding, Verdict, concerns_relay, is_against_us
from newsletter.mail.transport import Outcome, OutcomeKind

SOON = timedelta(seconds=0.3)  # a little longer than from one exchange to the next
STEP = timedelta(seconds=0.25)
HUSH = timedelta(seconds=1)
WISH = timedelta(seconds=3)
LOOK = timedelta(seconds=0.5)  # so that a worker that starts has its share of the connections within a second
GROWING = timedelta(seconds=1)
CALM = timedelta(seconds=2)  # answers to what left before the lane was slowed down say nothing new
ROTATION = 60  # seconds after which other workers get the places, where there are fewer places than workers
BY_HAND = timedelta(hours=1)
LONGEST_WAIT = timedelta(minutes=5)
PROBE_PATIENCE = timedelta(seconds=30)


class Passage:
    """For one thread. `connections` of a relay, all workers together; None for a lane that is not a relay's own."""

    def __init__(self, row: LaneRow) -> None:
        self.lane_id = row.id
        self.relay_id = row.relay_id
        self.domain = row.domain
        self.state = row.state
        self.cap: int | None = None
        self.connections: int | None = None
        self.may_connect = 0
        self.metered = False
        self.places: int | None = None
        self.probing = False
        self.answered = 0
        self._tokens = 0
        self._returned = 0
        self._in_use = 0
        self._held_until: datetime | None = None
        self._looked_at: datetime | None = None
        self._shared = (-1, 0.0)
        self._shared_until = datetime.min.replace(tzinfo=UTC)
        self._probe_since: datetime | None = None
        self._probe_outcome: Outcome | None = None
        self._hushed_until: datetime | None = None
        self._wished = 0
        self._wished_before = 0
        self._wished_at: datetime | None = None
        self._slot: datetime | None = None
        self._asked: tuple[datetime, datetime] | None = None
        self._slowed_at: datetime | None = None
        self._grew_at: datetime | None = None

    @property
    def key(self) -> tuple[int, str]:
        return self.relay_id, self.domain

    def learn(self, state: State, *, cap: int | None, connections: int | None, now: datetime) -> None:
        """What the row says by now."""
        if self.state.paused_at is not None and state.paused_at is None:
            self.probing, self._probe_since, self._hushed_until = False, None, None
        if state.pace < self.state.pace:
            self._slowed_at = now
        self.state, self.cap, self.connections = state, cap, connections
        self.metered = cap is not None or throttle.speed(state) is not None
        if state.concurrency is None or connections is not None:
            self.places = None
        elif self.places is None:
            self.places = 0

    def forget_held(self) -> None:
        """The exchange was rolled back: what was granted in it does not exist."""
        self._tokens, self._returned, self._held_until, self._looked_at = 0, 0, None, None
        self._shared = (-1, 0.0)

    # One message

    def limits(self, now: datetime) -> bool:
        """Whether messages have to ask."""
        return self.metered or self.places is not None or self._is_hushed(now) or throttle.is_shut(self.state, now)

    def is_shut(self, now: datetime) -> bool:
        """Whether nothing leaves for longer than a moment, so that another relay should take it."""
        if throttle.is_paused(self.state):
            return self._probe_since is None
        return throttle.is_closed(self.state, now) or self._is_hushed(now) or self._is_spent(now)

    def allows(self, now: datetime) -> bool:
        if throttle.is_paused(self.state):
            return self._probe_since is not None
        if throttle.is_closed(self.state, now) or self._is_hushed(now):
            return False
        if not self.metered and self.places is None:
            return True
        if self._held_until is None or self._held_until <= now:
            return False
        return (self.places is None or self._in_use < self.places) and (not self.metered or self._tokens > 0)

    def spend(self, now: datetime) -> None:
        """One message leaves."""
        self.wish(now)
        if throttle.is_paused(self.state):
            self.probing, self._probe_since = True, None
        elif self.metered:
            self._tokens -= 1
        if self.places is not None:
            self._in_use += 1

    def wish(self, now: datetime) -> None:
        """One message would leave."""
        self._wished += 1
        self._wished_at = now

    def give_back(self) -> None:
        """It did not leave."""
        self.end()
        if self.probing:
            self.probing, self._probe_since = False, self._wished_at
        elif self.metered:
            # Many that come back at once were earned over some time: they do not leave again at once.
            self._returned += 1

    def end(self) -> None:
        """Its place is free."""
        if self._in_use:
            self._in_use -= 1

    def hear(self, outcome: Outcome) -> bool:
        """What became of a message; True when nothing else is to be concluded from it: the lane is paused already."""
        if outcome.kind is OutcomeKind.SENT:
            self.answered += 1
        if self.probing:
            self.probing, self._probe_outcome = False, outcome
        return throttle.is_paused(self.state)

    def hush(self, now: datetime) -> bool:
        """Stop at once, until the next exchange decides; False when it had stopped already."""
        if self.is_shut(now):
            return False
        self._hushed_until = now + HUSH
        return True

    def opens_at(self, now: datetime) -> datetime:
        """When to come back. Those who ask one after the other are told one moment after the other, as the rate has it;
        asked again at the same moment, the answer is the same.
        """
        if self._asked is None or self._asked[0] != now:
            self._asked = now, min(self._opens_at(now), max(now + LONGEST_WAIT, self.state.closed_until or now))
        return self._asked[1]

    def _opens_at(self, now: datetime) -> datetime:
        state = self.state
        if throttle.is_shut(state, now):
            return max(now + SOON, state.closed_until or now + BY_HAND)
        if self._is_spent(now):
            return throttle.next_day(now)
        rate = throttle.speed(state)
        if self._is_hushed(now) or not self.metered or rate is None or state.tokens >= 1:
            return now + SOON
        step = max(timedelta(seconds=1 / rate), STEP)
        if self._slot is None or not now - step <= self._slot <= now + LONGEST_WAIT:
            self._slot = now + SOON - step
        self._slot += step
        return max(self._slot, now + SOON)

    def _is_hushed(self, now: datetime) -> bool:
        return self._hushed_until is not None and now < self._hushed_until <= now + HUSH

    def _is_spent(self, now: datetime) -> bool:
        """Whether the day's messages have left."""
        return (
            self.cap is not None
            and self._tokens <= 0
            and self.state.sent_today >= self.cap
            and self.state.day == throttle.midnight(now)
        )

    # The exchange

    def is_busy(self, now: datetime) -> bool:
        """Whether there is anything to exchange."""
        state = self.state
        if self._probe_outcome is not None or throttle.mend(state, now) is not state:
            return True
        if self.connections is not None and self._is_look_due(now):
            return True
        if throttle.is_paused(state):
            if self._probe_since is not None:
                return not timedelta(0) <= now - self._probe_since < PROBE_PATIENCE
            return self._is_wishing(now) and throttle.probe_is_due(state, now)
        wishing = self._is_wishing(now)
        if self.metered and (wishing or self._tokens or self._returned):
            return True
        if self.places is not None and (wishing or (self._in_use and self._is_look_due(now))):
            return True
        return self._may_grow(now)

    def exchange(
        self,
        state: State,
        others: Sequence[Share],
        finding: Finding | None,
        *,
        holder: str,
        now: datetime,
        rng: random.Random,
    ) -> tuple[State, tuple[int, float, datetime] | None]:
        """The row's new state, and what this worker holds then: (places, tokens, until), None for as before."""
        state = throttle.mend(state, now)
        state = self._settle_probe(state, now, rng)
        state = self._judge(state, finding, now, rng)
        if self._may_grow(now):
            state = throttle.speed_up(state, binding=self._is_wishing(now), now=now)
            self._grew_at, self.answered = now, 0
        state = self._take_tokens(state, others, now)
        held = self._take_places(state, others, holder, now)
        self._wished_before, self._wished = self._wished, 0
        self._hushed_until = None
        self.learn(state, cap=self.cap, connections=self.connections, now=now)
        return state, held

    def _settle_probe(self, state: State, now: datetime, rng: random.Random) -> State:
        outcome, self._probe_outcome = self._probe_outcome, None
        if outcome is not None:
            if is_against_us(outcome) and (self.domain or concerns_relay(outcome)):
                return throttle.fail_probe(state, reply=outcome.detail, now=now, rng=rng)
            taken = outcome.kind is OutcomeKind.SENT or not (self.domain or concerns_relay(outcome))
            return throttle.reopen(state, now) if taken else throttle.return_probe(state, now)
        if self._probe_since is not None and not timedelta(0) <= now - self._probe_since < PROBE_PATIENCE:
            self._probe_since = None
            return throttle.return_probe(state, now)
        idle = self._probe_since is None and not self.probing
        if idle and self._is_wishing(now) and throttle.probe_is_due(state, now):
            self._probe_since = now
            return throttle.take_probe(state, now)
        return state

    def _judge(self, state: State, finding: Finding | None, now: datetime, rng: random.Random) -> State:
        if finding is None:
            return state
        if finding.verdict is Verdict.PAUSE:
            return throttle.pause(state, reply=finding.reply, now=now, rng=rng)
        if state.pace < self.state.pace or throttle.is_closed(state, now) or self._is_calming(now):
            return state  # it has been slowed down for the same trouble
        self._slowed_at = now
        return throttle.slow_down(
            state,
            observed=finding.observed,
            # A relay that takes some has too many connections; it need not lose all of them.
            close=bool(self.domain) or finding.verdict is Verdict.CLOSE,
            learn=bool(self.domain),
            now=now,
            rng=rng,
        )

    def _take_tokens(self, state: State, others: Sequence[Share], now: datetime) -> State:
        rate = throttle.speed(state)
        unspent, self._tokens, self._returned = max(0, self._tokens) + self._returned, 0, 0
        if rate is None and self.cap is None:
            return state
        wanted = 0.0
        if self._is_wishing(now) and not throttle.is_shut(state, now):
            wanted = max(1.0, 2.0 * max(self._wished, self._wished_before))
            if rate is not None:
                wanted = min(wanted, max(1.0, throttle.burst(rate) / (len(others) + 1)))
        if not wanted and not unspent:
            return state
        held = sum(share.tokens for share in others)
        state, self._tokens = throttle.exchange(
            state, unspent=unspent, wanted=wanted, held_by_others=held, cap=self.cap, now=now
        )
        return state

    def _take_places(
        self, state: State, others: Sequence[Share], holder: str, now: datetime
    ) -> tuple[int, float, datetime] | None:
        used = [share.places for share in others]
        if self.connections is not None:
            total = throttle.at_pace(min(self.connections, state.concurrency or self.connections), state.pace)
            rank = _rank(holder, others, total, now)
            # The connections that are too many are closed first; the others learn of it an exchange later.
            before, self.may_connect = self.may_connect, throttle.places(total, used, rank)
            return self._hold(max(before, self.may_connect), LEASE, now)
        if state.concurrency is None:
            return self._hold(0, TOKEN_LEASE, now) if self._tokens or self._held_until else None
        total = throttle.at_pace(state.concurrency, state.pace)
        wanted = self._is_wishing(now) or self._in_use
        self.places = throttle.places(total, used, _rank(holder, others, total, now)) if wanted else 0
        # A share of no places is a wish for some: the others leave a fair part.
        return self._hold(max(self.places, self._in_use), LEASE if wanted else timedelta(0), now)

    def _hold(self, places: int, lease: timedelta, now: datetime) -> tuple[int, float, datetime] | None:
        self._looked_at = now
        held = places, float(self._tokens)
        if held == self._shared and self._shared_until - now > lease / 2:
            return None
        self._shared, self._shared_until = held, now + lease
        # Used for a shorter time than the others wait: their clocks may differ a little.
        self._held_until = now + lease * 0.8 if places or self._tokens else None
        return *held, self._shared_until

    def _is_wishing(self, now: datetime) -> bool:
        return self._wished_at is not None and timedelta(0) <= now - self._wished_at < WISH

    def _is_look_due(self, now: datetime) -> bool:
        return self._looked_at is None or not timedelta(0) <= now - self._looked_at < LOOK

    def _is_calming(self, now: datetime) -> bool:
        return self._slowed_at is not None and timedelta(0) <= now - self._slowed_at < CALM

    def _may_grow(self, now: datetime) -> bool:
        if not self.answered or (self.state.pace >= 1 and self.state.rate is None):
            return False
        if self._is_calming(now) or throttle.is_steady(self.state, now):
            return False
        return self._grew_at is None or not timedelta(0) <= now - self._grew_at < GROWING


def _rank(holder: str, others: Sequence[Share], total: int, now: datetime) -> int:
    """Position among the workers, the same in the eyes of each of them."""
    holders = [holder, *(share.holder for share in others)]
    if len(holders) > total:
        turn = int(now.timestamp()) // ROTATION
        holders.sort(key=lambda name: sha256(f"{turn} {name}".encode()).digest())
    else:
        holders.sort()
    return holders.index(holder)
