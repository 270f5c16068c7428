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
    total = sum(count for _, count in present)
    least = LEAST_THIN if thin else LEAST
    small = {state for state, count in present if count * 100 < least * total}
    rest = sum(count for state, count in present if state not in small)
    room = 100 - least * len(small)
    parts: list[Part] = []
    x = 0.0
    for state, count in present:
        width = least if state in small else room * count / rest
        parts.append(Part(state, round(x, 2), round(width, 2)))
        x += width
    return parts
