"""The data directory of `newsletter up`: made, checked, and held by one launcher at a time."""

import fcntl
import json
import os
from pathlib import Path

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.settings import UP_FILE

LOCK_FILE = "up.lock"


def open_data_dir(path: Path) -> None:
    """Make the directory, for its owner only. RefusedError when nothing can be written in it."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = path / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise RefusedError(
            _(
                "Cannot write in the data directory %(path)s: %(reason)s. Set NEWSLETTER_DATA_DIR to one of yours.",
                path=path,
                reason=error.strerror or type(error).__name__,
            )
        ) from None


def hold(path: Path) -> int:
    """Take the directory for this process; the descriptor holds it until it is closed or the process ends, however it
    ends.

    RefusedError names the process that has it.
    """
    descriptor = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "?"
        os.close(descriptor)
        raise RefusedError(
            _(
                "`newsletter up` runs already on %(path)s (process %(pid)s). Stop it first, or set NEWSLETTER_DATA_DIR"
                " and NEWSLETTER_PORT for a second one.",
                path=path,
                pid=holder,
            )
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def write_state(path: Path, **state: int) -> None:
    """Tell the other commands of this data directory what runs here."""
    partial = path / f".{UP_FILE}.part"
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(state, file)
    partial.rename(path / UP_FILE)


def forget_state(path: Path) -> None:
    (path / UP_FILE).unlink(missing_ok=True)
