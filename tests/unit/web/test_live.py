"""The figures of the live page add up, and say nothing where they know nothing."""

from datetime import UTC, datetime, timedelta

from newsletter.delivery.models import DeliveryStatus
from newsletter.issues.models import Issue, IssueStatus
from newsletter.issues.pace import Pace
from newsletter.issues.queries import Progress
from newsletter.web.admin.live import Live

START = datetime(2026, 3, 2, 18, 30, tzinfo=UTC)


def live(
    status: IssueStatus = IssueStatus.SENDING,
    seconds: float = 100,
    pace: float | None = None,
    limit: float | None = None,
    **counts: int,
) -> Live:
    """An issue frozen at START, `seconds` later."""
    issue = Issue(status=status, frozen_at=START)
    given = {DeliveryStatus(name): count for name, count in counts.items()}
    progress = Progress(status, sum(counts.values()), given, START, None, 1, 1)
    return Live.of(issue, progress, now=START + timedelta(seconds=seconds), pace=Pace(pace), limit=limit)


def test_the_states_add_up_to_the_audience():
    figures = live(sent=800, failed=2, queued=190, sending=5, deferred=3)
    assert figures.audience == sum(figures.counts.values()) == 1000
    assert figures.left == 198
    assert abs(sum(figures.share(state) for state in DeliveryStatus) - 1) < 1e-9


def test_the_pace_of_the_last_minute_tells_the_end():
    figures = live(sent=400, queued=190, sending=10, pace=4.0)
    assert figures.pace == 4
    assert figures.ends_at == START + timedelta(seconds=150)


def test_a_limit_that_was_just_set_tells_the_end_at_once():
    assert live(sent=400, queued=200, pace=40.0, limit=2.0).ends_at == START + timedelta(seconds=200)


def test_nothing_is_guessed_without_a_pace_and_no_end_is_named_that_is_far_away():
    assert live(seconds=1, sent=3, queued=97).ends_at is None
    assert live(seconds=100, queued=97, pace=0.0).ends_at is None
    assert live(queued=1_000_000, pace=0.001).ends_at is None


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
