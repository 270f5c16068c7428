"""A whole service in processes of its own, as an operator starts it, and the relay that it mails to."""

import gc
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout, suppress
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import pytest
import time_machine

from newsletter.cli.embedded.child import TETHER
from newsletter.cli.main import main
from newsletter.core.settings import PREFIX
from tests.support.smtp_server import Conversation, Received, SmtpSink
from tests.support.visitor import Page, Visitor

ROOT = Path(__file__).resolve().parents[2]
START = 60.0  # seconds; the machine that runs the tests may be busy with others
STOP = 30.0
PATIENCE = 40.0

Fact = TypeVar("Fact")

ONE_MACHINE = (("up", "--with-parent"),)
MANY_PROCESSES = (("web",), ("worker", "fast"), ("worker", "bulk"), ("worker", "bulk"), ("beat",))


class Relay(SmtpSink):
    """A relay that takes everything, at once or as slowly as a test wants: `slow_down`, `let_through`, `hurry`."""

    def __init__(self) -> None:
        super().__init__()
        self._permits: int | None = None
        self._slow_to: Callable[[str], bool] = lambda _recipient: True
        self._opened = threading.Condition()

    def slow_down(self, *, only_to: Callable[[str], bool] = lambda _recipient: True) -> None:
        """Take no message until it is let through; its sender waits. `only_to` says for whom."""
        with self._opened:
            self._permits = 0
            self._slow_to = only_to

    def let_through(self, count: int) -> None:
        with self._opened:
            self._permits = (self._permits or 0) + count
            self._opened.notify_all()

    def hurry(self) -> None:
        with self._opened:
            self._permits = None
            self._opened.notify_all()

    def _take(self, client: Conversation, line: str, sender: str, recipient: str) -> bool:
        with self._opened:
            if self._slow_to(recipient):
                self._opened.wait_for(lambda: self._permits is None or self._permits > 0, PATIENCE)
                if self._permits:
                    self._permits -= 1
        return super()._take(client, line, sender, recipient)


class Mail:
    """A message as the reader's mail program shows it."""

    def __init__(self, received: Received) -> None:
        self.raw = received.data
        self.recipient = received.recipient
        parsed = BytesParser(policy=policy.default).parsebytes(received.data)
        assert isinstance(parsed, EmailMessage)
        self.headers = parsed
        self.subject = str(parsed["Subject"])
        self.text = _part(parsed, "plain")
        self.html = _part(parsed, "html")

    def link(self, kind: str) -> str:
        """The first address of a kind ("confirm", "u", "p") in the text."""
        found = [word.strip("<>.,()") for word in self.text.split() if f"/{kind}/" in word]
        assert found, f"no /{kind}/ link in {self.text!r}"
        return found[0]


