"""Workers that die at a chosen point, around a real connection to a relay."""

from collections.abc import Callable

from newsletter.delivery.send import Mailer
from newsletter.mail.transport import Envelope, Outcome


class KilledError(BaseException):
    """The process ends here: nothing of ours may catch it."""


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
