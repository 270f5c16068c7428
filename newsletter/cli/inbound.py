"""`newsletter inbound`: takes in bounces, complaints and wishes to leave, by SMTP or LMTP."""

import asyncio
import os
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import click

from newsletter.cli.shared import open_here
from newsletter.core import logs, processes
from newsletter.core.clock import utc_now
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.installation import Installation
from newsletter.core.settings import load_settings
from newsletter.feedback import tools
from newsletter.feedback.receiving import Scribe, Server

DEFAULT = "smtp://127.0.0.1:2525"
BACKLOG = 512


@click.command()
@click.option("--listen", "url", default=None, help="smtp://HOST:PORT, lmtp://HOST:PORT or lmtp:///PATH.")
def inbound(url: str | None) -> None:
    """Take in bounces, complaints and wishes to leave. Where: --listen, else NEWSLETTER_INBOUND, else port 2525 of this
    machine.

    Let the MX of the bounce domain lead here, or let a mail server in front hand over by LMTP.
    """
    settings = load_settings({**os.environ, "NEWSLETTER_INBOUND": url}) if url else load_settings()
    here = open_here()
    logs.set_up(settings.log_level)
    where = settings.inbound or DEFAULT
    listener = _bind(where)
    click.echo(_("Listening at %(url)s. Ctrl-C ends it.", url=where))
    serve(here, listener, lmtp=urlsplit(where).scheme == "lmtp")


def serve(here: Installation, listener: socket.socket, *, lmtp: bool) -> None:
    """Answer until a signal to stop; what was taken by then is written down."""
    scribe = Scribe(here.database, utc_now)
    try:
        asyncio.run(_serve(Server(listener, scribe, tools.doorkeeper(here), lmtp=lmtp)))
    finally:
        scribe.stop()


async def _serve(server: Server) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    processes.report("ready")
    await server.serve(stopped)


def _bind(url: str) -> socket.socket:
    parts = urlsplit(url)
    try:
        if parts.hostname is None:
            path = Path(parts.path)
            path.unlink(missing_ok=True)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(path))
            listener.listen(BACKLOG)
            return listener
        family = socket.AF_INET6 if ":" in parts.hostname else socket.AF_INET
        return socket.create_server((parts.hostname, parts.port or 0), family=family, backlog=BACKLOG)
    except OSError as error:
        raise RefusedError(
            _("Cannot listen at %(url)s: %(reason)s.", url=url, reason=error.strerror or type(error).__name__)
        ) from None
