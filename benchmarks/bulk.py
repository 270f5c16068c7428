"""How long it takes to do one thing to all readers of a segment and to take it back, with a worker killed half-way.

    make benchmark NAME=bulk  # .venv/bin/python -m benchmarks.bulk
                               # [--readers N] [--kinds end,suppress,language,pause] [--waiting]

Each `--kinds` is done and undone by worker processes of their own on a PostgreSQL that waits for the disk. The first
one of each direction is killed (SIGKILL) when half is done, and the next goes on where it was. A unit is what one
transaction does: its length is how long anybody may have to wait for a reader's row. `--waiting`: an issue to all of
them waits meanwhile, and what is queued for whoever is ended, paused or blocked is withdrawn.
"""

import argparse
import multiprocessing
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.queues import Queue
from typing import Any

from sqlalchemy import func, select, text

from benchmarks.freeze import freeze_elsewhere
from benchmarks.processes import peak_rss
from benchmarks.report import progress, show, table
from newsletter.core.clock import utc_now
from newsletter.core.database import Database
from newsletter.core.installation import open_installation
from newsletter.core.settings import load_settings
from newsletter.subscriptions import bulk, counts
from newsletter.subscriptions.bulk_models import BulkAction, BulkKind, BulkStatus
from newsletter.subscriptions.models import Subscription
from newsletter.subscriptions.search import Find, Part
from newsletter.subscriptions.segments.reading import read_rule
from tests.support.site import Site, site

NEXT_PORT = "smtp://127.0.0.1:9"  # nothing is sent
ACTOR = "benchmark"
RULE = read_rule({"version": 1, "match": "all", "of": [{"field": "domain", "op": "ends", "value": ".example"}]})
POLL = 0.2  # seconds
LONGEST = 3600.0  # seconds that one direction may take
HEAD = ["action", "readers", "counted, s", "done, s", "rows/s", "longest unit, ms", "peak, MB", "killed at", "wrong"]


@dataclass
class Work:
    """One direction of one action."""

    seconds: float
    longest_unit: float
    peak: int
    killed_at: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=1_000_000)
    parser.add_argument("--kinds", default="end,suppress,language", help="by commas")
    parser.add_argument("--waiting", action="store_true", help="while an issue waits to be sent")
    given = parser.parse_args()
    with site(NEXT_PORT) as here:
        here.prepare(keys="")
        here.fill(given.readers)
        os.environ.update(here.service.environment)
        results = []
        for kind in given.kinds.split(","):
            if given.waiting:
                here.write(1)
                freeze_elsewhere(here, here.send())
            results.append(run(here, BulkKind(kind)))
    rows = [
        [
            f"{item['kind']}{', undone' if direction == 'undo' else ''}",
            str(item["readers"]),
            f"{item['counted_s']:.1f}" if direction == "do" else "",
            f"{work['seconds']:.1f}",
            f"{item['readers'] / work['seconds']:.0f}",
            f"{work['longest_unit_ms']:.0f}",
            f"{work['peak_mb']:.0f}",
            str(work["killed_at"]),
            str(item["wrong"]),
        ]
        for item in results
        for direction, work in item["work"].items()
    ]
    show(table(HEAD, rows), results)
    if any(item["wrong"] for item in results):
        raise SystemExit(1)


