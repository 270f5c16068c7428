"""The first waves of an issue are small, so that a mistake or a refusal shows while most readers have nothing yet.

Which batches go first is planned at the freeze. The next wave leaves when nearly all of the earlier ones has an
outcome; nothing here judges those outcomes, that is the brake's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from newsletter.delivery import outbox
from newsletter.delivery.queries import Counts
from newsletter.issues import status
from newsletter.issues.models import Issue, IssueStatus

SMALL = 10_000  # readers; an issue to fewer goes in one wave: one in a hundred of them says nothing
SHARES = (0.01, 0.10)  # of the batches, in the first waves; the rest follows
FIRST_BATCHES = 5  # so many at least make the first wave of a list that is long enough, to be a sample of it
MIN_BATCH, MAX_BATCH = 100, 500

NEARLY_ALL = 0.95
PATIENCE = timedelta(minutes=30)  # after it, what has been tried decides
HALF = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """How an audience is cut: deliveries in a batch, and the wave of the batch at each position."""

    batch_size: int
    waves: tuple[int, ...]


def plan(readers: int) -> Plan:
    """Cut an audience. The batches of a wave lie evenly between the others: readers are counted off by the age of
    their subscription, and each wave holds all ages.
    """
    if readers < SMALL:
        return Plan(MAX_BATCH, (1,) * -(-readers // MAX_BATCH))
    size = min(MAX_BATCH, max(MIN_BATCH, round(readers * SHARES[0]) // FIRST_BATCHES))
    waves = [len(SHARES) + 1] * -(-readers // size)
    free = list(range(len(waves)))
    for number, share in enumerate(SHARES, start=1):
        taken = _spread(free, max(1, round(len(waves) * share)))
        for position in taken:
            waves[position] = number
        free = [position for position in free if waves[position] > number]
    return Plan(size, tuple(waves))


def may_open(by_wave: Mapping[int, Counts], opened: int, *, opened_at: datetime, now: datetime) -> bool:
    """Whether enough of the waves up to `opened` has been tried for the next one to leave."""
    earlier = [counts for wave, counts in by_wave.items() if wave <= opened]
    total = sum(counts.total for counts in earlier)
    tried = total - sum(counts.not_tried for counts in earlier)
    enough = HALF if now - opened_at >= PATIENCE else NEARLY_ALL
    return tried >= total * enough


def open_next(session: Session, issue: Issue, by_wave: Mapping[int, Counts], *, now: datetime) -> bool:
    """Let the next wave of an issue leave if it may; True when it does now.

    When the issue is out of date everything is let go, for the workers to say so of each delivery.
    """
    seen = issue.wave
    later = [wave for wave in by_wave if wave > seen]
    if not later or issue.status is not IssueStatus.SENDING or issue.expires_at is None:
        return False
    expired = now >= issue.expires_at
    if not expired and not may_open(by_wave, seen, opened_at=issue.wave_opened_at or now, now=now):
        return False
    status.lock(session, issue)
    if issue.wave != seen or issue.status is not IssueStatus.SENDING:
        return False  # somebody else was first
    issue.wave = max(later) if expired else min(later)
    issue.wave_opened_at = now
    outbox.open_waves(session, issue.id, up_to=issue.wave, now=now)
    return True


def _spread(places: list[int], count: int) -> list[int]:
    """So many of the places, evenly apart."""
    return [places[(2 * number + 1) * len(places) // (2 * count)] for number in range(min(count, len(places)))]
