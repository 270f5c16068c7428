"""Logs of every process alike: one line an event on standard error, and no token in any of them."""

import logging
import re
import sys

# A link's token opens a reader's preferences or an account: whoever reads the logs must not be able to.
TOKEN_IN_PATH = re.compile(r"/(u|p|confirm|password)/[A-Za-z0-9_-]{8,}")
PASSWORD_IN_URL = re.compile(r"(://[^/\s:@]*):[^/\s@]+@")
QUIET = ("celery", "kombu", "waitress", "asyncio", "mail.log", "trafilatura", "htmldate")


class Redact(logging.Formatter):
    """The line without tokens and passwords, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return PASSWORD_IN_URL.sub(r"\1:…@", TOKEN_IN_PATH.sub(r"/\1/…", text))


def set_up(level: str) -> None:
    """Send events of `level` (debug, info, warning, error) and above to standard error; libraries warn only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redact("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    if level != "debug":
        for name in QUIET:
            logging.getLogger(name).setLevel(logging.WARNING)
