"""A real Chromium for the browser level: the system's, or one that the package manager brings."""

import fcntl
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
INSTALL_SECONDS = 600
# As root its sandbox cannot work; the rest keeps it from asking its maker's servers for anything.
OPTIONS = (
    *(("--no-sandbox",) if os.geteuid() == 0 else ()),
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


@functools.cache
def find_chromium() -> str | None:
    """Path of the browser, installed first where that is allowed; None where there is none to be had."""
    if found := _known():
        return found
    # Test processes that find none at the same moment would lock each other out of the package manager.
    with Path(tempfile.gettempdir(), "newsletter-chromium.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        return _known() or _install()


def _known() -> str | None:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return found or (MAC if os.path.exists(MAC) else None)


def _install() -> str | None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    print("Installing chromium for the browser tests ...", file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (("update", "-q"), ("install", "-qy", "--no-install-recommends", "chromium")):
        done = subprocess.run(
            ["apt-get", *command], env=environment, stdout=subprocess.DEVNULL, timeout=INSTALL_SECONDS, check=False
        )
        if done.returncode != 0:
            return None
    return _known()
