"""A data directory on a disk that a test can fill."""

import errno
import os
import resource
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SIZE = 32  # MB
BLOCK = bytes(64 * 1024)


class SmallDisk:
    """`mounted`: a file system of its own. Else, where mounting is not allowed, a full disk is a limit that lets the
    processes write no file any longer; what they get to hear is then EFBIG instead of ENOSPC.
    """

    def __init__(self, path: Path, *, mounted: bool) -> None:
        self.path = path
        self.mounted = mounted

    def fill(self, pids: Iterable[int]) -> None:
        """Leave no byte to these processes."""
        if not self.mounted:
            self._limit(pids, 0)
            return
        with Path(self.path, "filling").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(BLOCK)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self, pids: Iterable[int]) -> None:
        if self.mounted:
            Path(self.path, "filling").unlink()
        else:
            self._limit(pids, resource.RLIM_INFINITY)

    def _limit(self, pids: Iterable[int], size: int) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@contextmanager
def small_disk() -> Iterator[SmallDisk]:
    """An empty one; gone when the block ends, or the process."""
    with tempfile.TemporaryDirectory(prefix="disk") as directory:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m,mode=700", "tmpfs", directory]
        try:
            mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
        except FileNotFoundError:
            mounted = False
        if not mounted:
            yield SmallDisk(Path(directory), mounted=False)
            return
        # Held open and taken out of the tree: so it ends with this process, even with one that is killed.
        root = os.open(directory, os.O_DIRECTORY | os.O_RDONLY)
        try:
            subprocess.run(["umount", "--lazy", directory], check=True)
            yield SmallDisk(Path(f"/proc/{os.getpid()}/fd/{root}"), mounted=True)
        finally:
            os.close(root)
