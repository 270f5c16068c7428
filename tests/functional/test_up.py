"""`newsletter up` as a person runs it: one command, a few lines, and everything ends with it."""

import json
import os
import re
import signal
import smtplib
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START = 40.0  # seconds; the machine that runs the tests may be busy with others
STOP = 20.0

pytestmark = pytest.mark.timeout(120)


class Up:
    """A `newsletter up` in a process of its own; `lines` fills as it prints."""

    def __init__(self, environment: Mapping[str, str], *arguments: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "newsletter.cli.main", "up", "--with-parent", *arguments],
            cwd=environment["HOME"],  # where no .env lies
            env={**environment, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, pattern: str) -> re.Match[str]:
        ends = time.monotonic() + START
        while True:
            if found := re.search(pattern, self.text):
                return found
            assert self.process.poll() is None, f"it ended:\n{self.text}"
            assert time.monotonic() < ends, f"no {pattern!r} in:\n{self.text}"
            time.sleep(0.02)

    def end(self) -> int:
        """Its exit code, once it has ended and everything it printed was read."""
        code = self.process.wait(STOP)
        self._reader.join(STOP)
        return code

    def family(self) -> list[int]:
        """Process ids of all that descend from it."""
        found, parents = [], {self.process.pid}
        table = [line.split() for line in run("ps", "-eo", "pid=,ppid=").splitlines()]
        while parents:
            parents = {int(pid) for pid, parent in table if int(parent) in parents}
            found += parents
        return found


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def is_running(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + STOP
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nothing but a path, a data directory and a free port."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "NEWSLETTER_DATA_DIR": str(tmp_path / "data"),
        "NEWSLETTER_PORT": str(free_port()),
    }


@pytest.fixture
def start() -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def starting(environment: Mapping[str, str], *arguments: str) -> Up:
        started.append(Up(environment, *arguments))
        return started[-1]

    yield starting
    for up in started:
        family = up.family()
        up.process.kill()
        up.process.wait(STOP)
        for pid in family:
            wait_until(lambda pid=pid: not is_running(pid))


READY = r"The newsletter service is up \((\d+\.\d) s\)\.(?s:.*)Ctrl-C stops everything\."


