"""CPU seconds and resident bytes of processes and everything they started (Linux)."""

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_PARENT: Final = 1  # field of /proc/PID/stat behind the name


def family(pid: int) -> list[int]:
    """A process and all its living descendants."""
    children: dict[int, list[int]] = {}
    for each in Path("/proc").iterdir():
        if each.name.isdigit() and (fields := _stat(int(each.name))):
            children.setdefault(int(fields[_PARENT]), []).append(int(each.name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """What they have used so far, their ended threads included, by the clock that Linux keeps for each process.

    The fields of /proc are sampled by the tick: work that is shorter is missed.
    """
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):  # it has just ended
            total += time.clock_gettime(~pid << 3 | 2)
    return total


def resident(pids: Iterable[int]) -> int:
    """Bytes of memory they hold, shared pages counted in each."""
    total = 0
    for pid in pids:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
        except OSError:
            continue  # it has just ended
    return total


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return []
