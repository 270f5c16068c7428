"""`newsletter web`, `worker` and `beat`: single roles, for a machine or a container that runs one of them."""

import importlib.util
import os
import sys

import click

from newsletter.cli.embedded.listening import listen
from newsletter.core.settings import Settings, load_settings


@click.command()
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that answer.")
def web(workers: int) -> None:
    """Answer readers and staff. Runs on granian where that is installed, else on waitress."""
    settings = load_settings()
    if importlib.util.find_spec("granian") is None:
        _serve_by_waitress(settings)
        return
    server = ["--interface", "wsgi", "--host", settings.host, "--port", str(settings.port), "--workers", str(workers)]
    # A request is short and mostly Python; more threads than this only wait for each other, and granian says so.
    threads = min(8, 2 * (os.cpu_count() or 1) + 1)
    server += ["--blocking-threads", str(threads), "--backpressure", "64", "--respawn-failed-workers", "--no-ws"]
    server += ["--log-level", settings.log_level]
    _become("granian", *server, "newsletter.web.wsgi:app")


@click.command()
@click.argument("role", type=click.Choice(["fast", "bulk", "all"]), default="all")
@click.option("--threads", type=click.IntRange(1, 256), help="Jobs at a time.")
def worker(role: str, threads: int | None) -> None:
    """Run jobs: `fast` confirmations and other single mails, `bulk` digests, `all` both."""
    load_settings()
    _become("worker", role, *(("--threads", str(threads)) if threads else ()))


@click.command()
def beat() -> None:
    """Run the clock that starts the periodic jobs. One is enough; two do no harm, only work twice."""
    load_settings()
    _become("worker", "beat")


def _become(module: str, *arguments: str) -> None:
    """Turn this process into another program, so that a signal to it reaches the one that works."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - no shell is wanted


def _serve_by_waitress(settings: Settings) -> None:
    from newsletter.cli.embedded.web import serve  # noqa: PLC0415 - brings the whole application with it

    serve(settings, listen(settings))
