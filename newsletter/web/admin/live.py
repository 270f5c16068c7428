"""What the live page says of a running issue, worked out from its counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from newsletter.delivery.models import DeliveryStatus
from newsletter.issues import pace as paces
from newsletter.issues import queries, reasons, slowing
from newsletter.issues.models import Issue, IssueStatus
from newsletter.issues.pace import Pace
from newsletter.issues.queries import Progress

FURTHEST = 30 * 86_400.0  # seconds; what ends later than that has no hour that says anything
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


@dataclass(frozen=True, slots=True)
class Live:
    """`counts` has every state and adds up to `audience`.

    `pace` is messages a second of the last minute, None while that says nothing, and `by_domain` the same for the
    largest domains. `limit`: most messages a second, by hand. `wave` of `waves` may leave. `why`: why it has stopped by
    itself, empty when it has not, and `advice` for whoever lets it go on.
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
    by_domain: Mapping[str, float]
    limit: float | None

    @classmethod
    def of(
        cls, issue: Issue, progress: Progress, *, now: datetime, pace: Pace | None = None, limit: float | None = None
    ) -> "Live":
        """From what was counted; `look` asks for it."""
        counts = {state: progress.counts.get(state, 0) for state in STATES}
        queued = counts[DeliveryStatus.QUEUED] + counts[DeliveryStatus.SENDING]
        rate = pace.per_second if pace else None
        # A limit that was set a moment ago is not in the last minute yet.
        expected = min(rate, limit) if rate and limit else rate
        left_for = queued / expected if expected else None
        ends_at = now + timedelta(seconds=left_for) if queued and left_for and left_for < FURTHEST else None
        reason = issue.pause_reason if issue.status == IssueStatus.PAUSED else None
        return cls(
            IssueStatus(issue.status),
            sum(counts.values()),
            counts,
            rate,
            ends_at,
            progress.wave,
            progress.waves,
            why=reasons.in_words(reason) if reason else "",
            advice=reasons.advice(reason) if reason else "",
            by_domain=pace.by_domain if pace else {},
            limit=limit,
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
    def on_the_way(self) -> int:
        """Messages that a relay may have taken by now."""
        return self.counts[DeliveryStatus.SENDING]

    @property
    def missed(self) -> int:
        """Deliveries that did not arrive, or of which that is not known."""
        return self.counts[DeliveryStatus.FAILED] + self.counts[DeliveryStatus.UNKNOWN]

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


def look(session: Session, issue: Issue, *, now: datetime) -> Live:
    """How an issue stands: some sums, and while it is under way its pace and its limit."""
    progress = queries.progress(session, issue.id)
    if issue.status not in (IssueStatus.SENDING, IssueStatus.PAUSED):
        return Live.of(issue, progress, now=now)
    done = sum(progress.counts[state] for state in (DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN))
    pace = paces.lately(session, issue, done, now=now)
    return Live.of(issue, progress, now=now, pace=pace, limit=slowing.limit_of(session, issue))
