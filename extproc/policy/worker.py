"""The child process that evaluates policies. `python -m extproc.policy.worker PARENT_PID`, started by `process`.

It may crash, hang or grow at any moment: regopy is C++ with known faults, and rules are other people's. So it has an
empty environment, no standard streams, limits on memory and files, no life beyond its parent's, and no state but the
compiled program: it can be killed between any two instructions.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import threading
from pathlib import Path
from typing import BinaryIO, Final

from extproc.policy.frames import ANSWER, QUESTION, Program, Status
from extproc.policy.interpreter import Compiled, NotCompiled, NotEvaluated

MEMORY: Final = 512 * 1024 * 1024  # bytes in use; no RLIMIT_AS, since regopy's allocator reserves 256 GiB of addresses
WATCH_SECONDS: Final = 0.1
STACK: Final = 64 * 1024 * 1024  # the evaluator recurses on nested terms
_PR_SET_PDEATHSIG: Final = 1
_STATM: Final = Path("/proc/self/statm")
_OOM: Final = Path("/proc/self/oom_score_adj")


def main(parent: int) -> int:
    """Serve until the parent closes its end. Returns the exit code."""
    _die_with(parent)
    questions, answers = _take_streams()
    _limit()
    threading.stack_size(STACK)
    serving = threading.Thread(target=_serve, args=(questions, answers), daemon=True)
    serving.start()
    while serving.is_alive():
        serving.join(WATCH_SECONDS)  # the evaluator works without the interpreter lock, so this thread does wake up
        if _resident() > MEMORY:
            os._exit(1)
    return 0


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        os._exit(0)


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Our two pipes under other numbers: what Rego's `print` writes goes nowhere, instead of between two frames."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    return questions, answers


def _limit() -> None:
    _OOM.write_text("1000")  # if memory runs out all the same, this process goes first
    for what, limit in (
        (resource.RLIMIT_CORE, 0),  # a dump would hold inputs
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        resource.setrlimit(what, (limit, limit))


def _resident() -> int:
    """Bytes of memory in use."""
    pages = int(_STATM.read_bytes().split()[1])
    return pages * resource.getpagesize()


def _serve(questions: BinaryIO, answers: BinaryIO) -> None:
    raw = _read(questions)
    if raw is None:
        return
    try:
        compiled = Compiled(Program.decode(raw))
    except NotCompiled as error:
        _write(answers, Status.REFUSED, json.dumps(error.problems).encode())
        return
    _write(answers, Status.READY, b"")
    while (document := _read(questions)) is not None:
        try:
            _write(answers, Status.DECIDED, compiled.decide(document.decode()).encode())
        except NotEvaluated:
            _write(answers, Status.FAILED, b"")


def _read(stream: BinaryIO) -> bytes | None:
    head = stream.read(QUESTION.size)
    if len(head) < QUESTION.size:
        return None
    (length,) = QUESTION.unpack(head)
    payload = stream.read(length)
    return payload if len(payload) == length else None


def _write(stream: BinaryIO, status: Status, payload: bytes) -> None:
    stream.write(ANSWER.pack(status, len(payload)) + payload)
    stream.flush()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
