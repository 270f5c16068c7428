"""How long it takes to turn an audience of a million into deliveries, and to see how they stand.

    make benchmark NAME=freeze  # .venv/bin/python -m benchmarks.freeze [--readers N] [--rounds N]

In each round an issue is frozen, in a process of its own whose memory is watched; then the same rows go into an
identical, equally full table with the same indexes by one bare `INSERT ... SELECT`. PostgreSQL waits for the disk.
"""

import argparse
import multiprocessing
import os
import statistics
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from benchmarks.processes import cpu_seconds, peak_rss
from benchmarks.report import cell, progress, show, spread, table
from newsletter.core.clock import utc_now
from newsletter.core.installation import open_installation
from newsletter.core.settings import load_settings
from newsletter.issues import freeze as freezing
from newsletter.issues import queries
from tests.support.site import Site, site

QUERIES = 50
COMMANDS = 5
NEXT_PORT = "smtp://127.0.0.1:9"  # nothing is sent
FILLFACTOR = "SELECT option_value FROM pg_options_to_table((SELECT reloptions FROM pg_class WHERE relname = :name))"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with site(NEXT_PORT) as here:
        here.prepare(keys="")
        here.fill(given.readers)
        make_bare_table(here)
        freezes, bare = [], []
        with progress() as bar:
            for _round in bar.track(range(given.rounds), description="rounds"):
                here.write(5)
                issue_id = here.send()
                checkpoint(here)
                freezes.append(freeze_elsewhere(here, issue_id))
                checkpoint(here)
                bare.append(insert_bare(here, issue_id))
        result = {
            "readers": given.readers,
            "freeze_s": spread([item["seconds"] for item in freezes]),
            "bare_s": spread(bare),
            "ratio": spread([item["seconds"] / one for item, one in zip(freezes, bare, strict=True)]),
            "process_cpu_s": spread([item["cpu"] for item in freezes]),
            "peak_mb": spread([item["peak"] / 1e6 for item in freezes]),
            "before_mb": spread([item["before"] / 1e6 for item in freezes]),
            **show_times(here, issue_id),
        }
    head = ["readers", "freeze, s", "bare insert, s", "ratio", "process, s of CPU", "memory before, MB", "peak, MB"]
    row = [str(given.readers), *(cell(result[name], 1) for name in ("freeze_s", "bare_s"))]
    row += [cell(result["ratio"], 2), cell(result["process_cpu_s"], 2)]
    row += [cell(result[name]) for name in ("before_mb", "peak_mb")]
    shown = table(
        ["deliveries", "query of `issues show`, ms", "whole command, ms"],
        [[str(given.readers), cell(result["query_ms"], 2), cell(result["command_ms"])]],
    )
    show(f"{table(head, [row])}\n\n{shown}", result)


def make_bare_table(here: Site) -> None:
    """A table like `deliveries`, with its indexes and its room on each page."""
    with here.engine.begin() as connection:
        connection.execute(text("CREATE TABLE bare (LIKE deliveries INCLUDING ALL)"))
        for (room,) in connection.execute(text(FILLFACTOR), {"name": "deliveries"}).all():
            connection.execute(text(f"ALTER TABLE bare SET (fillfactor = {int(room)})"))


def checkpoint(here: Site) -> None:
    """So that neither of the two pays for what was written before it."""
    with here.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CHECKPOINT"))


def insert_bare(here: Site, issue_id: int) -> float:
    """Seconds."""
    with here.engine.connect() as connection:
        query = "SELECT column_name FROM information_schema.columns WHERE table_name = 'bare' AND column_name <> 'id'"
        names = ", ".join(connection.execute(text(query)).scalars())
        statement = f"INSERT INTO bare ({names}) SELECT {names} FROM deliveries WHERE issue_id = :id"
        started = time.perf_counter()
        connection.execute(text(statement), {"id": issue_id})
        connection.commit()
        return time.perf_counter() - started


def freeze_elsewhere(here: Site, issue_id: int) -> dict[str, float]:
    """The freeze in a new process, as in a worker."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(freeze, (here.service.environment, issue_id))


def freeze(environment: Mapping[str, str], issue_id: int) -> dict[str, float]:
    """Seconds, processor seconds, and bytes in memory before and at the most."""
    os.environ.update(environment)
    here = open_installation(load_settings())
    with here.database.reading() as session:
        queries.by_id(session, issue_id)  # connected, and the models read
    before, cpu, started = peak_rss(os.getpid()), cpu_seconds(os.getpid()), time.perf_counter()
    with here.database.unit() as session:
        frozen = freezing.freeze(session, issue_id, here.links, now=utc_now())
    seconds = time.perf_counter() - started
    assert frozen
    cpu = cpu_seconds(os.getpid()) - cpu
    return {"seconds": seconds, "cpu": cpu, "before": before, "peak": peak_rss(os.getpid())}


def show_times(here: Site, issue_id: int) -> dict[str, Any]:
    """Milliseconds of the query behind `issues show`, and of the whole command."""
    os.environ.update(here.service.environment)
    installation = open_installation(load_settings())
    times, commands = [], []
    for _ in range(QUERIES):
        with installation.database.reading() as session:
            started = time.perf_counter()
            queries.progress(session, issue_id)
            times.append((time.perf_counter() - started) * 1000)
    installation.database.dispose()
    for _ in range(COMMANDS):
        started = time.perf_counter()
        here.service.program("issues", "show", str(issue_id), "--json")
        commands.append((time.perf_counter() - started) * 1000)
    return {"query_ms": {**spread(times), "median": statistics.median(times)}, "command_ms": spread(commands)}


if __name__ == "__main__":
    main()
