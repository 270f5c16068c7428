"""The broker of one machine: a real server on a socket of its own."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from newsletter.cli.embedded import broker
from newsletter.cli.embedded.child import TETHER
from newsletter.core.errors import RefusedError
from newsletter.core.settings import load_settings

PATIENCE = 5.0


def start(directory: Path, path: Path) -> "subprocess.Popen[bytes]":
    server = subprocess.Popen(broker.broker_command(directory, path), stdout=subprocess.DEVNULL)
    ends = time.monotonic() + PATIENCE
    while not broker.answers(path):
        assert server.poll() is None, "the server ended"
        assert time.monotonic() < ends, "the server does not answer"
        time.sleep(0.01)
    return server


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, Path]:
    """A directory for the files and the path of the socket."""
    return tmp_path / "broker", tmp_path / "s"


def test_it_answers_on_a_socket_that_is_its_owners_alone_and_on_no_port(place: tuple[Path, Path]) -> None:
    server = start(*place)
    try:
        assert stat.S_IMODE(place[1].stat().st_mode) == 0o700
        with redis.Redis(unix_socket_path=str(place[1])) as client:
            assert client.config_get("port") == {"port": "0"}
    finally:
        server.terminate()
        server.wait(PATIENCE)


def test_what_it_holds_survives_kill_9(place: tuple[Path, Path]) -> None:
    server = start(*place)
    with redis.Redis(unix_socket_path=str(place[1])) as client:
        client.lpush("queue", "job")
    server.kill()
    server.wait(PATIENCE)
    assert not broker.answers(place[1])
    server = start(*place)  # the socket that the killed one left is no obstacle
    try:
        with redis.Redis(unix_socket_path=str(place[1])) as client:
            assert client.lrange("queue", 0, -1) == [b"job"]
    finally:
        server.terminate()
        server.wait(PATIENCE)


def test_a_directory_too_deep_for_a_socket_borrows_a_short_path(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 60) / ("b" * 60)
    path = load_settings({"NEWSLETTER_DATA_DIR": str(deep)}, env_file=None).broker_socket
    assert len(str(path)) < 104
    server = start(deep / "broker", path)
    server.terminate()
    server.wait(PATIENCE)


def test_without_any_server_the_refusal_names_the_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RefusedError, match="NEWSLETTER_BROKER_URL"):
        broker.find_server()


def test_a_server_on_the_path_is_the_second_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "redis-server").write_text("#!/bin/sh\n")
    (tmp_path / "redis-server").chmod(0o755)
    assert broker.find_server() == str(tmp_path / "redis-server")


def test_a_tethered_program_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    program = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-ES', {TETHER!r}, str(os.getpid()), '/bin/sleep', '60'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        child = int(starter.stdout.readline())
        ends = time.monotonic() + PATIENCE
        while b"sleep" not in Path(f"/proc/{child}/cmdline").read_bytes():
            assert time.monotonic() < ends
            time.sleep(0.01)
        starter.send_signal(signal.SIGKILL)
    while runs(child):
        assert time.monotonic() < ends
        time.sleep(0.01)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
