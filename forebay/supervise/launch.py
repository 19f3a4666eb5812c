"""Run as a script by the supervisor: `launch.py PARENT SIGNAL COMMAND...` becomes COMMAND.

The process is told to die with its parent (Linux only: elsewhere there is no such call) before it becomes anything.
Not done by `preexec_fn`, which runs Python between fork and exec of a process that may have threads.
"""

import ctypes
import os
import resource
import sys

_PR_SET_PDEATHSIG = 1


def launch(parent: int, signal: int, command: list[str]) -> None:
    """Become `command`; exits with 1 when the parent is already gone. What it writes is its user's
    alone to read, and it may open as many files as the system lets it."""
    os.umask(0o077)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a usual 1,024 would refuse callers for want of files
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0)
        if os.getppid() != parent:  # it died before the call: nobody is left to send the signal
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 -- no shell is wanted


if __name__ == "__main__":
    launch(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
