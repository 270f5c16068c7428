"""What may become of a delivery. Everything that changes a status goes by this table."""

from newsletter.delivery.models import DeliveryStatus as S

TRANSITIONS: dict[S, frozenset[S]] = {
    # failed: the issue expired before its turn came; unknown: likewise, after a first try whose outcome was lost
    # sent: a worker that was taken for dead came back and knew that it was
    S.QUEUED: frozenset({S.SENDING, S.SKIPPED, S.FAILED, S.UNKNOWN, S.SENT}),
    # never skipped: a message in hand may have left
    S.SENDING: frozenset({S.SENT, S.DEFERRED, S.FAILED, S.UNKNOWN, S.QUEUED}),
    S.DEFERRED: frozenset({S.SENDING, S.SKIPPED, S.FAILED, S.UNKNOWN, S.SENT}),
    S.SENT: frozenset(),
    # queued: staff let it leave once more, when the issue was over
    S.FAILED: frozenset({S.QUEUED}),
    S.UNKNOWN: frozenset({S.SENT, S.QUEUED}),
    S.SKIPPED: frozenset(),
}

WAITING = frozenset({S.QUEUED, S.DEFERRED})
OPEN = frozenset({S.QUEUED, S.SENDING, S.DEFERRED})
"""While an issue has deliveries in one of these, it is not sent."""
