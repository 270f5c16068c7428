"""A real message broker for tests, on a port of loopback or on one of TEST_BROKER_URL."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from newsletter.cli.embedded.broker import find_server
from newsletter.cli.embedded.child import TETHER

START_SECONDS = 10


@contextmanager
def valkey() -> Iterator[str]:
    """URL of an empty server that nobody else uses. TEST_BROKER_URL names one that may be emptied instead."""
    if given := os.environ.get("TEST_BROKER_URL"):
        yield given
        return
    with own_valkey() as server:
        yield server.url


@contextmanager
def own_valkey() -> Iterator["ValkeyServer"]:
    """A new server whatever the environment says, which a test may end at any moment and start again."""
    with tempfile.TemporaryDirectory(prefix="valkey") as directory:
        server = ValkeyServer(directory)
        server.start()
        try:
            yield server
        finally:
            server.stop()


class ValkeyServer:
    """A server on a port that stays the same when it is started again, and that keeps nothing on disk."""

    def __init__(self, directory: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        options = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "dir": directory, "loglevel": "warning"}
        # Tethered, so that a test run that is killed leaves no server behind.
        tether = [sys.executable, "-ES", TETHER, str(os.getpid())]
        self._command = [*tether, find_server(), *(part for name in options for part in (f"--{name}", options[name]))]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        try:
            _wait_for(self.port)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """At once; what it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def empty(self) -> None:
        """Forget every job that waits in it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"FLUSHALL\r\n")
            assert connection.recv(16).startswith(b"+OK")


def _wait_for(port: int) -> None:
    ends = time.monotonic() + START_SECONDS
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(16).startswith(b"+PONG"):
                    return
        except OSError:
            time.sleep(0.02)
        assert time.monotonic() < ends, "the broker did not start"