def _part(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    return str(part.get_content()) if part else ""


class Service:
    """One installation. `commands` are its processes; unless `settings` say otherwise it keeps all in `directory`."""

    def __init__(
        self, directory: Path, commands: tuple[tuple[str, ...], ...], settings: Mapping[str, str] | None = None
    ) -> None:
        self.directory = directory
        self._stack = ExitStack()
        self.relay = self._stack.enter_context(Relay())
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._commands = commands
        self._running: list[subprocess.Popen[bytes]] = []
        self._log = directory / "service.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        given = {
            "DATA_DIR": str(directory / "data"),
            "PORT": str(self.port),
            "BASE_URL": self.url,
            "SMTP_URL": self.relay.url,
            **(settings or {}),
        }
        self.environment = {
            **environment,
            **{PREFIX + name: value for name, value in given.items()},
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": f"{ROOT / 'tests' / 'support' / 'travel'}:{ROOT}",
        }

    def start(self) -> "Service":
        """Returns when it is ready; fails with what it printed when it does not get there."""
        if self._commands != ONE_MACHINE:
            self.command("db", "upgrade")
        for arguments in self._commands:
            command = [sys.executable, "-m", "newsletter.cli.main", *arguments]
            if self._commands != ONE_MACHINE:  # a test run that is killed leaves nothing behind
                command = [sys.executable, "-ES", TETHER, str(os.getpid()), *command]
            with self._log.open("ab") as log:
                process = subprocess.Popen(
                    command,
                    cwd=self.directory,  # where no .env lies
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            self._running.append(process)
        self.eventually(self.is_ready, START)
        return self

    def stop(self) -> list[int]:
        """End its processes in the order an operator would; one that does not end in time is a failure. Their exit
        codes.
        """
        running, self._running = self._running, []
        for process in running:
            process.send_signal(signal.SIGTERM)
        late = []
        for process in running:
            try:
                process.wait(STOP)
            except subprocess.TimeoutExpired:
                late.append(process.args)
                process.kill()
                process.wait()
        assert not late, f"{late} did not stop:\n{self.log}"
        return [process.returncode for process in running]

    def close(self) -> None:
        try:
            self.stop()
        finally:
            self._stack.close()

    def travel(self, *, hours: float) -> None:
        """Stop, and start again so much later."""
        self.stop()
        shift = float(self.environment.get("TEST_TIME_SHIFT", "0")) + hours * 3600
        self.environment["TEST_TIME_SHIFT"] = str(shift)
        self.start()

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._running]

    @property
    def now(self) -> datetime:
        """What its clocks say."""
        return datetime.now(UTC) + timedelta(seconds=float(self.environment.get("TEST_TIME_SHIFT", "0")))

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    def command(self, *arguments: str) -> str:
        """What `newsletter ...` prints, called beside the running service.

        In this process, by the entry point of the command, which saves a second each time.
        """
        out, err = io.StringIO(), io.StringIO()
        with ExitStack() as stack:
            stack.enter_context(patch.dict(os.environ, self.environment, clear=True))
            stack.enter_context(patch.object(sys, "argv", ["newsletter", *arguments]))
            stack.enter_context(redirect_stdout(out))
            stack.enter_context(redirect_stderr(err))
            stack.enter_context(chdir(self.directory))
            stack.enter_context(time_machine.travel(self.now, tick=True))
            left = stack.enter_context(pytest.raises(SystemExit))
            main()
        assert not left.value.code, f"{arguments} left with {left.value.code}: {err.getvalue()}"
        gc.collect()  # closes the connections that a process of its own would have taken with it
        return out.getvalue()

    def program(self, *arguments: str) -> str:
        """The same in a process of its own, so that several run at once."""
        run = [sys.executable, "-m", "newsletter.cli.main", *arguments]
        done = subprocess.run(
            run, cwd=self.directory, env=self.environment, capture_output=True, text=True, timeout=START, check=False
        )
        assert done.returncode == 0, f"{arguments} left with {done.returncode}: {done.stderr}"
        return done.stdout

    def ask(self, *arguments: str) -> Any:
        """The same as data."""
        return json.loads(self.command(*arguments, "--json"))

    def mails(self, to: str) -> list[Mail]:
        """What the relay has taken for an address, the oldest first."""
        return [Mail(item) for item in list(self.relay.received) if item.recipient == to]

    def mail(self, to: str, number: int = 1) -> Mail:
        """The first, second ... mail to an address, when it has come."""
        return self.eventually(lambda: self.mails(to)[number - 1 : number])[0]

    def eventually(self, fact: Callable[[], Fact], patience: float = PATIENCE) -> Fact:
        """What `fact` returns, as soon as it is something; fails with the log when it never is."""
        ends = time.monotonic() + patience
        while not (found := fact()):
            dead = [process.args for process in self._running if process.poll() is not None]
            assert not dead, f"{dead} ended:\n{self.log}"
            assert time.monotonic() < ends, f"it did not happen in {patience} s:\n{self.log}"
            time.sleep(0.05)
        return found

    def open(self, path: str, language: str = "fr") -> Page:
        return Visitor(language).open(self.url + path)

    def is_ready(self) -> bool:
        with (
            suppress(OSError, urllib.error.URLError),
            urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer,
        ):
            return answer.status == 200
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
