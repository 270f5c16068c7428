"""Keeps a group of children running until told to stop, then stops them in order.

One thread and one `select`, over the children's pipes and the signals: nothing here can deadlock or be lost between two
threads, and a launcher that only waits costs nothing.
"""

import contextlib
import math
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from newsletter.cli.embedded.child import Child, Role
from newsletter.core.i18n import gettext as _

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAME_EVENT = 0.5  # seconds within which signals count as one
TICK = 1.0  # seconds; the longest time that a death without SIGCHLD would stay unnoticed

Say = Callable[[str], None]
Status = Callable[[Child, dict[str, Any]], None]


class Supervisor:
    """`say` prints a line for the person; `heard` gets every state that a child reports."""

    def __init__(self, say: Say, heard: Status) -> None:
        self.children: list[Child] = []
        self.asked_to_stop = 0  # how many times; more than once means at once
        self._say = say
        self._heard = heard
        self._selector = selectors.DefaultSelector()
        self._asked_at = -math.inf

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Signals are for this supervisor inside the block."""
        inside, outside = os.pipe()
        for pipe in (inside, outside):
            os.set_blocking(pipe, False)
        self._selector.register(inside, selectors.EVENT_READ)
        before = {number: signal.signal(number, self._signalled) for number in SIGNALS}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        woken = signal.set_wakeup_fd(outside, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(woken)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.unregister(inside)
            os.close(inside)
            os.close(outside)

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        # One Ctrl-C or one closed window often arrives several times: from the terminal, from make, from make's end.
        now = time.monotonic()
        if now - self._asked_at > SAME_EVENT:
            self.asked_to_stop += 1
            self._asked_at = now

    def start(self, role: Role) -> Child:
        child = Child(role)
        self.children.append(child)
        self.start_again(child)
        return child

    def start_again(self, child: Child) -> None:
        self._forget(child)
        child.start()
        for pipe in (child.output, child.status):
            self._selector.register(pipe, selectors.EVENT_READ, child)

    def _forget(self, child: Child) -> None:
        for pipe in (child.output, child.status):
            if pipe >= 0:
                with contextlib.suppress(KeyError):
                    self._selector.unregister(pipe)
        child.close()

    def turn(self, timeout: float = TICK) -> list[Child]:
        """Wait for something to happen and deal with it; the children that died in this turn."""
        for key, _events in self._selector.select(timeout):
            if isinstance(key.data, Child):
                self._listen_to(key.data, key.fd)
            else:
                with contextlib.suppress(BlockingIOError):
                    os.read(key.fd, 4096)
        return [child for child in self.children if child.died()]

    def _listen_to(self, child: Child, pipe: int) -> None:
        if pipe == child.output:
            for line in child.lines():
                self._say(f"{child.role.name:<7}| {line}")
        elif pipe == child.status:
            for status in child.statuses():
                self._heard(child, status)
        if pipe in child.ended:
            self._selector.unregister(pipe)

    def run(self) -> None:
        """Start again whatever dies, until a signal asks to stop."""
        while not self.asked_to_stop:
            for child in self.turn(self._until_next_start()):
                self._say(
                    _("%(name)s has ended (%(how)s); starting it again.", name=child.role.name, how=child.ending())
                )
            for child in self.children:
                if child.restart_at is not None and child.restart_at <= time.monotonic():
                    self.start_again(child)

    def _until_next_start(self) -> float:
        due = [child.restart_at for child in self.children if child.restart_at is not None]
        return min([TICK, *(max(0.0, moment - time.monotonic()) for moment in due)])

    def stop(self, *groups: tuple[Child, ...]) -> None:
        """Stop one group after the other; within a group together. What does not stop in its time is killed.

        A second signal means now: everything is killed. No work is lost by that, only handed on.
        """
        for group in groups:
            for child in group:
                child.ask_to_stop()
            deadline = time.monotonic() + max((child.role.patience for child in group), default=0.0)
            while any(child.running for child in group) and time.monotonic() < deadline and self.asked_to_stop < 2:
                self.turn(min(0.1, max(0.0, deadline - time.monotonic())))
            for child in group:
                child.kill()
            while any(child.running for child in group):
                self.turn(0.1)
            for child in group:
                self._forget(child)
