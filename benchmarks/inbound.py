"""How many bounces a second the listener takes, each answered only after it is in the database.

    make benchmark NAME=inbound  # .venv/bin/python -m benchmarks.inbound [--reports N] [--connections N] [--rounds N]

A real `newsletter inbound` process, on PostgreSQL that waits for the disk and on SQLite. The reports are bounces of
some 4 kB with valid tokens, all different, sent over a few connections that stay open, and then over one connection
each. In each round the same goes to the same protocol with nothing behind it.
"""

import argparse
import asyncio
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import func, select

from benchmarks.processes import cpu_seconds
from benchmarks.report import cell, progress, show, spread, table
from newsletter import migrations
from newsletter.core.clock import utc_now
from newsletter.core.installation import Installation, open_installation
from newsletter.core.settings import load_settings
from newsletter.feedback.models import InboundMail
from newsletter.mail import verp
from newsletter.mail.reception import Reception
from newsletter.newsletters.editing import NewsletterValues, create_newsletter
from tests.support.postgres import own_postgres

DOMAIN = "bounces.gazette.example"
SECRET = "a-secret-key-for-benchmarks-that-is-long-enough"
FILLING = (
    "Received: from mx.example (mx.example [192.0.2.1]) by relay.example; Tue, 24 Nov 2026 10:00:00 +0000\r\n" * 30
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=5000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    found: dict[str, dict[str, list[float]]] = {}
    with progress() as bar:
        for name in ("PostgreSQL", "SQLite"):
            with listener(name == "PostgreSQL") as (here, port, pid), sink() as bare_port:
                secret, number = here.key("mail"), 0
                for _round in bar.track(range(given.rounds), description=name):
                    for kept in (True, False):
                        reports = [report(number + at, secret) for at in range(given.reports)]
                        number += given.reports
                        way = f"{name}, {'open connections' if kept else 'a connection each'}"
                        values = found.setdefault(way, {"taken": [], "bare": [], "cpu": []})
                        before = cpu_seconds(pid)
                        values["taken"].append(measure(port, reports, given.connections, kept))
                        values["cpu"].append((cpu_seconds(pid) - before) / given.reports * 1000)
                        values["bare"].append(measure(bare_port, reports, given.connections, kept))
                with here.database.reading() as session:
                    assert session.scalar(select(func.count(InboundMail.id))) == number, "acknowledged and not stored"
    result = {way: {name: spread(items) for name, items in values.items()} for way, values in found.items()}
    rows = [
        [
            way,
            cell(item["taken"]),
            cell(item["bare"]),
            f"{item['taken']['median'] / item['bare']['median']:.2f}",
            cell(item["cpu"], 2),
        ]
        for way, item in result.items()
    ]
    head = ["listener", "reports, /s", "nothing behind it, /s", "ratio", "process, ms of CPU"]
    show(table(head, rows), {"reports": given.reports, "connections": given.connections} | result)


@contextmanager
def listener(postgres: bool) -> Iterator[tuple[Installation, int, int]]:
    """A `newsletter inbound` process on an empty database: the installation, its port, its number."""
    with tempfile.TemporaryDirectory() as directory, own_postgres() as server:
        environment = {"NEWSLETTER_DATA_DIR": directory, "NEWSLETTER_SECRET_KEY": SECRET}
        if postgres:
            environment["NEWSLETTER_DATABASE_URL"] = server.url
        here = open_installation(load_settings(environment, env_file=None))
        migrations.upgrade(here.database.engine)
        with here.database.unit() as session:
            values = NewsletterValues("gazette", "Gazette", from_address="desk@gazette.example", timezone="UTC")
            create_newsletter(session, values, now=utc_now(), vault=here.vault)
        port = free_port()
        command = [sys.executable, "-m", "newsletter.cli.main", "inbound", "--listen", f"smtp://127.0.0.1:{port}"]
        process = subprocess.Popen(
            command, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_for(port)
            yield here, port, process.pid
        finally:
            process.terminate()
            process.wait(30)
            here.database.dispose()


@contextmanager
def sink() -> Iterator[int]:
    """The same protocol in a process of its own, which keeps nothing."""
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=swallow, args=(port,), daemon=True)
    process.start()
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.join(10)


def swallow(port: int) -> None:
    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Reception(lambda *_: None, 1 << 26), "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(serve())


def report(number: int, secret: bytes) -> tuple[str, bytes]:
    """A bounce, and to whom it comes."""
    to = verp.envelope_sender(number, secret, DOMAIN)
    text = (
        f"{FILLING}From: MAILER-DAEMON@mx.example\r\nTo: {to}\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=B\r\n\r\n"
        "--B\r\nContent-Type: text/plain\r\n\r\nYour message could not be delivered.\r\n"
        "--B\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; reader{number}@large.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n--B--\r\n"
    )
    return to, text.encode()


def measure(port: int, reports: list[tuple[str, bytes]], connections: int, kept: bool) -> float:
    """Reports a second, from the first connection to the last answer."""
    began = time.perf_counter()
    asyncio.run(send(port, reports, connections, kept))
    return len(reports) / (time.perf_counter() - began)


async def send(port: int, reports: list[tuple[str, bytes]], connections: int, kept: bool) -> None:
    waiting = iter(reports)

    async def one() -> None:
        pair: Any = None
        for to, message in waiting:
            if pair is None:
                pair = await asyncio.open_connection("127.0.0.1", port)
                await pair[0].readline()
                pair[1].write(b"HELO client\r\n")
                await pair[0].readline()
            reader, writer = pair
            writer.write(f"MAIL FROM:<>\r\nRCPT TO:<{to}>\r\nDATA\r\n".encode())
            for _answer in range(3):
                await reader.readline()
            writer.write(message + b".\r\n")
            answer = await reader.readline()
            assert answer.startswith(b"250"), answer
            if not kept:
                writer.close()
                pair = None
        if pair is not None:
            pair[1].close()

    await asyncio.gather(*(one() for _connection in range(connections)))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the listener does not start")


if __name__ == "__main__":
    main()
