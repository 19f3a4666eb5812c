"""CPU seconds and resident bytes of processes and everything they started, from /proc (Linux)."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_TICK: Final = 1 / os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_PARENT, _USER, _SYSTEM = 1, 11, 12  # fields of /proc/PID/stat behind the name


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
    """What they have used so far, user and system."""
    return sum((int(fields[_USER]) + int(fields[_SYSTEM])) * _TICK for pid in pids if (fields := _stat(pid)))


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
