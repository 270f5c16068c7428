"""How fast readers can sign up, and how soon their confirmation is in the mailbox.

    make benchmark            # .venv/bin/python -m benchmarks.signups [--rounds 5] [--only waitress-sqlite]

Everything is real: the web server, the broker, the worker, and an SMTP server that takes the mail. Each figure stands
beside the same one of a bare Flask page on the same web server, in the same run: the two are measured in turn, round by
round, so that whatever else the machine does falls on both. It takes about a minute and prints a table and JSON.
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from benchmarks.load import Page, Poster, rate
from tests.support.postgres import postgres
from tests.support.service import MANY_PROCESSES, ONE_MACHINE, Service
from tests.support.valkey import valkey

ROOT = Path(__file__).resolve().parents[1]
SERVERS = {"waitress": ONE_MACHINE, "granian": MANY_PROCESSES}
DATABASES = ("sqlite", "postgresql")
CONNECTIONS = 8
BARE_REQUESTS, SIGN_UPS, SINGLE = 400, 80, 10  # of each round
MAIL_PATIENCE = 60.0  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    names = [f"{server}-{database}" for server in SERVERS for database in DATABASES]
    parser.add_argument("--only", choices=names, action="append")
    given = parser.parse_args()
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "load_before": os.getloadavg()[0]}
    results = []
    with postgres() as server_url:
        for name in given.only or names:
            server, database = name.split("-")
            with running(server, new_database(server_url, server) if database == "postgresql" else "") as (
                service,
                bare,
            ):
                results.append({"server": server, "database": database, **measure(service, bare, given.rounds)})
                print(row(results[-1]) if len(results) > 1 else f"{HEAD}\n{row(results[-1])}", flush=True)
    print()
    print(json.dumps({"machine": machine, "rounds": given.rounds, "results": results}))


def new_database(server_url: str, name: str) -> str:
    """URL of an empty database."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "benchmark_{name}"')
        connection.execute(f'CREATE DATABASE "benchmark_{name}"')
    return make_url(server_url).set(database=f"benchmark_{name}").render_as_string(hide_password=False)


@contextmanager
def running(server: str, database_url: str) -> Iterator[tuple[Service, Page]]:
    """A service that has its newsletter, and the bare page, both on this kind of web server."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark")))
        settings = {"BROKER_URL": stack.enter_context(valkey()), "LOG_LEVEL": "warning"}
        if database_url:
            settings["DATABASE_URL"] = database_url
        service = Service(directory, SERVERS[server], settings)
        stack.callback(service.close)
        service.start()
        service.command("newsletters", "create", "bench", "--name", "Bench", "--from", "desk@bench.example")
        bare = Service(directory, ())
        stack.callback(bare.close)
        log = stack.enter_context((directory / "bare.log").open("wb"))
        command = [sys.executable, "-m", "benchmarks.bare", server]
        process = subprocess.Popen(command, cwd=directory, env=bare.environment, stdout=log, stderr=log)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        bare.eventually(bare.is_ready)
        yield service, Page(bare.port, "/")


def measure(service: Service, bare: Page, rounds: int) -> dict[str, Any]:
    """Medians over the rounds; times in milliseconds."""
    form = Page(service.port, "/n/bench")
    addresses = (f"reader{number}@readers.example" for number in itertools.count())
    take = lambda count: list(itertools.islice(addresses, count))  # noqa: E731
    rate(bare, take(40), CONNECTIONS)  # warm
    rate(form, take(16), CONNECTIONS)
    service.relay.wait_for(16, MAIL_PATIENCE)
    bare_rates, form_rates, bare_times, answer_times, mail_times = [], [], [], [], []
    for _round in range(rounds):
        bare_rates.append(rate(bare, take(BARE_REQUESTS), CONNECTIONS))
        before = len(service.relay.received)
        form_rates.append(rate(form, take(SIGN_UPS), CONNECTIONS))
        # The mails of this round must not slow the bare page of the next one.
        service.relay.wait_for(before + SIGN_UPS, MAIL_PATIENCE)
        bare_times += singles(bare, take(SINGLE))
        for answered, arrived in sign_up_one_by_one(service, form, take(SINGLE)):
            answer_times.append(answered)
            mail_times.append(arrived)
    ratios = [ours / theirs for ours, theirs in zip(form_rates, bare_rates, strict=True)]
    return {
        "bare_per_second": statistics.median(bare_rates),
        "sign_ups_per_second": statistics.median(form_rates),
        "rate_ratio": statistics.median(ratios),
        "rate_ratio_range": [min(ratios), max(ratios)],
        "bare_ms": spread(bare_times),
        "answer_ms": spread(answer_times),
        "mail_ms": spread(mail_times),
        "mail_ratio": statistics.median(mail_times) / statistics.median(bare_times),
    }


def singles(page: Page, emails: list[str]) -> list[float]:
    """Milliseconds of single posts, one after the other."""
    poster = Poster(page)
    times = []
    for email in emails:
        started = time.perf_counter()
        poster.post(email)
        times.append((time.perf_counter() - started) * 1000)
    poster.close()
    return times


def sign_up_one_by_one(service: Service, form: Page, emails: list[str]) -> Iterator[tuple[float, float]]:
    """Milliseconds from the post to its answer, and to the confirmation in the mailbox."""
    poster = Poster(form)

    def arrival(count: int) -> float:
        service.relay.wait_for(count, MAIL_PATIENCE)
        return time.perf_counter()

    with ThreadPoolExecutor(1) as pool:  # a mail may be there before the answer
        for email in emails:
            mail = pool.submit(arrival, len(service.relay.received) + 1)
            started = time.perf_counter()
            poster.post(email)
            answered = time.perf_counter()
            yield (answered - started) * 1000, (mail.result() - started) * 1000
    poster.close()


def spread(times: list[float]) -> dict[str, float]:
    return {"median": statistics.median(times), "p95": statistics.quantiles(times, n=20)[-1]}


HEAD = (
    "| server | database | bare, /s | sign-ups, /s | ratio (range) | bare, ms | answer, ms | mail, ms | mail / bare |\n"
    "|---|---|--:|--:|--:|--:|--:|--:|--:|"
)


def row(result: dict[str, Any]) -> str:
    """A line of the table; times are median and 95th percentile."""
    low, high = result["rate_ratio_range"]
    cells = [
        result["server"],
        result["database"],
        f"{result['bare_per_second']:.0f}",
        f"{result['sign_ups_per_second']:.0f}",
        f"{result['rate_ratio']:.3f} ({low:.3f} to {high:.3f})",
        *(f"{result[name]['median']:.1f}, {result[name]['p95']:.1f}" for name in ("bare_ms", "answer_ms", "mail_ms")),
        f"{result['mail_ratio']:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
