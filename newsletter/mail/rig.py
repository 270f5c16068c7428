"""A mail server of our own on loopback, for as long as a message needs to pass it; what arrives is handed back."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from newsletter.mail.reception import Reception

LARGEST: Final = 30_000_000


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message as the server got it, dot-stuffing undone, with its envelope."""

    sender: str
    recipients: tuple[str, ...]
    message: bytes


@dataclass(slots=True)
class Rig:
    """`port` on 127.0.0.1; `arrived` in the order of arrival, whole once the sender has its answer."""

    port: int
    arrived: list[Arrived] = field(default_factory=list)

    def keep(self, sender: str, recipients: list[str], message: bytes) -> None:
        self.arrived.append(Arrived(sender, tuple(recipients), message))


@contextmanager
def running() -> Iterator[Rig]:
    """A server on any free port, gone when the block ends. Raises OSError when no port can be had."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        rig = Rig(listener.getsockname()[1])
        loop = asyncio.new_event_loop()
        ended = loop.create_future()
        # In a thread of its own from beginning to end: the one that asks may run a loop already.
        thread = threading.Thread(target=_serve, args=(loop, listener, rig, ended), name="rig", daemon=True)
        thread.start()
        try:
            yield rig
        finally:
            # A future, since a loop may be stopped before it serves: a message that cannot be written never comes.
            loop.call_soon_threadsafe(ended.set_result, None)
            thread.join()


def _serve(loop: asyncio.AbstractEventLoop, listener: socket.socket, rig: Rig, ended: asyncio.Future[None]) -> None:
    async def until_ended() -> None:
        server = await loop.create_server(lambda: Reception(rig.keep, LARGEST), sock=listener)
        await ended
        server.close()
        await asyncio.sleep(0)

    loop.run_until_complete(until_ended())
    loop.close()
