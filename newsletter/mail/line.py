"""The connections to one relay: how many there may be, how long each is used, and when to try again."""

from collections import deque
from collections.abc import Hashable, Iterator

from newsletter.mail.link import Link
from newsletter.mail.outcomes import Outcome, failed
from newsletter.mail.replies import Phase
from newsletter.mail.session import Parcel
from newsletter.mail.transport import Relay
from newsletter.mail.wire import ConnectionLost, Refused, SmtpError

OPENING_AT_ONCE = 8
GROW_EVERY = 15.0
FIRST_REST, LONGEST_REST = 1.0, 60.0
IN_A_ROW = 3
"""So many connections must end alike before we take it for a rule of the relay."""
PROMPT = 1.0
REMEMBER_LIMIT = 600.0


class Line:
    """The way to one relay.

    The number of connections follows what the relay bears: one that is refused while others work sets the limit to
    those that work, and from then on it grows by one every `GROW_EVERY` seconds. How many messages a connection may
    carry is learned from connections that the relay ended after the same number of messages.
    """

    def __init__(self, key: Hashable, relay: Relay, *, connections: int, per_connection: int) -> None:
        self.key = key
        self.relay = relay
        self.connections = connections
        self.per_connection = per_connection
        self.allowed = connections
        self.dropped = False
        self.queue: deque[Parcel] = deque()
        self.links: set[Link] = set()
        self.hungry: dict[Link, None] = {}
        self.opening = 0
        self.in_hand = 0
        self.down: Outcome | None = None
        self._places = 0
        self._failures = 0
        self._rests_until = 0.0
        self._grows_at = 0.0
        self._learned = 0
        self._learned_at = 0.0
        self._last_served = 0
        self._alike = 0

    def change(self, relay: Relay, *, connections: int, per_connection: int) -> None:
        """Take over new settings: connections that do not fit them any more carry nothing new."""
        if relay != self.relay:
            self._failures, self._rests_until, self._learned, self.down = 0, 0.0, 0, None
            self.allowed = connections
            for link in self.links:
                link.retiring = True
        elif self.allowed == self.connections or connections < self.allowed:
            self.allowed = connections
        self.relay, self.connections, self.per_connection = relay, connections, per_connection
        self.dropped = False
        surplus = len(self.links) - connections
        for link in [*self.hungry, *self.links][: max(0, surplus)]:
            link.retiring = True

    def room(self, now: float) -> int:
        """How many parcels more could begin at once, or as soon as one before them has ended."""
        if self.dropped:
            return 0
        new = 0 if now < self._rests_until else max(0, self.allowed - len(self.links))
        if self._failures:
            new = min(new, 1)
        return max(0, self._places + new - self.in_hand)

    def next_parcel(self, link: Link) -> Parcel | None:
        """The parcel that is to begin on a connection now."""
        limit = self.per_connection or self._learned
        if limit and link.begun >= limit:
            link.retiring = True
        if link.retiring:
            return None
        if not self.queue:
            self.hungry[link] = None
            return None
        link.begun += 1
        return self.queue.popleft()

    def fed(self) -> Iterator[Link]:
        """The connections that can take what is waiting, each as long as something is."""
        while self.queue and self.hungry:
            yield self.hungry.popitem()[0]

    def to_open(self, now: float) -> int:
        """How many connections to open now: as many as are wanted and allowed, but each time at most as many as work
        already.
        """
        if now < self._rests_until or not self.queue:
            return 0
        self.down = None
        if self.allowed < self.connections and now >= self._grows_at:
            self.allowed += 1
            self._grows_at = now + GROW_EVERY
        wanted = min(len(self.queue), self.allowed - len(self.links))
        pace = min(OPENING_AT_ONCE, max(2, len(self.links)))
        return max(0, min(wanted, pace) - self.opening)

    def joined(self, link: Link) -> None:
        """A connection was opened; it is not used when the line has enough of them by now."""
        self.down = None
        if len(self.links) >= self.connections:
            link.retiring = True
            return
        self.links.add(link)
        self._places += link.session.places

    def left(self, link: Link) -> None:
        """A connection has been, or is being, closed."""
        if link in self.links:
            self.links.remove(link)
            self._places -= link.session.places
        self.hungry.pop(link, None)

    def not_opened(self, error: SmtpError, now: float) -> None:
        """A connection could not be opened."""
        if self.links:
            self._bear_fewer(len(self.links) + self.opening, now)
            return
        if isinstance(error, Refused) and error.phase in (Phase.GREETING, Phase.EHLO):
            self._bear_fewer(self.allowed // 2, now)
        self._rest(now)
        if not self.opening:
            self.down = failed(error)

    def works(self) -> None:
        """A message got its answer."""
        self._failures = 0

    def ended(self, link: Link, now: float) -> None:
        """The relay ended a connection."""
        session = link.session
        if session.served:
            if session.blameless and now - link.active_at < PROMPT:
                self._learn(session.served, now)
            return
        if session.dismissed:
            self._bear_fewer(self.allowed // 2, now)
        if not self.links:
            self._rest(now)
            if self._failures >= IN_A_ROW:
                self.down = failed(ConnectionLost(Phase.IDLE, session.closed))

    def forget_limit(self, now: float) -> None:
        """Find out again, from time to time, how many messages a connection may carry."""
        if self._learned and now - self._learned_at > REMEMBER_LIMIT:
            self._learned = self._alike = 0

    def _bear_fewer(self, connections: int, now: float) -> None:
        self.allowed = max(1, min(self.allowed, connections))
        self._grows_at = now + GROW_EVERY

    def _rest(self, now: float) -> None:
        self._rests_until = now + min(LONGEST_REST, FIRST_REST * 2**self._failures)
        self._failures = min(self._failures + 1, 10)

    def _learn(self, served: int, now: float) -> None:
        self._alike = self._alike + 1 if served == self._last_served else 1
        self._last_served = served
        if self._alike >= IN_A_ROW:
            self._learned, self._learned_at = served, now
