"""A relay far away: passes bytes on to a port of this machine and back, each a while after it came.

    python -m benchmarks.distance PORT SECONDS

Prints its own port. Bytes wait for their time beside each other, so the line delays and does not limit. The end of
standard input is its own.
"""

import asyncio
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class End(asyncio.Protocol):
    """One end of a connection; what it hears goes out at `other`, later."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        self._late: deque[tuple[float, bytes]] = deque()
        self.other: End | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._late.append((self._loop.time() + self._delay, data))
        if len(self._late) == 1:
            self._loop.call_later(self._delay, self._pass_on)

    def connection_lost(self, _error: Exception | None) -> None:
        self.data_received(b"")

    def _pass_on(self) -> None:
        if self.other is None or self.other.transport is None:  # not connected yet
            self._loop.call_later(0.001, self._pass_on)
            return
        while self._late and self._late[0][0] <= self._loop.time():
            _, data = self._late.popleft()
            if data:
                self.other.transport.write(data)
            else:
                self.other.transport.close()
        if self._late:
            self._loop.call_at(self._late[0][0], self._pass_on)


async def serve(port: int, delay: float) -> None:
    loop = asyncio.get_running_loop()
    joining: set[asyncio.Task[object]] = set()

    def join() -> End:
        near, far = End(delay), End(delay)
        near.other, far.other = far, near
        task: asyncio.Task[object] = loop.create_task(loop.create_connection(lambda: far, "127.0.0.1", port))
        joining.add(task)
        task.add_done_callback(joining.discard)
        return near

    server = await loop.create_server(join, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()

    def wait() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait, daemon=True).start()
    await ended.wait()


@contextmanager
def distance(port: int, seconds: float) -> Iterator[int]:
    """The port at which the other one is so many seconds away, one way."""
    command = [sys.executable, "-m", "benchmarks.distance", str(port), str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
