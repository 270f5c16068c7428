"""How a warm-up goes on from one day to the next, by what the day before brought. Pure: values in, values out.

A place on a plan is counted in half steps: 0 is its first figure, 2 its second, 1 the middle between them. A mailbox
provider that was in trouble has no plan of its own: what it took on the bad day is its measure, and a good day doubles
it until it is no limit any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from newsletter.delivery.reputation import Figures, Verdict, judge, over_the_ceiling

STEP = 2  # half steps
USED = 0.5  # of the allowance: who sends less learns nothing about more
FULL = 0.9  # of the allowance
LEAST = 50  # messages a day that a provider in trouble is left


class Why(StrEnum):
    """What a day was like."""

    GOOD = "good"
    UNUSED = "unused"
    """Too little was sent to learn from."""
    DOUBTFUL = "doubtful"
    """Half a step."""
    BAD = "bad"
    """Stays where it is."""
    COMPLAINTS = "complaints"
    """Two steps back."""


@dataclass(frozen=True, slots=True)
class Move:
    """Where a plan goes: `place` None when it has been climbed."""

    place: int | None
    why: Why


def look_at(day: Figures, allowance: int | None) -> Why:
    """What a day of a relay or a provider was like; `allowance` None: there was no limit."""
    if over_the_ceiling(day):
        return Why.COMPLAINTS
    verdict = judge(day).verdict
    if verdict.rank >= Verdict.SLOW_DOWN.rank:
        return Why.BAD
    if day.sent == 0 or (allowance is not None and day.sent < allowance * USED):
        return Why.UNUSED
    return Why.DOUBTFUL if verdict is Verdict.WATCH else Why.GOOD


def move(plan: Sequence[int], place: int, day: Figures) -> Move:
    """From a place, after a day on it. The last figure of the plan is left by a good day only."""
    why = look_at(day, allowance(plan, place))
    last = STEP * (len(plan) - 1)
    if why is Why.COMPLAINTS:
        return Move(max(0, place - 2 * STEP), why)
    if why is Why.GOOD:
        return Move(None if place >= last else min(place + STEP, last), why)
    if why is Why.DOUBTFUL:
        return Move(min(place + STEP // 2, last), why)
    return Move(place, why)


def allowance(plan: Sequence[int], place: int) -> int:
    """Most messages of a day at a place."""
    number, half = divmod(max(0, place), STEP)
    if number >= len(plan) - 1:
        return plan[-1]
    return (plan[number] + plan[number + 1]) // 2 if half else plan[number]


def provider_allowance(before: int | None, day: Figures) -> tuple[int | None, Why]:
    """Most messages of the next day to a provider, None for no limit of its own, after `before` on a day."""
    why = look_at(day, before)
    if why is Why.COMPLAINTS:
        return max(LEAST, min(day.sent, before or day.sent) // 4), why
    if why is Why.BAD:
        return max(LEAST, min(day.sent or LEAST, before or day.sent or LEAST)), why
    if before is None or why is Why.UNUSED:
        return before, why
    if why is Why.GOOD and day.sent < before * FULL:
        return None, why  # there was no more to send: it is no limit
    return (before * 2 if why is Why.GOOD else before * 3 // 2), why


def place_by_days(plan: Sequence[int], since: datetime, today: date) -> int | None:
    """Where a plan would be if every day had been good, None when it would be climbed."""
    number = max(0, (today - since.date()).days)
    return None if number >= len(plan) else number * STEP
