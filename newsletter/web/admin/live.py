"""What the live page says of a running issue, worked out from its counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.delivery.models import DeliveryStatus
from newsletter.issues import reasons
from newsletter.issues.models import Issue, IssueStatus
from newsletter.issues.queries import Progress

LEFT = (DeliveryStatus.QUEUED, DeliveryStatus.SENDING, DeliveryStatus.DEFERRED)
STATES = (
    DeliveryStatus.QUEUED,
    DeliveryStatus.SENDING,
    DeliveryStatus.SENT,
    DeliveryStatus.DEFERRED,
    DeliveryStatus.FAILED,
    DeliveryStatus.UNKNOWN,
    DeliveryStatus.SKIPPED,
)
SETTLED = timedelta(seconds=2)  # an average over less says nothing


@dataclass(frozen=True, slots=True)
class Live:
    """`counts` has every state and adds up to `audience`.

    `pace` is messages a second since the freeze, None while that says nothing. `wave` of `waves` may leave. `why`: why
    it has stopped by itself, empty when it has not, and `advice` for whoever lets it go on.
    """

    status: IssueStatus
    audience: int
    counts: Mapping[DeliveryStatus, int]
    pace: float | None
    ends_at: datetime | None
    wave: int
    waves: int
    why: str
    advice: str

    @classmethod
    def of(cls, issue: Issue, progress: Progress, *, now: datetime) -> "Live":
        counts = {state: progress.counts.get(state, 0) for state in STATES}
        pace = _pace(issue, counts, now) if issue.status == IssueStatus.SENDING else None
        queued = counts[DeliveryStatus.QUEUED] + counts[DeliveryStatus.SENDING]
        ends_at = now + timedelta(seconds=queued / pace) if pace and queued else None
        reason = issue.pause_reason if issue.status == IssueStatus.PAUSED else None
        return cls(
            IssueStatus(issue.status),
            sum(counts.values()),
            counts,
            pace,
            ends_at,
            progress.wave,
            progress.waves,
            why=reasons.in_words(reason) if reason else "",
            advice=reasons.advice(reason) if reason else "",
        )

    @property
    def first_waves(self) -> bool:
        """Whether most readers wait until a few have got it."""
        return self.left > 0 and 0 < self.wave < self.waves

    @property
    def sent(self) -> int:
        return self.counts[DeliveryStatus.SENT]

    @property
    def left(self) -> int:
        """Deliveries that may still be made."""
        return sum(self.counts[state] for state in LEFT)

    @property
    def tenth(self) -> int:
        """Percent that is through, down to the last full ten: what is read aloud, and not each tick."""
        return (self.audience - self.left) * 10 // self.audience * 10 if self.audience else 100

    @property
    def moving(self) -> bool:
        """Whether the page is worth asking for again by itself."""
        return self.status == IssueStatus.SENDING

    def share(self, state: DeliveryStatus) -> float:
        """Part of the audience, 0 to 1."""
        return self.counts[state] / self.audience if self.audience else 0.0


def _pace(issue: Issue, counts: Mapping[DeliveryStatus, int], now: datetime) -> float | None:
    if issue.frozen_at is None or now - issue.frozen_at < SETTLED:
        return None
    done = counts[DeliveryStatus.SENT] + counts[DeliveryStatus.FAILED] + counts[DeliveryStatus.UNKNOWN]
    return done / (now - issue.frozen_at).total_seconds() if done else None
