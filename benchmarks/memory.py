"""How much memory a worker needs for a small list and for a large one.

    make benchmark NAME=memory  # .venv/bin/python -m benchmarks.memory [--readers N ...] [--minutes M]

One worker freezes an issue and sends it to smtp-sink; its memory is looked at five times a second. After so many
minutes the issue is paused: what a list weighs has shown by then.
"""

import argparse
import time
from typing import Any

from benchmarks.postfix import Sink, smtp_sink
from benchmarks.processes import memory, peak_rss
from benchmarks.report import progress, show, table
from tests.support.site import Site, site

READERS = (100_000, 1_000_000)
STORIES = 23  # about 30 kB
LOOK = 0.2  # seconds
MB = 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, action="append", help="may be repeated; 100,000 and 1,000,000")
    parser.add_argument("--minutes", type=float, default=5.0, help="of sending, at most, for each")
    given = parser.parse_args()
    results = [run(readers, given.minutes * 60) for readers in given.readers or READERS]
    head = ["readers", "sent", "idle PSS, MB", "peak PSS, MB", "peak RSS, MB", "to the smallest list"]
    rows = [
        [
            str(item["readers"]),
            str(item["sent"]),
            *(f"{item[name]:.0f}" for name in ("idle_pss_mb", "peak_pss_mb", "peak_rss_mb")),
            f"{item['peak_pss_mb'] / results[0]['peak_pss_mb']:.2f}",
        ]
        for item in results
    ]
    show(table(head, rows), results)


def run(readers: int, seconds: float) -> dict[str, Any]:
    """Megabytes, the freeze included."""
    with smtp_sink() as sink, site(sink.url) as here:
        here.prepare()
        here.fill(readers)
        here.write(STORIES)
        with here.workers([("worker", "bulk")]) as workers, progress() as bar:
            [pid] = workers.pids.values()
            task = bar.add_task(f"{readers} readers", total=readers)
            idle = settle(pid)
            issue_id = here.send()
            peak = watch(here, sink, pid, issue_id, seconds, lambda sent: bar.update(task, completed=sent))
            resident = peak_rss(pid)
            sent = here.counts(issue_id)["sent"]
            if here.status(issue_id) != "sent":
                here.service.command("issues", "pause", str(issue_id))
        assert workers.restarts == 0, here.service.log
    return {
        "readers": readers,
        "sent": sent,
        "idle_pss_mb": idle / MB,
        "peak_pss_mb": peak / MB,
        "peak_rss_mb": resident / MB,
    }


def settle(pid: int) -> int:
    """The memory of a worker that has started and waits: when it has stayed the same for three seconds."""
    size, since = memory(pid)["pss"], time.monotonic()
    while time.monotonic() - since < 3:
        time.sleep(LOOK)
        if abs((now := memory(pid)["pss"]) - size) > MB / 10:
            size, since = now, time.monotonic()
    return size


def watch(here: Site, sink: Sink, pid: int, issue_id: int, seconds: float, told: Any) -> int:
    """The most memory while the issue is frozen and for so many seconds of sending, or until it is out."""
    peak, heard, ends, looks = 0, sink.heard, 0.0, 0
    while not ends or time.monotonic() < ends:
        peak = max(peak, memory(pid)["pss"])
        if not ends and sink.heard > heard:
            ends = time.monotonic() + seconds
        looks += 1
        if looks % 10 == 0:
            told(here.counts(issue_id)["sent"])
            if here.status(issue_id) == "sent":
                break
        time.sleep(LOOK)
    return peak


if __name__ == "__main__":
    main()
