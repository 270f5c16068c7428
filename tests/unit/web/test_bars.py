"""Geometry of progress bars."""

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.web.bars import LEAST, LEAST_THIN, ORDER, bar_parts

counts = st.dictionaries(st.sampled_from(ORDER), st.integers(0, 5_000_000))


@given(counts, st.booleans())
@example({"sent": 1, "skipped": 90_909, "failed": 3_973_553}, True)  # the first, widened, makes the second too thin
def test_parts_are_in_order_visible_and_fill_the_bar(counts: dict[str, int], thin: bool):
    parts = bar_parts(counts, thin=thin)
    assert [part.state for part in parts] == [state for state in ORDER if counts.get(state)]
    assert all(part.width >= (LEAST_THIN if thin else LEAST) - 0.01 for part in parts)
    if parts:
        assert abs(sum(part.width for part in parts) - 100) < 0.1
        assert parts[0].x == 0
        for before, after in pairwise(parts):
            assert abs(before.x + before.width - after.x) < 0.02


def test_nothing_is_drawn_for_an_issue_without_readers():
    assert bar_parts({}) == []
    assert bar_parts({"sent": 0, "queued": 0}) == []


def test_an_unknown_state_is_left_out():
    assert [part.state for part in bar_parts({"sent": 1, "other": 5})] == ["sent"]