def run(here: Site, kind: BulkKind) -> dict[str, Any]:
    """Ask, count, confirm, do, undo."""
    database = Database(here.engine)
    params = {
        BulkKind.LANGUAGE: {"language": "en"},
        BulkKind.SUPPRESS: {"why": "benchmark"},
        BulkKind.PAUSE: {"until": "2999-01-01T00:00:00+00:00"},
    }.get(kind, {})
    with database.reading() as session:
        newsletter_id = session.scalars(select(Subscription.newsletter_id).limit(1)).one()
    before = state(database)
    began = time.monotonic()
    with database.unit() as session:
        find = Find(newsletter_id, part=Part(1, "Everybody", RULE))
        action_id = bulk.ask(session, find, kind, params, actor=ACTOR, now=utc_now()).id
    with database.unit() as session:
        bulk.step(session, action_id, now=utc_now())
    counted = time.monotonic() - began
    work = {}
    with database.unit() as session:
        bulk.confirm(session, action_id, actor=ACTOR, now=utc_now())
    work["do"] = until_done(here, action_id, f"{kind}", BulkStatus.DONE)
    with database.reading() as session:
        done = session.get_one(BulkAction, action_id)
    with database.unit() as session:
        bulk.undo(session, action_id, actor=ACTOR, now=utc_now())
    work["undo"] = until_done(here, action_id, f"{kind}, undone", BulkStatus.UNDONE)
    with database.reading() as session:
        undone = session.get_one(BulkAction, action_id)
        drifts = counts.check(session)
    wrong = abs(done.changed - done.total) + abs(undone.restored - done.total) + undone.kept + len(drifts)
    wrong += int(state(database) != before)
    return {
        "kind": kind,
        "readers": done.total,
        "counted_s": counted,
        "wrong": wrong,
        "work": {
            direction: {
                "seconds": found.seconds,
                "longest_unit_ms": found.longest_unit * 1000,
                "peak_mb": found.peak / 1e6,
                "killed_at": found.killed_at,
            }
            for direction, found in work.items()
        },
    }


def until_done(here: Site, action_id: int, name: str, end: BulkStatus) -> Work:
    """Worker after worker until the action is done; the first is killed half-way."""
    context = multiprocessing.get_context("spawn")
    found = Work(0.0, 0.0, 0, 0)
    with progress() as bar:
        task = bar.add_task(name, total=None)
        began = time.monotonic()
        while (status := look(here, action_id)[0]) is not end:
            assert time.monotonic() - began < LONGEST, status
            told: Queue[tuple[float, int]] = context.Queue()
            process = context.Process(target=worker, args=(here.service.environment, action_id, told), daemon=True)
            process.start()
            while process.is_alive():
                process.join(POLL)
                _status, done, total = look(here, action_id)
                bar.update(task, completed=done, total=total)
                if not found.killed_at and done * 2 > total and process.pid is not None:
                    found.peak = max(found.peak, peak_rss(process.pid))
                    os.kill(process.pid, signal.SIGKILL)
                    process.join()
                    found.killed_at = look(here, action_id)[1]
            if process.exitcode == 0:
                longest, peak = told.get(timeout=POLL)
                found.longest_unit, found.peak = max(found.longest_unit, longest), max(found.peak, peak)
        found.seconds = time.monotonic() - began
    return found


def worker(environment: Mapping[str, str], action_id: int, told: "Queue[tuple[float, int]]") -> None:
    """What a worker does with the action, unit by unit; says how long the longest took, and its own peak of memory."""
    os.environ.update(environment)
    database = open_installation(load_settings()).database
    longest, more = 0.0, True
    while more:
        began = time.monotonic()
        with database.unit() as session:
            more = bulk.step(session, action_id, now=utc_now())
        longest = max(longest, time.monotonic() - began)
    told.put((longest, peak_rss(os.getpid())))


def look(here: Site, action_id: int) -> tuple[BulkStatus, int, int]:
    """State, how many are dealt with, and how many there are."""
    with here.engine.connect() as connection:
        row = connection.execute(
            text("SELECT status, done, total FROM bulk_actions WHERE id = :id"), {"id": action_id}
        ).one()
    return BulkStatus(row.status), row.done, row.total


def state(database: Database) -> list[Any]:
    """What an undo is to bring back."""
    with database.reading() as session:
        by_status = (
            select(Subscription.status, func.count()).group_by(Subscription.status).order_by(Subscription.status)
        )
        blocked = text("SELECT count(*) FROM suppressions WHERE lifted_at IS NULL")
        spoken = text("SELECT language, count(*) FROM subscribers GROUP BY language ORDER BY language")
        return [list(map(tuple, session.execute(query))) for query in (by_status, blocked, spoken)]


if __name__ == "__main__":
    main()
