"""What runs on one machine and in which order it starts and stops.

Everything that a first visitor needs starts at once. The broker is up in a tenth of a second; the web server brings the
database up to date and tells when; the worker for confirmations spends that time on its imports and takes no job
before. The worker for digests follows when the others are up: on two cores it would delay them by half a second, and a
digest that is sent in that time waits for it in the broker.
"""

import os
import socket
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any

from newsletter.cli.embedded import broker, datadir
from newsletter.cli.embedded.child import Child, Role
from newsletter.cli.embedded.listening import BACKLOG, listen
from newsletter.cli.embedded.names import LANGUAGE, MAILBOX, PREPARED, WEB_SOCKET
from newsletter.cli.embedded.supervisor import Supervisor
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import current_locale
from newsletter.core.i18n import gettext as _
from newsletter.core.processes import START_PIPE
from newsletter.core.settings import PREFIX, Settings

BROKER_PATIENCE = 10.0  # seconds
START_PATIENCE = 30.0  # seconds until the start says what is still missing
WORKER_PATIENCE = 30.0  # seconds for the messages in hand; a relay may take that long to answer
FAST = ("fast", "--beat")  # also the clock: it is idle nearly always, and a process of its own would cost 60 MB
BULK = ("bulk",)
# What a part prints that is not for a person, as regular expressions.
NOTHING, EVERYTHING, CELERY_LEAVES = r"\Z", "", r"worker: \w+ shutdown"


