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
    with tempfile.TemporaryDirectory(prefix="valkey") as directory:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        options = (
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            directory,
            "--loglevel",
            "warning",
        )
        # Tethered, so that a test run that is killed leaves no server behind.
        command = [sys.executable, "-ES", TETHER, str(os.getpid()), find_server(), *options]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
            try:
                _wait_for(port)
                yield f"redis://127.0.0.1:{port}/0"
            finally:
                server.kill()


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
