"""The figures of the live page add up, and say nothing where they know nothing."""

from datetime import UTC, datetime, timedelta

from newsletter.delivery.models import DeliveryStatus
from newsletter.issues.models import Issue, IssueStatus
from newsletter.issues.queries import Progress
from newsletter.web.admin.live import Live

START = datetime(2026, 3, 2, 18, 30, tzinfo=UTC)


def live(status: IssueStatus = IssueStatus.SENDING, seconds: float = 100, **counts: int) -> Live:
    """An issue frozen at START, `seconds` later."""
    issue = Issue(status=status, frozen_at=START)
    given = {DeliveryStatus(name): count for name, count in counts.items()}
    progress = Progress(status, sum(counts.values()), given, START, None, 1, 1)
    return Live.of(issue, progress, now=START + timedelta(seconds=seconds))


def test_the_states_add_up_to_the_audience():
    figures = live(sent=800, failed=2, queued=190, sending=5, deferred=3)
    assert figures.audience == sum(figures.counts.values()) == 1000
    assert figures.left == 198
    assert abs(sum(figures.share(state) for state in DeliveryStatus) - 1) < 1e-9


def test_the_pace_is_the_average_since_the_start_and_tells_the_end():
    figures = live(sent=400, queued=200)
    assert figures.pace == 4
    assert figures.ends_at == START + timedelta(seconds=150)


def test_nothing_is_guessed_in_the_first_moments_or_while_paused():
    assert live(seconds=1, sent=3, queued=97).pace is None
    assert live(seconds=100, queued=97).pace is None
    assert live(IssueStatus.PAUSED, sent=50, queued=50).pace is None
    assert live(IssueStatus.PAUSED, sent=50, queued=50).ends_at is None


def test_only_full_tenths_are_read_aloud():
    assert live(sent=198, queued=802).tenth == 10
    assert live(sent=999, queued=1).tenth == 90
    assert live(sent=1000).tenth == 100


def test_a_deferred_message_is_still_to_come():
    assert live(sent=90, deferred=10).tenth == 90
    assert live(IssueStatus.SENT, sent=90, failed=10).tenth == 100


def test_an_issue_without_readers_is_complete():
    assert live().tenth == 100
    assert live().share(DeliveryStatus.SENT) == 0
