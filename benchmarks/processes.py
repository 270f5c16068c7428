"""What processes cost, read from /proc of Linux: processor time, memory, and what they have read."""

import os
from collections import defaultdict
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        if fields := _stat(path):
            children[int(fields[1])].append(int(path.parent.name))
    found = [pid]
    for parent in found:
        found += children[parent]
    return found


def cpu_seconds(*pids: int) -> float:
    """Processor time, user and system, of these processes with all threads, and of all that descend from them; those
    that have ended included.
    """
    ticks = 0
    for pid in {member for first in pids for member in family(first)}:
        if fields := _stat(Path(f"/proc/{pid}/stat")):
            ticks += sum(map(int, fields[11:15]))
    return ticks * TICK


def memory(pid: int) -> dict[str, int]:
    """`pss` and `rss` of a process in bytes; zero when it has ended."""
    sizes = {"pss": 0, "rss": 0}
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return sizes
    for line in lines:
        name, _, rest = line.partition(":")
        if name.lower() in sizes:
            sizes[name.lower()] = int(rest.split()[0]) * 1024
    return sizes


def peak_rss(pid: int) -> int:
    """The most memory that a process ever had resident, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def bytes_read(pid: int) -> int:
    """Bytes that a process has read from files and sockets."""
    return int(Path(f"/proc/{pid}/io").read_text().split()[1])


def _stat(path: Path) -> list[str]:
    """The fields after the name of the program, which may hold blanks and brackets; empty when it has ended."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except OSError:
        return []
