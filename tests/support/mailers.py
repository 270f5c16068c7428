"""Handing messages over one by one, so that a test can interfere between any two of them."""

from collections.abc import Callable
from contextlib import suppress

from newsletter.delivery.clerk import Clerk
from newsletter.delivery.engine import SLOTS
from newsletter.delivery.journal import Journal
from newsletter.delivery.office import InHand, Office
from newsletter.delivery.transactional import Mailer
from newsletter.mail.replies import Phase, Reply, ReplyClass
from newsletter.mail.transport import Envelope, Outcome, OutcomeKind, Timeouts

TAKEN = Outcome(OutcomeKind.SENT, Reply(250, "2.0.0", "queued"), Phase.DOT, ReplyClass.ACCEPTED, "250 2.0.0 queued")
QUICK = Timeouts(connect=5, greeting=5, command=5, data=5, block=5, dot=5, transaction=10)


class KilledError(BaseException):
    """The process ends here: nothing of ours may catch it."""


class Hand:
    """Does by hand what the engine does: one message at a time, and a turn of the clerk after each.

    A `KilledError` leaves everything as a killed process would: the journal stays, and nobody holds it.
    """

    def __init__(self, office: Office, *, stopping: Callable[[], bool] = lambda: False) -> None:
        self.journal = Journal(office.journals, SLOTS)
        self.clerk = Clerk(office, self.journal)
        self._stopping = stopping

    def deliver(self, mailer: Mailer) -> int:
        """Send until nothing is due; how many messages were tried."""
        tried = 0
        try:
            while not self.clerk.stopping:
                taken = self.turn()
                for item in taken:
                    self.post(item, mailer)
                    tried += 1
                self.clerk.stopping = self._stopping() or (self.clerk.dry and not taken)
            self.clerk.give_all_back()
            self.clerk.cycle()
            self.journal.close(keep=False)
        except KilledError:
            self.die()
            raise
        return tried

    def turn(self, wanted: int = 1) -> list[InHand]:
        """One turn of the clerk; what is in hand after it and may begin."""
        self.clerk.wanted = wanted
        self.clerk.cycle()
        taken = [self.clerk.stock.popleft() for _ in range(len(self.clerk.stock))]
        for item in taken:
            if item.held.stopped:
                self.clerk.give_back(item)
        return [item for item in taken if not item.held.stopped]

    def post(self, item: InHand, mailer: Mailer) -> None:
        try:
            envelope, message = item.prepared.write(item.reader, item.delivery_id)
        except ValueError as error:
            self.clerk.unwritable(item, error)
            return
        self.journal.leaving(item.slot)
        self.ended(item, mailer.send(envelope, message))

    def ended(self, item: InHand, outcome: Outcome) -> None:
        self.journal.ended(item.slot, outcome)
        self.clerk.ended(item, outcome)

    def die(self) -> None:
        with suppress(ValueError):
            self.journal.close(keep=True)


class Sends:
    """A relay that takes everything at once."""

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        return TAKEN


class DiesBefore:
    """Hands over through `mailer`; dies instead of sending message number `at`, counted from 1."""

    def __init__(self, mailer: Mailer, at: int) -> None:
        self._mailer = mailer
        self._left = at

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        self._left -= 1
        if self._left == 0:
            raise KilledError
        return self._mailer.send(envelope, message)


class DiesAfter:
    """The same, but the relay has taken the message before."""

    def __init__(self, mailer: Mailer, at: int) -> None:
        self._mailer = mailer
        self._left = at

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        outcome = self._mailer.send(envelope, message)
        self._left -= 1
        if self._left == 0:
            raise KilledError
        return outcome


class Interrupted:
    """Does something of the test's between two messages: `deed` is called after message number `after`."""

    def __init__(self, mailer: Mailer, after: int, deed: Callable[[], object]) -> None:
        self._mailer = mailer
        self._left = after
        self._deed = deed

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        outcome = self._mailer.send(envelope, message)
        self._left -= 1
        if self._left == 0:
            self._deed()
        return outcome
