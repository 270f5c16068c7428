"""A job that is asked for is a job that some worker does."""

import ast
import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from newsletter.core import jobs
from newsletter.feedback import replying
from newsletter.issues import letters
from newsletter.staff import invitations
from newsletter.subscriptions import mails

ROOT = Path(__file__).resolve().parents[2]
# A newcomer's worker takes all queues; a larger installation has these two roles.
SMALL = ("all",)
LARGE = ("fast", "bulk")


@pytest.fixture(scope="module")
def worker() -> Any:
    """The worker's modules; imported late, since the application reads the settings when it is."""
    app = importlib.import_module("worker.app").app
    roles = importlib.import_module("worker.__main__")
    schedule = importlib.import_module("worker.schedule")
    letters = importlib.import_module("worker.letters")
    app.loader.import_default_modules()
    return SimpleNamespace(app=app, roles=roles.ROLES, schedule=schedule.SCHEDULE, letters=letters)


def test_every_job_is_a_registered_task_and_every_task_a_job(worker: Any) -> None:
    registered = {name for name in worker.app.tasks if not name.startswith("celery.")}
    assert registered == set(jobs.QUEUES)


def test_every_name_of_a_job_has_a_queue() -> None:
    names = {value for name, value in vars(jobs).items() if name.isupper() and isinstance(value, str) and "." in value}
    assert names == set(jobs.QUEUES)


@pytest.mark.parametrize("roles", [SMALL, LARGE], ids=["small", "large"])
def test_every_queue_is_consumed(worker: Any, roles: tuple[str, ...]) -> None:
    consumed = {queue for role in roles for queue in worker.roles[role]}
    assert consumed == set(jobs.QUEUES.values())


def test_a_confirmation_never_waits_behind_a_digest(worker: Any) -> None:
    assert jobs.QUEUES[jobs.SEND_TRANSACTIONAL] not in worker.roles["bulk"]
    assert jobs.QUEUES[jobs.SEND_BATCHES] not in worker.roles["fast"]


def test_every_periodic_job_exists_and_goes_to_its_own_queue(worker: Any) -> None:
    for name, entry in worker.schedule.items():
        assert entry["task"] in worker.app.tasks, name
        assert entry["options"]["queue"] == jobs.QUEUES[entry["task"]], name


def test_a_periodic_job_that_waited_too_long_is_dropped(worker: Any) -> None:
    for name, entry in worker.schedule.items():
        assert entry["options"]["expires"] <= entry["schedule"], name


def test_every_sweep_is_periodic(worker: Any) -> None:
    """What is lost by a broker is found by a sweep, so a sweep that nobody starts would lose mail."""
    scheduled = {entry["task"] for entry in worker.schedule.values()}
    assert {name for name in jobs.QUEUES if name.endswith(".sweep")} <= scheduled


def test_every_kind_of_transactional_mail_has_a_writer(worker: Any) -> None:
    written = set(worker.letters.writers.__wrapped__(SimpleNamespace(links=None)))
    known = vars(mails) | vars(letters) | vars(replying) | vars(invitations)
    assert {known[name] for name in kinds_asked_for()} == written


def test_a_wake_names_a_job() -> None:
    """`jobs.wake(session, jobs.NAME, ...)`: a name that is spelled out would escape this file."""
    for path in sorted((ROOT / "newsletter").rglob("*.py")):
        for call in calls(path, "wake"):
            if path.name != "jobs.py" and call.args:  # without any, something else is woken
                spelled_out = [node for node in ast.walk(call.args[1]) if isinstance(node, ast.Constant) and node.value]
                assert not [node for node in spelled_out if isinstance(node.value, str)], path


def kinds_asked_for() -> set[str]:
    """Names of the constants that are given as `kind` to `transactional.queue`."""
    found = set()
    for path in sorted((ROOT / "newsletter").rglob("*.py")):
        for call in calls(path, "queue"):
            kind = next((word.value for word in call.keywords if word.arg == "kind"), None)
            if isinstance(kind, ast.Attribute | ast.Name):
                found.add(kind.attr if isinstance(kind, ast.Attribute) else kind.id)
    return found


def calls(path: Path, name: str) -> list[ast.Call]:
    """Calls of a function or method of this name."""
    tree = ast.parse(path.read_text("utf-8"))
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Attribute) and node.func.attr == name)
            or (isinstance(node.func, ast.Name) and node.func.id == name)
        )
    ]
