"""Work on what came from outside, in a process of its own: whatever is in it, neither the time nor the memory that it
takes is the worker's.

A question is some messages of octets, an answer is one. Each is led by its length in eight octets; before the first one
the child says that it is ready, by one octet.
"""

import os
import resource
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO, Final

from newsletter.core.processes import end_with_parent

LONGEST_ANSWER: Final = 100_000_000
READY: Final = b"\n"
START: Final = 60.0  # seconds that a child may take until it is ready, which says nothing about the work


class Child:
    """A process that runs `python -m module`, which calls `serve`. It starts with the first question and ends with
    `close`. One question at a time; a child that takes more than `seconds` from being asked, once it is ready, is
    killed, and the next question gets another one.
    """

    def __init__(self, module: str, *, seconds: float, timer: Callable[[], float] = time.monotonic) -> None:
        self._module, self._seconds, self._timer = module, seconds, timer
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def close(self) -> None:
        with self._turn:
            self._end()

    def ask(self, *messages: bytes) -> bytes:
        """The answer. TimeoutError when it takes too long; OSError, EOFError or ValueError when the child died."""
        with self._turn:
            try:
                return self._ask(messages)
            except (OSError, EOFError, ValueError):  # TimeoutError is an OSError
                self._end()
                raise

    def _ask(self, messages: tuple[bytes, ...]) -> bytes:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = _start(self._module)
            if self._process.stdout is not None:
                self._octets(self._process.stdout.fileno(), len(READY), time.monotonic() + START, time.monotonic)
        given, told = self._process.stdin, self._process.stdout
        if given is None or told is None:
            raise EOFError
        deadline = self._timer() + self._seconds
        for message in messages:
            _write(given, message)
        given.flush()
        return self._read(told.fileno(), deadline)

    def _read(self, descriptor: int, deadline: float) -> bytes:
        size = int.from_bytes(self._octets(descriptor, 8, deadline, self._timer))
        if size > LONGEST_ANSWER:
            raise ValueError(size)
        return self._octets(descriptor, size, deadline, self._timer)

    @staticmethod
    def _octets(descriptor: int, count: int, deadline: float, timer: Callable[[], float]) -> bytes:
        parts: list[bytes] = []
        while count:
            left = deadline - timer()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise TimeoutError
            part = os.read(descriptor, min(count, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):  # what it did not take goes nowhere
                    if pipe is not None:
                        pipe.close()
            process.wait()


def serve(answer: Callable[..., bytes], *, messages: int, memory: int) -> None:
    """The child's side: so many messages in, an answer out, until nobody asks any more. `memory`: octets of address
    space. `answer` must not raise.
    """
    end_with_parent()
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    given, told = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints is no answer
    told.write(READY)
    told.flush()
    while first := _take(given):
        _write(told, answer(first, *(_take(given) for _more in range(messages - 1))))
        told.flush()


def _start(module: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - a module of ours, named by ours
        [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def _write(stream: Any, data: bytes) -> None:
    stream.write(len(data).to_bytes(8))
    stream.write(data)


def _take(stream: BinaryIO) -> bytes:
    """The next message; empty when there is none any more."""
    return stream.read(int.from_bytes(stream.read(8)))