class Launcher:
    """One `newsletter up`, from the first check to the last process stopped. `stack` closes what it opens."""

    def __init__(self, settings: Settings, stack: ExitStack, *, verbose: bool) -> None:
        self._settings = settings
        self._stack = stack
        self._supervisor = Supervisor(say, self._hear)
        self._verbose = verbose
        self._environment = {PREFIX + "DATA_DIR": str(settings.data_dir)}
        if "log_level" not in settings.model_fields_set and not verbose:
            self._environment[PREFIX + "LOG_LEVEL"] = "warning"
        self._prepared: dict[str, str | None] = {}
        self._refusal = ""
        self._broker_files_given_up = False
        self._broker: list[Child] = []
        self._mailbox: list[Child] = []
        self._workers: list[Child] = []
        self._web: list[Child] = []
        self._inbound: list[Child] = []
        self._web_socket = listen(settings)
        stack.callback(self._web_socket.close)
        # Open as long as the workers have to wait; a pipe, because one that is started again later must not wait.
        self._waiting, self._start = os.pipe()

    def run(self, started: float) -> None:
        """Start everything, say where it is, and keep it running until a signal. RefusedError when something cannot
        start.
        """
        with self._supervisor.listening():
            try:
                self._start_all()
                self._wait_until_ready()
                if not self._supervisor.asked_to_stop:
                    self._start_worker(*BULK)
                    if self._settings.inbound:
                        self._inbound.append(self._start_python("inbound", ("newsletter.cli.main", "inbound")))
                    self._greet(time.monotonic() - started)
                self._supervisor.run()
                if self._supervisor.asked_to_stop:
                    say(_("Stopping: messages in hand go out first. Ctrl-C again stops at once."))
            finally:
                self._web_socket.close()  # from here on a visitor is turned away at once
                self._supervisor.stop(
                    *map(tuple, (self._web, self._inbound, self._workers, self._mailbox, self._broker))
                )
                datadir.forget_state(self._settings.data_dir)

    def _start_all(self) -> None:
        settings = self._settings
        if not settings.broker_url:
            self._start_broker()
        environment = self._environment
        web = {WEB_SOCKET: str(self._web_socket.fileno()), LANGUAGE: current_locale()}
        state = {"pid": os.getpid(), "port": settings.port}
        if not settings.smtp_url:
            listener = self._stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=BACKLOG))
            state["mailbox_port"] = listener.getsockname()[1]
            environment[PREFIX + "SMTP_URL"] = f"smtp://127.0.0.1:{state['mailbox_port']}"
            directory = str(settings.data_dir / "mailbox")
            web[MAILBOX] = directory
            mail = ("newsletter.cli.embedded.mail", directory, str(listener.fileno()))
            self._mailbox.append(self._start_python("mailbox", mail, descriptors=(listener.fileno(),)))
        datadir.write_state(settings.data_dir, **state)
        module = ("newsletter.cli.embedded.web",)
        self._web.append(self._start_python("web", module, web, descriptors=(self._web_socket.fileno(),)))
        self._start_worker(*FAST)

    def _start_worker(self, *role: str) -> None:
        worker = self._start_python(
            role[0],
            ("worker", *role),
            {START_PIPE: str(self._waiting)},
            descriptors=(self._waiting,),
            patience=WORKER_PATIENCE,
            noise=NOTHING if self._verbose else CELERY_LEAVES,
        )
        self._workers.append(worker)

    def _start_python(
        self, name: str, module: tuple[str, ...], environment: dict[str, str] | None = None, **how: Any
    ) -> Child:
        command = (sys.executable, "-m", *module)
        return self._supervisor.start(Role(name, command, {**self._environment, **(environment or {})}, **how))

    def _start_broker(self) -> None:
        directory, path = self._settings.data_dir / "broker", self._settings.broker_socket
        # Whatever it says is about the machine or about its coming and going; why it could not start is shown anyhow.
        noise = NOTHING if self._verbose else EVERYTHING
        role = Role("broker", broker.broker_command(directory, path), reports=False, noise=noise)
        self._broker.append(self._supervisor.start(role))

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_PATIENCE
        broker_is_up = not self._broker
        while not self._supervisor.asked_to_stop:
            broker_is_up = broker_is_up or broker.answers(self._settings.broker_socket)
            missing = [child.role.name for child in self._supervisor.children if not child.ready]
            if broker_is_up and not missing:
                return
            if time.monotonic() > deadline:
                say(
                    _(
                        "Still not ready after %(seconds)s seconds: %(names)s.",
                        seconds=int(START_PATIENCE),
                        names=", ".join(missing),
                    )
                )
                return
            for child in self._supervisor.turn(0.2 if broker_is_up else 0.02):
                if child not in self._broker or not self._give_up_broker_files(child):
                    self._refuse(child)

    def _give_up_broker_files(self, child: Child) -> bool:
        """A broker that cannot read its files, after a full disk perhaps, gets empty ones: the database knows what is
        to do.
        """
        aside = broker.set_aside(self._settings.data_dir / "broker")
        if aside is None or self._broker_files_given_up:
            return False
        self._broker_files_given_up = True
        say(_("The message broker could not read its files; they are now in %(path)s.", path=aside))
        self._supervisor.start_again(child)
        return True

    def _refuse(self, child: Child) -> None:
        """A part that ends before everything is up will not do better in a second: say why and give up."""
        reason = self._refusal or _(
            "%(name)s could not start (%(how)s): %(words)s",
            name=child.role.name,
            how=child.ending(),
            words=child.last_words,
        )
        raise RefusedError(reason)

    def _hear(self, child: Child, status: dict[str, Any]) -> None:
        if status["state"] == "refused":
            self._refusal = status["why"]
        if status["state"] == "prepared":
            self._prepared = status
            # The next process of this role finds the database as it should be.
            child.role = replace(child.role, environment={**child.role.environment, PREPARED: "1"})
            os.close(self._start)

    def _greet(self, seconds: float) -> None:
        took = f"{seconds:.1f}".replace(".", "," if current_locale() == "fr" else ".")
        lines = [_("The newsletter service is up (%(seconds)s s).", seconds=took), ""]
        lines.append(_("  Subscribe   %(url)s", url=self._prepared.get("form_url")))
        if self._mailbox:
            lines.append(_("  Mailbox     %(url)s", url=self._prepared.get("mailbox_url")))
        lines.append(_("  Staff       %(url)s", url=f"{self._settings.site_url}/admin/"))
        if link := self._prepared.get("sign_in_url"):
            lines += ["", _("Set your staff password with this link; it works once:"), f"  {link}"]
        lines += ["", _("Ctrl-C stops everything.")]
        for line in lines:
            say(line)


def say(line: str) -> None:
    """Print a line; a terminal that is gone is no reason to stop."""
    with suppress(OSError, ValueError):
        print(line, flush=True)  # noqa: T201 - what a launcher is for
