"""The local mailbox as a process of its own below `newsletter up`: a burst of mail must not slow the pages that show
it.

Run as `python -m newsletter.cli.embedded.mail DIRECTORY SOCKET`; the launcher has bound the socket, so its port stays.
"""

import signal
import socket
import sys
from pathlib import Path

from newsletter.core import processes
from newsletter.mail import mailbox


def main(directory: str, descriptor: str) -> None:
    # Blocked before the mailbox has its thread, so that this one alone waits for them.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    running = mailbox.serve(Path(directory), socket.socket(fileno=int(descriptor)))
    processes.report("ready")
    signal.sigwait((signal.SIGTERM, signal.SIGINT))
    running.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
