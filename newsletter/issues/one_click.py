"""Whether leaving works as mailbox providers do it (RFC 8058): a POST to the service's own address, from outside.

The link stands for subscription 0, which is nobody's, so nothing changes. The address is the operator's own setting and
may well be inside a private network, so it is asked directly.
"""

import http.client
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from newsletter.issues.preflight.findings import Finding, Level, found

BODY: Final = b"List-Unsubscribe=One-Click"
SECONDS: Final = 8.0


@dataclass(frozen=True, slots=True)
class Reply:
    """`status` 0: no answer, and `problem` says why."""

    status: int
    problem: str = ""


def post(url: str, *, seconds: float = SECONDS) -> Reply:
    """What the address answers to a one-click request; no redirect is followed. Never raises."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=seconds)
        try:
            connection.request(
                "POST", parts.path, BODY, {"Content-Type": "application/x-www-form-urlencoded", "Connection": "close"}
            )
            return Reply(connection.getresponse().status)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Reply(0, f"{type(error).__name__}: {error}"[:200])


def judge(url: str, reply: Reply) -> list[Finding]:
    """What a reply means for readers who press the button of their mail program."""
    site = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    if reply.status == 200:
        return []
    if reply.status == 0:
        return [found("leave_unreached", Level.WARNING, site, problem=reply.problem)]
    if 300 <= reply.status < 400:
        return [found("leave_redirects", Level.FATAL, site, status=reply.status)]
    if reply.status >= 500 or reply.status == 429:
        return [found("leave_failing", Level.WARNING, site, status=reply.status)]
    return [found("leave_refused", Level.FATAL, site, status=reply.status)]
