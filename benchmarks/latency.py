"""How many messages a second go over one connection to a relay that is far away.

    make benchmark NAME=latency  # .venv/bin/python -m benchmarks.latency [--messages N] [--round-trip MS] [--rounds N]

The relay is ours, with and without CHUNKING, behind a line that delays each direction by half the round trip. The
sender is the product's own, on one connection; beside it, in the same round, the loop of smtplib and email.message. A
sender that waits for the answer to each message can do no more than one message in a round trip.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.distance import distance
from benchmarks.plain import write
from benchmarks.report import cell, progress, show, spread, table
from newsletter.mail.commands import Envelope
from newsletter.mail.pump import Pump
from newsletter.mail.session import Parcel
from newsletter.mail.transport import OutcomeKind, Relay
from tests.support.logged_relay import LoggedRelay

SIZE = 30_000  # bytes of a message
PATIENCE = 60.0  # seconds
LINE = "relay"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--plain", type=int, default=20, help="messages of the smtplib loop")
    parser.add_argument("--round-trip", type=float, default=50.0, help="milliseconds")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    results = [measure(given, chunking=chunking) for chunking in (False, True)]
    head = ["relay", "round trips, /s", "messages, /s", "messages in a round trip", "plain loop, /s", "ratio"]
    rows = [
        [
            "with CHUNKING" if item["chunking"] else "without CHUNKING",
            f"{1000 / given.round_trip:.0f}",
            cell(item["messages"], 1),
            cell(item["in_a_round_trip"], 2),
            cell(item["plain"], 1),
            cell(item["to_plain"], 1),
        ]
        for item in results
    ]
    show(table(head, rows), results)


def measure(given: argparse.Namespace, *, chunking: bool) -> dict[str, Any]:
    """Messages per second over one connection, in rounds."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="latency")))
        relay = stack.enter_context(LoggedRelay(directory / "taken", chunking=chunking))
        port = stack.enter_context(distance(relay.port, given.round_trip / 2000))
        bar = stack.enter_context(progress())
        ours, plain = [], []
        for _round in bar.track(range(given.rounds), description="with CHUNKING" if chunking else "without CHUNKING"):
            ours.append(send(port, given.messages))
            plain.append(plain_loop(port, given.plain))
    return {
        "chunking": chunking,
        "round_trip_ms": given.round_trip,
        "messages": spread(ours),
        "in_a_round_trip": spread([rate * given.round_trip / 1000 for rate in ours]),
        "plain": spread(plain),
        "to_plain": spread([rate / theirs for rate, theirs in zip(ours, plain, strict=True)]),
    }


def send(port: int, messages: int) -> float:
    """Messages per second, from the end of the first one to the end of the last: the connection is open by then."""
    message = write(0, SIZE).as_bytes().replace(b"\n", b"\r\n")
    pump = Pump(leaving=lambda _parcel: None)
    pump.line(LINE, Relay("127.0.0.1", port), connections=1, per_connection=messages + 1)
    waiting = [
        Parcel(number, Envelope("bounces@gazette.example", f"reader{number}@mail.example"), message)
        for number in range(messages)
    ]
    ended, first = 0, 0.0
    deadline = time.monotonic() + PATIENCE + messages / 5
    try:
        while ended < messages:
            while waiting and pump.room(LINE) > 0:
                pump.post(LINE, waiting.pop())
            for item in pump.turn(0.1):
                assert item.outcome.kind is OutcomeKind.SENT, item.outcome
                first = first or time.perf_counter()
                ended += 1
            assert time.monotonic() < deadline, f"{ended} messages of {messages}"
        return (messages - 1) / (time.perf_counter() - first)
    finally:
        pump.close()


def plain_loop(port: int, messages: int) -> float:
    command = [sys.executable, "-m", "benchmarks.plain", str(port), str(messages), str(SIZE)]
    return messages / float(json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["seconds"])


if __name__ == "__main__":
    main()
