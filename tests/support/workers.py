"""Processes of an installation, each started again when it ends, as a service manager does."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from newsletter.cli.embedded.child import TETHER

STOP = 60.0  # seconds for the messages in hand
PAUSE = 0.2  # seconds before an ended process is started again


class Workers:
    """`roles` are arguments of the command `newsletter`; their output goes to `log`."""

    def __init__(self, environment: Mapping[str, str], log: Path, roles: Sequence[tuple[str, ...]]) -> None:
        self.environment = dict(environment)
        self.roles = list(roles)
        self.restarts = 0
        self._log = log
        self._stopping = threading.Event()
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start every role; `environment` may have changed since the last time."""
        self._stopping.clear()
        self._threads = [
            threading.Thread(target=self._keep_up, args=(number, role)) for number, role in enumerate(self.roles)
        ]
        for number, role in enumerate(self.roles):
            self._processes[number] = self._run(role)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End all in an orderly way; kills who takes too long."""
        with self._lock:
            self._stopping.set()
            for process in self._processes.values():
                process.terminate()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def kill(self, number: int) -> bool:
        """SIGKILL to the process of the n-th role, which is soon started again; False when it does not run."""
        with self._lock:
            runs = self._processes[number].poll() is None
            self._processes[number].kill()
            return runs

    @property
    def pids(self) -> dict[int, int]:
        """Process ids by the number of the role."""
        return {number: process.pid for number, process in self._processes.items()}

    def _keep_up(self, number: int, role: tuple[str, ...]) -> None:
        while True:
            process = self._processes[number]
            while process.poll() is None and not self._stopping.wait(0.01):
                pass
            if self._stopping.is_set():
                try:
                    process.wait(STOP)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                return
            if self._stopping.wait(PAUSE):
                return
            with self._lock:
                if self._stopping.is_set():
                    return
                self._processes[number] = self._run(role)
                self.restarts += 1

    def _run(self, role: tuple[str, ...]) -> subprocess.Popen[bytes]:
        # Tethered: a test run that is killed leaves nothing behind.
        command = [sys.executable, "-ES", TETHER, str(os.getpid()), sys.executable, "-m", "newsletter.cli.main", *role]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self._log.parent,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
