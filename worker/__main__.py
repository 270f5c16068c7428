"""`python -m worker ROLE`: one process of the Celery side.

fast: transactional mail and periodic jobs. bulk: digests. all: both, for a small machine.
beat: the clock; `--beat` adds it to a worker.
"""

import argparse
import sys
import warnings

from celery.platforms import SecurityWarning
from celery.signals import worker_ready

from newsletter.core import jobs, logs, processes
from newsletter.core.errors import RefusedError

ROLES = {
    # Periodic jobs are short; beside the bulk they would wait until a thread has finished its batches.
    "fast": (jobs.FAST, jobs.PERIODIC, jobs.OUTSIDE),
    "bulk": (jobs.BULK,),
    "all": (jobs.FAST, jobs.BULK, jobs.PERIODIC, jobs.OUTSIDE),
}
# Threads wait for relays well, share memory, and see the signal to stop. For a second process, start a second worker.
THREADS = {"fast": 4, "bulk": 4, "all": 8}


# Seconds after which a busy thread lets others go on. The thread that sends is busy, and each statement of the one that
# keeps its books would wait the usual five milliseconds behind it; so would a confirmation.
TURN = 0.001


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="worker", description=__doc__)
    parser.add_argument("role", choices=[*ROLES, "beat"])
    parser.add_argument("--threads", type=int, default=0, help="jobs at a time")
    parser.add_argument("--beat", action="store_true", help="run the clock in this process too")
    given = parser.parse_args(arguments)
    try:
        # Importing it reads the settings, and a wrong one must be refused in one line.
        from worker.app import app, settings  # noqa: PLC0415
    except RefusedError as error:
        sys.exit(str(error))
    logs.set_up(settings.log_level)
    if given.role == "beat":
        app.start(["--quiet", "beat", "--loglevel", "warning"])
        return
    sys.setswitchinterval(TURN)
    worker_ready.connect(announce, weak=False)
    app.loader.import_default_modules()
    processes.wait_for_start()
    # Celery warns of root because of pickled jobs; ours are JSON, and in a container root is often all there is.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    if given.beat:
        start_beat_beside(app)
    app.start(
        [
            "--quiet",
            "worker",
            "--pool=threads",
            f"--concurrency={given.threads or THREADS[given.role]}",
            f"--queues={','.join(ROLES[given.role])}",
            f"--hostname={given.role}@%h",
            "--loglevel=warning",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ]
    )


def announce(**_: object) -> None:
    """It is connected to the broker and takes jobs."""
    processes.report("ready")


def start_beat_beside(app: object) -> None:
    """The clock as a thread of this process: a process of its own costs as much memory as a worker."""
    from celery.beat import EmbeddedService  # noqa: PLC0415 - only where it is asked for

    EmbeddedService(app, thread=True).start()


if __name__ == "__main__":
    main()
