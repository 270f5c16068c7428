"""A publisher on loopback: pages that a test puts there, answered with validators and as slowly as it says."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

LOOPBACK = ("127.0.0.1",)


@dataclass
class Page:
    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str = ""
    hold: threading.Event | None = None  # it answers when this is set


class Publisher:
    """`pages` by path; `asked` are the paths of all requests, `most` how many were answered at one moment."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.pages: dict[str, Page] = {}
        self.asked: list[str] = []
        self.most = 0
        self.now = 0
        self.lock = threading.Lock()

    def put(self, path: str, body: str | bytes = "", **given: object) -> str:
        """Put a page there; its address."""
        data = body.encode() if isinstance(body, str) else body
        self.pages[path] = Page(data, **given)  # type: ignore[arg-type]
        return self.url + path


@contextmanager
def publisher() -> Iterator[Publisher]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    found = server.publisher = Publisher(server.server_port)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        for page in found.pages.values():
            if page.hold:
                page.hold.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        house: Publisher = self.server.publisher  # type: ignore[attr-defined]
        with house.lock:
            house.asked.append(self.path)
            house.now += 1
            house.most = max(house.most, house.now)
        try:
            page = house.pages.get(self.path.partition("?")[0], Page(b"no", status=404))
            if page.hold:
                page.hold.wait(10)
            self._answer(page)
        finally:
            with house.lock:
                house.now -= 1

    def _answer(self, page: Page) -> None:
        same = bool(page.etag) and self.headers.get("If-None-Match") == page.etag
        self.send_response(304 if same else page.status)
        if page.etag:
            self.send_header("ETag", page.etag)
        for name, value in {"Content-Type": "application/rss+xml", **page.headers}.items():
            self.send_header(name, value)
        body = b"" if same else page.body
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@dataclass(frozen=True)
class Item:
    title: str
    link: str = ""
    guid: str = ""
    date: datetime | str | None = None
    text: str = ""
    summary: str = ""
    category: str = ""

    def xml(self) -> str:
        date = format_datetime(self.date) if isinstance(self.date, datetime) else self.date
        parts = {
            "title": self.title,
            "link": self.link,
            'guid isPermaLink="false"': self.guid,
            "pubDate": date,
            "description": self.summary,
            "content:encoded": self.text,
            "category": self.category,
        }
        told = "".join(f"<{tag}>{escape(text)}</{tag.split()[0]}>" for tag, text in parts.items() if text)
        return f"<item>{told}</item>"


def rss(items: Sequence[Item], *, title: str = "Le Courrier", language: str = "fr", more: str = "") -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>'
        f"<title>{escape(title)}</title><language>{language}</language>{more}"
        f"{''.join(item.xml() for item in items)}</channel></rss>"
    )
