"""Whether the listener for bounces answers, as seen from this machine."""

import socket
from urllib.parse import urlsplit

PATIENCE = 0.5  # seconds
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what listens everywhere is asked here


def answers(url: str) -> bool:
    """Whether somebody takes a connection at `smtp://HOST:PORT`, `lmtp://HOST:PORT` or `lmtp:///PATH`; half a second at
    most. Not while a transaction is open.
    """
    parts = urlsplit(url)
    try:
        if parts.hostname is None:
            with socket.socket(socket.AF_UNIX) as opened:
                opened.settimeout(PATIENCE)
                opened.connect(parts.path)
                return True
        where = ANY.get(parts.hostname, parts.hostname)
        with socket.create_connection((where, parts.port or 25), timeout=PATIENCE):
            return True
    except OSError:
        return False
