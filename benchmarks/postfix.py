"""Postfix's smtp-sink, which takes mail and forgets it, and smtp-source, which sends it: the measures of speed.

They come with the system's postfix, or out of Debian's package of it, unpacked into the cache and not installed.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import bytes_read, cpu_seconds

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "newsletter-benchmarks"
START_SECONDS = 5
HOW = "smtp-sink and smtp-source are needed: install postfix, or let `apt-get download postfix` work"


def find(program: str) -> tuple[Path, dict[str, str]]:
    """Where the program is, and the environment it runs in. SystemExit, in words, when there is none."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    if found := shutil.which(program, path=path):
        return Path(found), dict(os.environ)
    unpacked = CACHE / "postfix"
    if not (unpacked / "usr/sbin" / program).exists():
        _unpack(unpacked)
    libraries = str(unpacked / "usr/lib/postfix")
    return unpacked / "usr/sbin" / program, {**os.environ, "LD_LIBRARY_PATH": libraries}


def _unpack(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(["apt-get", "download", "postfix"], cwd=target, check=True, capture_output=True, text=True)
        [package] = target.glob("postfix_*.deb")
        subprocess.run(["dpkg", "-x", package.name, "."], cwd=target, check=True, capture_output=True, text=True)
        package.unlink()
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        raise SystemExit(f"{HOW}; it said: {getattr(error, 'stderr', '') or error}") from None


@dataclass(frozen=True, slots=True)
class Sink:
    """A running smtp-sink."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid)

    @property
    def heard(self) -> int:
        """Bytes that came so far; costs the sink nothing."""
        return bytes_read(self.pid)


@contextmanager
def smtp_sink() -> Iterator[Sink]:
    program, environment = find("smtp-sink")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(program), *(("-u", "nobody") if os.geteuid() == 0 else ()), f"127.0.0.1:{port}", "1024"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            ends = time.monotonic() + START_SECONDS
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > ends:
                        raise SystemExit(f"smtp-sink did not start. {HOW}.") from None
                    time.sleep(0.02)
            yield Sink(process.pid, port)
        finally:
            process.kill()


def smtp_source(sink: Sink, *, messages: int, size: int, sessions: int = 16) -> float:
    """Seconds that smtp-source takes for so many messages of so many bytes."""
    program, environment = find("smtp-source")
    numbers = ["-s", str(sessions), "-l", str(size), "-m", str(messages)]
    command = [str(program), *numbers, "-f", "a@bench.example", "-t", "b@bench.example", f"127.0.0.1:{sink.port}"]
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
