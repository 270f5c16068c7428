"""Processes of their own, real enough to be killed."""

import multiprocessing
from typing import Final

# A server that has imported everything once and forks: a process then costs milliseconds, not a second.
PROCESSES: Final = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.support.bulk_sender"])
