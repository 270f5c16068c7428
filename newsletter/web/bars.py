"""Geometry of a progress bar: where each state's part begins and how wide it is, in percent."""

from collections.abc import Mapping
from dataclasses import dataclass

ORDER = ("sent", "skipped", "failed", "unknown", "deferred", "sending", "queued")
LEAST = 0.9  # a part that exists must be seen
LEAST_THIN = 2.2


@dataclass(frozen=True, slots=True)
class Part:
    state: str
    x: float
    width: float


def bar_parts(counts: Mapping[str, int], *, thin: bool = False) -> list[Part]:
    """Parts in the fixed order of states, together 100 percent; none when every count is zero.

    Small parts are widened so that they can be seen, at the cost of the others in proportion.
    """
    present = [(state, counts[state]) for state in ORDER if counts.get(state)]
    least = LEAST_THIN if thin else LEAST
    widths = _widths(dict(present), least)
    parts: list[Part] = []
    x = 0.0
    for state, _count in present:
        width = widths[state]
        parts.append(Part(state, round(x, 2), round(width, 2)))
        x += width
    return parts


def _widths(counts: Mapping[str, int], least: float) -> dict[str, float]:
    """Percent for each state. Widening one part can push the next below the least, so it goes on until none is."""
    small: set[str] = set()
    while True:
        rest = sum(count for state, count in counts.items() if state not in small)
        room = 100 - least * len(small)
        thinner = {state for state, count in counts.items() if state not in small and room * count < least * rest}
        if not thinner:
            return {state: least if state in small else room * count / rest for state, count in counts.items()}
        small |= thinner
