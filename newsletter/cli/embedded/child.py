"""One child of the launcher: its process, what it says, and when to start it again."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from newsletter.core.processes import STATUS_PIPE

TETHER: Final = str(Path(__file__).with_name("tether.py"))
SHORTEST_PAUSE: Final = 0.5  # seconds before a child that died is started again; doubled each time
LONGEST_PAUSE: Final = 30.0
GOOD_LIFE: Final = 60.0  # a child that lived this long starts again without delay
LONGEST_LINE: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Role:
    """What to run, and how.

    `reports`: it tells when it is ready; one that does not is ready when it runs. `noise`: lines of its output that
    tell a person nothing, as a regular expression.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    descriptors: tuple[int, ...] = ()
    reports: bool = True
    noise: str = r"\Z"
    patience: float = 5.0  # seconds it is given to stop


class Child:
    """A role, and the process that has it now. `output` and `status` are the pipes it writes to, -1 when closed."""

    def __init__(self, role: Role) -> None:
        self.role = role
        self.ready = False
        self.last_words = ""
        self.output = self.status = -1
        self.ended: set[int] = set()  # pipes that nobody writes to any more
        self.restart_at: float | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._pause = SHORTEST_PAUSE
        self._started_at = 0.0
        self._rest = {"output": b"", "status": b""}

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def start(self) -> None:
        self.output, output = os.pipe()
        self.status, status = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the launcher chooses what runs
                [sys.executable, "-ES", TETHER, str(os.getpid()), *self.role.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **self.role.environment, STATUS_PIPE: str(status), "PYTHONUNBUFFERED": "1"},
                pass_fds=(status, *self.role.descriptors),
                # Ctrl-C in a terminal is for the launcher alone, which then stops them in order.
                start_new_session=True,
            )
        finally:
            os.close(output)
            os.close(status)
        for pipe in (self.output, self.status):
            os.set_blocking(pipe, False)
        self._rest = {"output": b"", "status": b""}
        self.ready = not self.role.reports
        self.restart_at = None
        self._started_at = time.monotonic()

    def lines(self) -> list[str]:
        """What it printed since the last call and is worth showing, in whole lines."""
        found = [line.decode("utf-8", "replace").rstrip() for line in self._read("output", self.output)]
        self.last_words = next((line for line in reversed(found) if line), self.last_words)
        return [line for line in found if line and not re.match(self.role.noise, line)]

    def statuses(self) -> list[dict[str, Any]]:
        """What it reported since the last call."""
        found = [json.loads(line) for line in self._read("status", self.status)]
        self.ready = self.ready or any(item["state"] == "ready" for item in found)
        return found

    def _read(self, name: str, pipe: int) -> list[bytes]:
        if pipe < 0:
            return []
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(pipe, 65536):
                self._rest[name] += chunk
            self.ended.add(pipe)
        *lines, rest = self._rest[name].split(b"\n")
        if len(rest) > LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        self._rest[name] = rest
        return lines

    def died(self) -> bool:
        """Whether its process has ended since the last call; when to start it again is then in `restart_at`."""
        if self._process is None or self._process.returncode is not None or self._process.poll() is None:
            return False
        now = time.monotonic()
        if now - self._started_at > GOOD_LIFE:
            self._pause = SHORTEST_PAUSE
        self.restart_at = now + self._pause
        self._pause = min(LONGEST_PAUSE, self._pause * 2)
        self.ready = False
        self.kill()  # whatever it had started itself
        return True

    def ending(self) -> str:
        """How it ended: an exit code or the name of a signal."""
        code = self._process.returncode if self._process else None
        return f"exit {code}" if code is None or code >= 0 else signal.Signals(-code).name

    def ask_to_stop(self) -> None:
        if self.running and self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and all that it started, at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        for pipe in (self.output, self.status):
            if pipe >= 0:
                os.close(pipe)
        self.output = self.status = -1
        self.ended = set()
