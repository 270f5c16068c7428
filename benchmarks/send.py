"""How many messages a second the workers hand over, and what each costs.

    make benchmark NAME=send  # .venv/bin/python -m benchmarks.send [--signed rsa] [--sqlite] [--readers N]

In each round, one after the other and into the same smtp-sink: postfix's smtp-source, which sends one message again and
again; our workers, with an issue of about 30 kB and a message of its own for each reader; and a loop of smtplib and
email.message. PostgreSQL waits for the disk at each commit. The workers' time runs from the first byte that the sink
hears of a round to the last; the waves of the issue are let go at once, since their pauses say nothing of speed.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.postfix import Sink, smtp_sink, smtp_source
from benchmarks.processes import cpu_seconds
from benchmarks.report import cell, progress, show, spread, table
from tests.support.site import SLUG, Site, shown, site, wait_for

SIZE = 30_000  # bytes of a message of the others; ours come out at about that with STORIES
STORIES = 23
START_PATIENCE, PATIENCE = 60.0, 1800.0  # seconds
LOOK = 0.01  # seconds between two looks at the sink


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, action="append", help="worker processes; may be repeated; 1 and 2")
    parser.add_argument("--plain", type=int, default=1000, help="messages of the smtplib loop")
    parser.add_argument(
        "--signed", choices=["rsa", "both"], default="", help="with DKIM keys: RSA-2048, or Ed25519 too"
    )
    parser.add_argument("--clicks", choices=["off", "anonymous", "reader"], default="off", help="what is measured")
    parser.add_argument("--sqlite", action="store_true", help="`newsletter up` on SQLite instead")
    given = parser.parse_args()
    counts = given.workers or ([1] if given.sqlite else [1, 2])
    results = []
    for workers in counts:
        with ExitStack() as stack:
            sink = stack.enter_context(smtp_sink())
            here = stack.enter_context(site(sink.url, sqlite=given.sqlite))
            here.prepare(keys=given.signed)
            here.service.command("newsletters", "measure", SLUG, "--clicks", given.clicks)
            here.fill(given.readers)
            pids = stack.enter_context(running(here, workers))
            results.append(
                {
                    "workers": workers,
                    "database": "sqlite" if given.sqlite else "postgresql",
                    "signed": given.signed,
                    "clicks": given.clicks,
                    "readers": given.readers,
                    **measure(here, sink, pids, given),
                }
            )
    show(tables(results), results)


@contextmanager
def running(here: Site, workers: int) -> Iterator[list[int]]:
    """The processes that send, by their ids: on SQLite all of `newsletter up`."""
    if here.postgres is None:
        here.service.start()
        yield here.service.pids
        return
    with here.workers([("worker", "bulk")] * workers) as started:
        yield list(started.pids.values())


@dataclass(frozen=True, slots=True)
class Round:
    """What one issue took: seconds until the sink had heard all, until the ledger said so, and processor seconds."""

    seconds: float
    ledger_seconds: float
    bytes: int
    worker_cpu: float
    postgres_cpu: float
    sink_cpu: float


def measure(here: Site, sink: Sink, pids: list[int], given: argparse.Namespace) -> dict[str, Any]:
    """Rates in messages per second, processor time in milliseconds per message."""
    source, ours, plain, signatures = [], [], [], []
    send_issue(here, sink, pids)  # warm: imports, plans of the database, the first connections
    with progress() as bar:
        task = bar.add_task("rounds", total=given.rounds)
        for _round in range(given.rounds):
            source.append(given.readers / smtp_source(sink, messages=given.readers, size=SIZE))
            ours.append(send_issue(here, sink, pids))
            plain.append(plain_loop(sink, given.plain))
            if given.signed:
                signatures.append(bare_signature())
            bar.advance(task)
    rates = [given.readers / item.seconds for item in ours]
    worker_cpu = [item.worker_cpu * 1000 / given.readers for item in ours]
    found = {
        "message_bytes": round(ours[-1].bytes / given.readers),
        "smtp_source": spread(source),
        "messages": spread(rates),
        "until_the_ledger_says_so": spread([given.readers / item.ledger_seconds for item in ours]),
        "to_smtp_source": spread([our / theirs for our, theirs in zip(rates, source, strict=True)]),
        "plain": spread([item["rate"] for item in plain]),
        "to_plain": spread([our / item["rate"] for our, item in zip(rates, plain, strict=True)]),
        "plain_cpu_ms": spread([item["cpu_ms"] for item in plain]),
        "worker_cpu_ms": spread(worker_cpu),
        "postgres_cpu_ms": spread([item.postgres_cpu * 1000 / given.readers for item in ours]),
        "sink_cpu_ms": spread([item.sink_cpu * 1000 / given.readers for item in ours]),
    }
    if signatures:
        found["rsa2048_ms"] = spread(signatures)
        found["to_rsa2048"] = spread([cpu / bare for cpu, bare in zip(worker_cpu, signatures, strict=True)])
    return found


def send_issue(here: Site, sink: Sink, pids: list[int]) -> Round:
    """Send what is new to every reader; watches the sink, and the ledger only when the sink has fallen silent."""
    here.write(STORIES)
    before = sink.heard
    issue_id = here.send()
    here.open_waves(issue_id)
    wait_for(lambda: sink.heard > before, START_PATIENCE, poll=LOOK, why=lambda: here.service.log)
    started = last = time.time()  # the ledger's clock
    cpu = costs(here, sink, pids)
    heard = first = sink.heard
    while True:
        time.sleep(LOOK)
        now = time.time()
        if (more := sink.heard) != heard:
            heard, last = more, now
        elif now - last > 0.3 and here.status(issue_id) == "sent":
            break
        elif now - last > START_PATIENCE:
            raise SystemExit(f"nothing has left for a minute: {shown(here.counts(issue_id))}\n{here.service.log}")
    finished = here.finished_at(issue_id).timestamp()
    counts = here.counts(issue_id)
    if counts["sent"] != sum(counts.values()):
        raise SystemExit(f"not everything was sent: {shown(counts)}\n{here.service.log}")
    after = costs(here, sink, pids)
    return Round(
        last - started,
        max(last, finished) - started,
        heard - first,
        *(late - early for late, early in zip(after, cpu, strict=True)),
    )


def costs(here: Site, sink: Sink, pids: list[int]) -> tuple[float, float, float]:
    """Processor seconds so far of the workers, the database and the sink."""
    return cpu_seconds(*pids), cpu_seconds(here.postgres.pid) if here.postgres else 0.0, sink.cpu_seconds


def plain_loop(sink: Sink, messages: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.plain", str(sink.port), str(messages), str(SIZE)]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {"rate": messages / said["seconds"], "cpu_ms": said["cpu"] * 1000 / messages}


def bare_signature() -> float:
    """Milliseconds of processor time of one RSA signature with 2048 bits, as openssl measures it."""
    command = ["openssl", "speed", "-seconds", "2", "rsa2048"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"rsa\s+2048 bits\s+\S+s\s+\S+s\s+(\S+)", said)
    assert found, said
    return 1000 / float(found[1])


def tables(results: list[dict[str, Any]]) -> str:
    head = ["workers", "bytes", "smtp-source, /s", "messages, /s", "ratio", "plain loop, /s", "ratio"]
    head += ["worker, ms", "PostgreSQL, ms", "sink, ms", "plain loop, ms"]
    signed = any("rsa2048_ms" in result for result in results)
    rows = []
    for item in results:
        row = [
            f"{item['workers']}, {item['database']}",
            str(item["message_bytes"]),
            cell(item["smtp_source"]),
            cell(item["messages"]),
            cell(item["to_smtp_source"], 3),
            cell(item["plain"]),
            cell(item["to_plain"], 2),
            *(cell(item[f"{name}_cpu_ms"], 3) for name in ("worker", "postgres", "sink", "plain")),
        ]
        rows.append(row + ([cell(item["rsa2048_ms"], 3), cell(item["to_rsa2048"], 2)] if signed else []))
    return table(head + (["one RSA signature, ms", "ratio"] if signed else []), rows)


if __name__ == "__main__":
    main()
