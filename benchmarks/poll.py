"""How long it takes to read many feeds, beside `feedparser.parse` alone over the same bodies.

    make benchmark NAME=poll  # .venv/bin/python -m benchmarks.poll [--feeds 1000] [--entries 50] [--sqlite]

A server in a process of its own has the feeds, on several ports, since one host is asked twice at a time only. They are
read three times: for the first time, when twenty entries of each become articles; again with another body that has the
same entries; and once more when nothing changed and the server says so (304). The ratio is to the time that
`feedparser.parse`, as it comes, takes for all bodies one after the other, without network and database.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import feedparser
from sqlalchemy import func, select

from benchmarks.report import show, table
from newsletter import migrations
from newsletter.articles.models import Article
from newsletter.core.clock import utc_now
from newsletter.core.database import Database, open_engine
from newsletter.core.tokens import Vault
from newsletter.feeds import adding, discover, polling
from newsletter.feeds.apart import Apart
from newsletter.feeds.models import Feed
from newsletter.newsletters import senders
from newsletter.newsletters.editing import NewsletterValues, create_newsletter
from tests.support.newsroom import DOMAIN, SECRET
from tests.support.postgres import postgres

PORTS = 8
BEGAN = datetime(2026, 3, 2, 8, tzinfo=UTC)
SYLLABLES = ("ba", "be", "ka", "ko", "la", "le", "lo", "ma", "mi", "na", "no", "pa", "ra", "ré", "sa", "ta", "té", "zi")
FIRST, CHANGED, UNCHANGED = "first reading", "another body, known entries", "unchanged (304)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=1000)
    parser.add_argument("--entries", type=int, default=50)
    parser.add_argument("--sqlite", action="store_true", help="instead of PostgreSQL")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.entries)
        return
    alone = parse_alone(given.feeds, given.entries)
    with database(sqlite=given.sqlite) as opened, server(given.entries) as (ports, turn):
        note(opened, given.feeds, ports)
        rows = []
        for name in (FIRST, CHANGED, UNCHANGED):
            if name == CHANGED:
                turn()
            rows.append((name, *poll(opened, given.feeds)))
        with opened.reading() as session:
            articles = session.scalar(select(func.count()).select_from(Article))
    results: dict[str, Any] = {
        "feeds": given.feeds,
        "entries": given.entries,
        "database": "sqlite" if given.sqlite else "postgresql",
        "feedparser_s": alone,
        "articles": articles,
        "readings": {name: {"seconds": seconds, "cpu_s": cpu, "ratio": seconds / alone} for name, seconds, cpu in rows},
    }
    head = ["reading", "feeds", "seconds", "of which CPU", "feedparser alone, s", "ratio"]
    cells = [
        [name, str(given.feeds), f"{seconds:.1f}", f"{cpu:.1f}", f"{alone:.1f}", f"{seconds / alone:.2f}"]
        for name, seconds, cpu in rows
    ]
    show(table(head, cells), results)


def parse_alone(feeds: int, entries: int) -> float:
    """Seconds that feedparser takes for all bodies."""
    bodies = [body(number, 0, entries) for number in range(feeds)]
    start = time.perf_counter()
    for one in bodies:
        assert len(feedparser.parse(one).entries) == entries
    return time.perf_counter() - start


def poll(database: Database, feeds: int) -> tuple[float, float]:
    """Read every feed; seconds by the clock, and of this process."""
    with database.unit() as session:
        adding.ask(session, list(session.scalars(select(Feed.id))), now=utc_now())
    start, cpu = time.perf_counter(), time.process_time()
    with Apart() as parse:
        polled = polling.poll_due(database, discover.fetcher(["127.0.0.1"]), clock=utc_now, parse=parse)
    took = time.perf_counter() - start, time.process_time() - cpu
    failed = [one.error for one in polled if one.error]
    assert len(polled) == feeds, len(polled)
    assert not failed, failed[:3]
    return took


def note(database: Database, feeds: int, ports: list[int]) -> None:
    """A newsletter that takes all of them."""
    now = utc_now()
    with database.unit() as session:
        senders.ensure_domain(session, DOMAIN, vault=Vault(SECRET), now=now)
        values = NewsletterValues(
            slug="gazette", name="La Gazette", from_address=f"desk@{DOMAIN}", timezone="Africa/Lome"
        )
        newsletter = create_newsletter(session, values, now=now, vault=Vault(SECRET))
        for number in range(feeds):
            url = f"http://127.0.0.1:{ports[number % len(ports)]}/{number}"
            adding.note(session, url, title="", newsletter_id=newsletter.id, topic_id=None, now=now)


@contextmanager
def database(*, sqlite: bool) -> Iterator[Database]:
    """An empty installation's."""
    with tempfile.TemporaryDirectory() as directory:
        if sqlite:
            yield from _prepared(f"sqlite:///{Path(directory) / 'newsletter.db'}")
        else:
            with postgres() as url:
                yield from _prepared(url)


