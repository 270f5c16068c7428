"""Geometry of the charts: lines across a box of 100 by 100, which the page stretches."""

from collections.abc import Sequence


def chart_points(values: Sequence[float], most: float | None = None, least: float = 0) -> str:
    """Values, evenly from one side to the other, as the points of a polyline; `least` and `most` are the edges."""
    height = max((most if most is not None else max(values, default=0)) - least, 1e-9)
    step = 100 / max(1, len(values) - 1)
    return " ".join(
        f"{number * step:.2f},{100 - 100 * (value - least) / height:.2f}" for number, value in enumerate(values)
    )
