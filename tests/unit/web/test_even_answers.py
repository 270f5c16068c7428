"""Answers of the sign-up form leave in steps, so that their time tells nothing."""

from hypothesis import given
from hypothesis import strategies as st

from newsletter.web.public.subscribe import STEP, until_next_step


@given(st.floats(0, 60))
def test_an_answer_leaves_at_the_next_step(elapsed: float):
    wait = until_next_step(elapsed)
    assert 0 <= wait <= STEP
    steps = (elapsed + wait) / STEP
    assert abs(steps - round(steps)) < 1e-6


def test_a_quick_and_a_slow_write_take_the_same_time():
    assert 0.006 + until_next_step(0.006) == 0.019 + until_next_step(0.019) == STEP
