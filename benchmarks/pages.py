"""How long the desk's pages take on a newsroom with a million readers, ten million deliveries and 200 issues.

    make benchmark NAME=pages  # .venv/bin/python -m benchmarks.pages [--subscribers N --deliveries N --issues N]

Every address of the desk that a GET answers is asked for, in this process, through the whole web application and a real
PostgreSQL: once to warm up, then some times. A bare page of the same application, which asks nothing of the database
but who is signed in, stands beside them.
"""

import argparse
import statistics
import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.report import show, table
from newsletter import migrations
from newsletter.core.clock import utc_now
from newsletter.core.database import Database, open_engine
from tests.support.desk_pages import Desk, open_desk
from tests.support.large_newsroom import HUGE, Size
from tests.support.postgres import own_postgres

BARE = "account"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=HUGE.subscribers)
    parser.add_argument("--deliveries", type=int, default=HUGE.deliveries)
    parser.add_argument("--issues", type=int, default=HUGE.issues)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    size = Size(given.subscribers, given.deliveries, given.issues, articles=20_000, events=100_000)
    with own_postgres() as server, TemporaryDirectory() as directory:
        engine = open_engine(server.url)
        migrations.upgrade(engine)
        now = utc_now() - timedelta(minutes=1)
        began = time.monotonic()
        desk = open_desk(Database(engine), Path(directory), size, now=now, say=lambda words: print(words, flush=True))
        filled = time.monotonic() - began
        rows = sorted(_measure(desk, given.rounds), key=lambda row: -row["median_ms"])
        engine.dispose()
    bare = next(row["median_ms"] for row in rows if row["page"] == BARE)
    head = ["page", "median, ms", "least", "largest", "times the bare one"]
    body = [
        [
            row["page"],
            f"{row['median_ms']:.1f}",
            f"{row['least_ms']:.1f}",
            f"{row['largest_ms']:.1f}",
            f"{row['median_ms'] / bare:.1f}",
        ]
        for row in rows
    ]
    show(table(head, body), {"filled_s": filled, "pages": rows})


def _measure(desk: Desk, rounds: int) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, path in desk.addresses():
        desk.staff.get(path)
        times = []
        for _round in range(rounds):
            began = time.perf_counter()
            desk.staff.client.get(path)
            times.append((time.perf_counter() - began) * 1000)
        row = {
            "page": name,
            "path": path,
            "median_ms": statistics.median(times),
            "least_ms": min(times),
            "largest_ms": max(times),
        }
        if name not in found or found[name]["median_ms"] < row["median_ms"]:
            found[name] = row  # of a page with several addresses, the slowest
    return list(found.values())


if __name__ == "__main__":
    main()
