"""Posting a form again and again, on connections that stay open."""

import http.client
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlencode

HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Language": "fr"}
TIMEOUT = 30  # seconds


@dataclass(frozen=True)
class Page:
    """Where to post."""

    port: int
    path: str


class Poster:
    """One open connection to a page."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=TIMEOUT)

    def post(self, email: str) -> None:
        """Post one address and read the whole answer, which must be 200."""
        self._connection.request("POST", self._page.path, urlencode({"email": email}), HEADERS)
        answer = self._connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status

    def close(self) -> None:
        self._connection.close()


def rate(page: Page, emails: Sequence[str], connections: int) -> float:
    """Answers per second, when so many connections each post one address after the other."""

    def work(mine: Sequence[str]) -> None:
        poster = Poster(page)
        for email in mine:
            poster.post(email)
        poster.close()

    with ThreadPoolExecutor(connections) as pool:
        started = time.perf_counter()
        list(pool.map(work, [emails[at::connections] for at in range(connections)]))
        return len(emails) / (time.perf_counter() - started)