def _prepared(url: str) -> Iterator[Database]:
    engine = open_engine(url)
    migrations.upgrade(engine)
    yield Database(engine)
    engine.dispose()


@contextmanager
def server(entries: int) -> Iterator[tuple[list[int], Callable[[], None]]]:
    """Its ports, and what gives every feed another body."""
    command = [sys.executable, "-m", "benchmarks.poll", "--serve", "--entries", str(entries)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def turn() -> None:
            stdin.write("\n")
            stdin.flush()
            stdout.readline()

        try:
            yield [int(port) for port in stdout.readline().split()], turn
        finally:
            stdin.close()
            process.wait(10)


def serve(entries: int) -> None:
    """Serve feeds until standard input ends; each line on it gives them another body."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), _Handler) for _at in range(PORTS)]
    for one in servers:
        one.daemon_threads = True
        threading.Thread(target=one.serve_forever, daemon=True).start()
    _Handler.entries = entries
    print(*(one.server_port for one in servers), flush=True)
    for _line in sys.stdin:
        _Handler.version += 1
        print(_Handler.version, flush=True)


class _Handler(BaseHTTPRequestHandler):
    entries = 0
    version = 0

    def do_GET(self) -> None:
        etag = f'"{self.version}"'
        same = self.headers.get("If-None-Match") == etag
        data = b"" if same else body(int(self.path[1:]), self.version, self.entries)
        head = (
            f"ETag: {etag}\r\nContent-Type: application/rss+xml; charset=utf-8\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        self.wfile.write(f"HTTP/1.1 {'304 Not Modified' if same else '200 OK'}\r\n{head}".encode() + data)

    def log_message(self, *_arguments: object) -> None:
        pass


def body(number: int, version: int, entries: int) -> bytes:
    """A feed whose entries stay from one version to the next."""
    head = f"<title>Le Courrier {number}</title><language>fr</language><lastBuildDate>{version}</lastBuildDate>"
    namespace = 'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    xml = f'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" {namespace}><channel>{head}'
    return f"{xml}{_items(number, entries)}</channel></rss>".encode()


@cache
def _items(number: int, entries: int) -> str:
    rng = random.Random(number)

    def words(count: int) -> str:
        return " ".join("".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _word in range(count))

    return "".join(
        f"<item><title>{words(8).capitalize()}</title><link>https://courrier{number}.example/{at}</link>"
        f'<guid isPermaLink="false">{number}-{at}</guid><category>Ville</category>'
        f"<pubDate>{format_datetime(BEGAN - timedelta(minutes=7 * at))}</pubDate><author>{words(2)}</author>"
        f"<description>{words(30)}.</description><content:encoded><![CDATA[<p>{words(60)}.</p><p>{words(60)}.</p>"
        f'<p><a href="https://courrier{number}.example/">{words(3)}</a></p>]]></content:encoded></item>'
        for at in range(entries)
    )


if __name__ == "__main__":
    main()