def test_the_first_start_says_where_everything_is_and_answers(
    start: Callable[..., Up], environment: dict[str, str]
) -> None:
    up = start(environment)
    up.wait_for(READY)
    site = f"http://localhost:{environment['NEWSLETTER_PORT']}"
    assert f"{site}/n/" in up.text
    assert f"{site}/mailbox/" in up.text
    link = up.wait_for(rf"{site}/admin/password/\S+")[0]
    for address in (site + "/", site + "/mailbox/", link):
        with urllib.request.urlopen(address.replace("localhost", "127.0.0.1"), timeout=10) as answer:
            assert answer.status == 200
    with urllib.request.urlopen(f"http://127.0.0.1:{environment['NEWSLETTER_PORT']}/readyz", timeout=10) as answer:
        assert json.load(answer)["status"] == "ready"
    data = Path(environment["NEWSLETTER_DATA_DIR"])
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    for name in ("secret.key", "up.json", "up.lock", "newsletter.db"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600, name
    state = json.loads((data / "up.json").read_text())
    assert state["pid"] == up.process.pid
    with smtplib.SMTP("127.0.0.1", state["mailbox_port"]) as client:
        client.sendmail("a@news.example", ["b@mail.example"], b"Subject: hello\r\n\r\n")
    assert len(list((data / "mailbox").glob("*.eml"))) == 1


def test_sigterm_stops_everything_in_order_and_a_second_start_finds_all_as_it_was(
    start: Callable[..., Up], environment: dict[str, str]
) -> None:
    for expected_link in (True, True):  # nobody has set a password between the two
        up = start(environment)
        up.wait_for(READY)
        assert ("/admin/password/" in up.text) is expected_link
        wait_until(lambda up=up: len(up.family()) == 5)  # broker, mailbox, web server, two workers
        family = up.family()
        up.process.terminate()
        assert up.end() == 0
        assert not [pid for pid in family if is_running(pid)]
        assert "Traceback" not in up.text
        assert not (Path(environment["NEWSLETTER_DATA_DIR"]) / "up.json").exists()


def test_kill_9_of_the_launcher_leaves_no_orphan_and_no_obstacle(
    start: Callable[..., Up], environment: dict[str, str]
) -> None:
    up = start(environment)
    up.wait_for(READY)
    family = up.family()
    up.process.send_signal(signal.SIGKILL)
    up.process.wait(STOP)
    wait_until(lambda: not [pid for pid in family if is_running(pid)])
    again = start(environment)
    again.wait_for(READY)


def test_a_part_that_is_killed_is_started_again(start: Callable[..., Up], environment: dict[str, str]) -> None:
    up = start(environment)
    up.wait_for(READY)
    port = environment["NEWSLETTER_PORT"]
    web = next(pid for pid in up.family() if b"embedded.web" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(web, signal.SIGKILL)
    up.wait_for(r"web has ended \(SIGKILL\); starting it again")
    # The launcher holds the socket, so a visitor waits instead of being turned away.
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
        assert answer.status == 200


def test_a_second_start_on_the_same_directory_is_refused_in_one_line(
    start: Callable[..., Up], environment: dict[str, str]
) -> None:
    first = start(environment)
    first.wait_for(READY)
    second = start(environment | {"NEWSLETTER_PORT": str(free_port())})
    assert second.end() == 1
    assert second.lines == [
        f"`newsletter up` runs already on {environment['NEWSLETTER_DATA_DIR']} (process {first.process.pid}). Stop it"
        " first, or set NEWSLETTER_DATA_DIR and NEWSLETTER_PORT for a second one."
    ]


def test_a_busy_port_is_refused_in_one_line(start: Callable[..., Up], environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", int(environment["NEWSLETTER_PORT"]))):
        up = start(environment)
        assert up.end() == 1
    [line] = up.lines
    assert line.startswith(f"Port {environment['NEWSLETTER_PORT']} is busy")


def test_a_directory_that_cannot_be_written_is_refused_in_one_line(
    start: Callable[..., Up], environment: dict[str, str], tmp_path: Path
) -> None:
    # A file in its place stops even root, who may write into any directory.
    (tmp_path / "file").write_text("")
    up = start(environment | {"NEWSLETTER_DATA_DIR": str(tmp_path / "file")})
    assert up.end() == 1
    [line] = up.lines
    assert line.startswith(f"Cannot write in the data directory {tmp_path / 'file'}: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NEWSLETTER_PORT", "eighty"),
        ("NEWSLETTER_DATABASE_URL", "mysql://localhost/x"),
        ("NEWSLETTER_SMTP_URL", "smtp://"),
        ("NEWSLETTER_SECRET_KEY", "short"),
        ("NEWSLETTER_HOST", "no.such.host.invalid"),
        ("NEWSLETTER_DATABASE_URL", "postgresql://localhost:1/none"),
    ],
)
def test_a_broken_setting_is_refused_in_one_line_that_names_it(
    start: Callable[..., Up], environment: dict[str, str], name: str, value: str
) -> None:
    up = start(environment | {name: value})
    assert up.end() == 1
    assert len(up.lines) == 1, up.text
    assert name in up.lines[0]


def test_a_broker_that_cannot_read_its_files_starts_with_empty_ones(
    start: Callable[..., Up], environment: dict[str, str]
) -> None:
    files = Path(environment["NEWSLETTER_DATA_DIR"]) / "broker" / "appendonlydir"
    files.mkdir(parents=True)
    (files / "appendonly.aof.manifest").write_text("not a manifest\n")
    up = start(environment)
    up.wait_for(READY)
    assert "The message broker could not read its files" in up.text


def test_a_real_relay_replaces_the_mailbox(start: Callable[..., Up], environment: dict[str, str]) -> None:
    up = start(environment | {"NEWSLETTER_SMTP_URL": "smtp://127.0.0.1:2525"})
    up.wait_for(READY)
    assert "Mailbox" not in up.text
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{environment['NEWSLETTER_PORT']}/mailbox/", timeout=10)


def test_the_lines_are_french_for_a_french_terminal(start: Callable[..., Up], environment: dict[str, str]) -> None:
    up = start(environment | {"LANG": "fr_TG.UTF-8"})
    up.wait_for(r"Ctrl-C arrête tout")
    assert "S’abonner" in up.text


def test_ctrl_c_twice_stops_at_once(start: Callable[..., Up], environment: dict[str, str]) -> None:
    up = start(environment)
    up.wait_for(READY)
    family = up.family()
    up.process.send_signal(signal.SIGINT)
    time.sleep(0.6)
    with suppress(ProcessLookupError):
        up.process.send_signal(signal.SIGINT)
    assert up.end() in (0, 130)
    assert not [pid for pid in family if is_running(pid)]
