"""The relay of `relay_process` as a test holds it: what it took, and the accidents it is told to have."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Taken:
    """One message that the relay took. `how`: `replied`, `cut` or `gone`, as it answered the final dot."""

    connection: int
    recipient: str
    message_id: str
    how: str


class LoggedRelay:
    """`rate`: messages per second that it takes at most; 0 for all that come."""

    def __init__(self, log: Path, *, rate: float = 0.0, chunking: bool = False) -> None:
        self._log = log
        command = [sys.executable, "-m", "tests.support.relay_process", str(log), "--rate", str(rate)]
        self._process = subprocess.Popen(
            command + (["--chunking"] if chunking else []),
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._commands = self._process.stdin
        self.port = int(self._process.stdout.readline())
        self.url = f"smtp://127.0.0.1:{self.port}"
        self._file = log.open("rb")
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._commands.close()
        self._process.wait(10)
        assert self._process.stdout
        self._process.stdout.close()
        self._file.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def count(self) -> int:
        """Messages taken so far."""
        self._count += self._file.read().count(b"\n")
        return self._count

    @property
    def taken(self) -> list[Taken]:
        """The messages in the order in which they were taken."""
        rows = (line.split(" ") for line in self._log.read_text().splitlines())
        return [Taken(int(number), recipient, message_id, how) for number, recipient, message_id, how in rows]

    def cut(self) -> None:
        """Lose all connections."""
        self._tell("cut")

    def stall(self, seconds: float) -> None:
        """Keep the connections and say nothing."""
        self._tell(f"stall {seconds}")

    def shut(self, seconds: float) -> None:
        """Lose all connections, and each new one at once."""
        self._tell(f"shut {seconds}")

    def cut_before_dot(self, messages: int) -> None:
        """Lose the connection at the end of each of the next messages, and do not take it."""
        self._tell(f"before {messages}")

    def cut_after_dot(self, messages: int) -> None:
        """Take each of the next messages, and lose the connection instead of saying so."""
        self._tell(f"after {messages}")

    def _tell(self, command: str) -> None:
        self._commands.write(command + "\n")
        self._commands.flush()
