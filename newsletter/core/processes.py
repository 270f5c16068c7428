"""What a process of the service and the program that started it say to each other.

`newsletter up` gives its children open pipes and names them in the environment. A process that was started otherwise
has none, and nothing here does anything then, except `end_with_parent`.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
from typing import Final

# Not settings, hence without their prefix: nobody but the launcher gives them.
START_PIPE: Final = "LAUNCHER_START_PIPE"
STATUS_PIPE: Final = "LAUNCHER_STATUS_PIPE"
PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


def wait_for_start() -> None:
    """Wait until the database is ready. A worker calls it after its imports, which so overlap with the migration."""
    if pipe := os.environ.get(START_PIPE):
        os.read(int(pipe), 1)  # the launcher says nothing: it closes its end


def report(state: str, **details: str | None) -> None:
    """Tell the launcher a state: `ready` when the process does its work."""
    if pipe := os.environ.get(STATUS_PIPE):
        with contextlib.suppress(OSError):
            os.write(int(pipe), json.dumps({"state": state, **details}).encode() + b"\n")


def end_with_parent() -> None:
    """Get SIGTERM when the process that started this one ends, however it ends. On Linux; elsewhere nothing happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
