"""What the launcher tells its web server in the environment; apart, so that the launcher need not import the server."""

from typing import Final

WEB_SOCKET: Final = "LAUNCHER_WEB_SOCKET"  # descriptor of the listening socket
MAILBOX: Final = "LAUNCHER_MAILBOX"  # directory of the local mailbox, when there is one
LANGUAGE: Final = "LAUNCHER_LANGUAGE"  # of the person at the terminal
PREPARED: Final = "LAUNCHER_PREPARED"  # given when the database needs no look any more
