"""Runs a program that cannot outlive the process that started it.

    python -ES tether.py PARENT_PID PROGRAM [ARGUMENT ...]

A file of its own, run by its path and without the site packages, so that it costs ten milliseconds. Doing the same
between fork and exec of the parent (`preexec_fn`) can deadlock as soon as the parent has threads.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1  # linux/prctl.h; survives exec
POLL = 0.5  # seconds


def main(parent: int, command: list[str]) -> int:
    if sys.platform != "linux":
        return watch(parent, command)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before it was asked for
        return 1
    return os.execv(command[0], command)  # noqa: S606 - the launcher chooses what runs


def watch(parent: int, command: list[str]) -> int:
    """Where the kernel does not offer it: stay beside the program, pass signals on, and kill it when the parent is
    gone.
    """
    with subprocess.Popen(command, close_fds=False) as child:  # noqa: S603 - the launcher chooses what runs
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _frame: child.send_signal(received))
        while child.poll() is None:
            if os.getppid() != parent:
                child.kill()
            time.sleep(POLL)
        return child.returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
