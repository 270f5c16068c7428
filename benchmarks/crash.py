"""What is lost, and what comes twice, when everything around the senders breaks while an issue goes out.

    make benchmark NAME=crash  # .venv/bin/python -m benchmarks.crash [--messages N] [--kills N] [--events kill,relay]

Each `--events` is a run of its own: kill (workers, by SIGKILL, --kills times), broker (emptied, killed, started again),
database (stopped at once, started again), relay (connections cut, stalled, refused, cut before and after the final
dot), disk (of the data directory: full for two seconds). The relay writes down each message before it answers its final
dot, and that log is compared with the ledger.
"""

import argparse
import random
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.report import progress, show, table
from tests.support.logged_relay import LoggedRelay
from tests.support.site import site
from tests.support.small_disk import small_disk
from tests.support.storm import EVENTS, Storm, describe

RUNS = ("broker,database,relay", "kill", ",".join(EVENTS))
PATIENCE = 45.0  # seconds; a lease runs out in less
COLUMNS = ("messages", "taken", "lost", "twice", "unlisted", "unsaid", "repeated", "restarts", "seconds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--events", action="append", help=f"by commas, of {', '.join(EVENTS)}; may be repeated")
    parser.add_argument("--rate", type=float, default=0.0, help="messages per second that the relay takes; 0: all")
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds of silence until time is passed")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    results = [run(events.split(","), given) for events in given.events or RUNS]
    head = ["accidents", *("twice, not listed" if name == "unlisted" else name for name in COLUMNS), "ledger", "wrong"]
    rows = [
        [item["events"], *(str(item[name]) for name in COLUMNS), words(item["statuses"]), str(len(item["wrong"]))]
        for item in results
    ]
    show(table(head, rows), results)
    if any(item["wrong"] for item in results):
        raise SystemExit(1)


def run(events: list[str], given: argparse.Namespace) -> dict[str, Any]:
    """One issue and its accidents."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crash")))
        relay = stack.enter_context(LoggedRelay(directory / "taken", rate=given.rate))
        disk = stack.enter_context(small_disk())
        here = stack.enter_context(site(relay.url, data_dir=disk.path / "data"))
        here.prepare(keys="")
        here.fill(given.messages)
        here.write(5)
        storm = Storm(here, relay, disk, random.Random(given.seed), patience=given.patience)
        bar = stack.enter_context(progress())
        task = bar.add_task(",".join(events), total=given.messages)
        accidents = storm.accidents(events, given.kills)
        verdict = storm.send(accidents, told=lambda count: bar.update(task, completed=count))
    return {"events": ", ".join(events), "full disk by": "tmpfs" if disk.mounted else "limit", **describe(verdict)}


def words(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    main()
