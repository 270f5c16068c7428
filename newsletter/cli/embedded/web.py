"""The web server of one machine: waitress, in a process of its own below `newsletter up`.

Run as `python -m newsletter.cli.embedded.web`. The launcher has bound the socket already, so that a busy port is known
at once and no visitor is turned away while this process starts again.
"""

import dataclasses
import importlib
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from newsletter import migrations
from newsletter.cli.embedded.names import LANGUAGE, MAILBOX, PREPARED, WEB_SOCKET
from newsletter.cli.first_run import prepare
from newsletter.core import logs, processes
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import use_locale
from newsletter.core.installation import Installation, open_installation
from newsletter.core.settings import Settings, load_settings

THREADS: Final = 8
LAST_ANSWERS: Final = 4.0  # seconds that running requests are given when the server stops


def main() -> None:
    settings = load_settings()
    with use_locale(os.environ.get(LANGUAGE, "en")):
        try:
            installation = open_installation(settings)
            if not os.environ.get(PREPARED):  # the first process of a launcher; not one that replaces it
                migrations.upgrade(installation.database.engine)
                processes.report("prepared", **dataclasses.asdict(prepare(installation)))
        except (RefusedError, SQLAlchemyError, OSError) as error:
            processes.report("refused", why=_reason(error))
            sys.exit(1)
    logs.set_up(settings.log_level)
    mailbox = os.environ.get(MAILBOX)
    listener = socket.socket(fileno=int(os.environ[WEB_SOCKET]))
    serve(settings, listener, installation=installation, mailbox=Path(mailbox) if mailbox else None)


def _reason(error: Exception) -> str:
    """One line for the person at the terminal."""
    if not isinstance(error, SQLAlchemyError):
        return str(error)
    words = str(getattr(error, "orig", error)).strip().splitlines()
    return _(
        "The database refused: %(reason)s. Check NEWSLETTER_DATABASE_URL, or run `newsletter db upgrade`.",
        reason=words[0] if words else type(error).__name__,
    )


def serve(
    settings: Settings, listener: socket.socket, installation: Installation | None = None, mailbox: Path | None = None
) -> None:
    """Answer requests on a listening socket until SIGTERM or SIGINT; requests that are running are finished."""
    from waitress.server import create_server  # noqa: PLC0415 - not needed where granian serves

    # By name, as every WSGI server does it: commands and pages are neighbours that do not know each other.
    application = importlib.import_module("newsletter.web.app").create_app(settings, installation, mailbox=mailbox)
    server = create_server(
        application,
        sockets=[listener],
        threads=THREADS,
        ident=None,
        connection_limit=500,
        # Werkzeug's ProxyFix counts the proxies by our own setting; waitress would have removed what they say.
        clear_untrusted_proxy_headers=not settings.trusted_proxies,
    )
    stopping = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True
        server.pull_trigger()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    processes.report("ready")
    while not stopping:
        server.asyncore.loop(timeout=30, map=server._map, count=1)
    server.del_channel()  # nobody new
    listener.close()
    deadline = time.monotonic() + LAST_ANSWERS
    while _is_busy(server) and time.monotonic() < deadline:
        server.asyncore.loop(timeout=0.05, map=server._map, count=1)
    server.task_dispatcher.shutdown(timeout=0.5)


def _is_busy(server: Any) -> bool:
    """Whether a request is being answered, or an answer is still on its way out."""
    return any(channel.requests or channel.total_outbufs_len for channel in server.active_channels.values())


if __name__ == "__main__":
    main()
