"""How a benchmark says what it found: a table for people, the same as JSON, and a line that shows where it is."""

import json
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def progress() -> Progress:
    """A bar on standard error, so that the table can be piped."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(file=sys.stderr), transient=True)


def machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and largest."""
    return {"median": statistics.median(values), "least": min(values), "largest": max(values)}


def cell(values: dict[str, float], digits: int = 0) -> str:
    """A spread in a table: the median, and the range behind it."""
    median, least, largest = (f"{values[name]:.{digits}f}" for name in ("median", "least", "largest"))
    return f"{median} ({least} to {largest})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown; the first column holds words, the others numbers."""
    lines = [f"| {' | '.join(head)} |", f"|---|{'--:|' * (len(head) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def show(tables: str, results: Any) -> None:
    print(tables)
    print()
    print(json.dumps({"machine": machine(), "results": results}))
