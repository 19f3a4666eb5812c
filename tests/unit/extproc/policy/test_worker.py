"""What the worker process withstands and when it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from extproc.policy.frames import ANSWER, QUESTION, Program, Status
from extproc.policy.sources import shipped_policies

MAIN = ("main.rego", (shipped_policies() / "main.rego").read_text("utf-8"))
ROOT = Path(__file__).resolve().parents[4]


def _start(parent: int | None = None) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "extproc.policy.worker", str(parent or os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT)},
    )


def _say(*payloads: bytes) -> list[tuple[int, bytes]]:
    with _start() as worker:
        out, _ = worker.communicate(b"".join(QUESTION.pack(len(each)) + each for each in payloads), timeout=20)
    answers = []
    while out:
        status, length = ANSWER.unpack(out[: ANSWER.size])
        answers.append((status, out[ANSWER.size : ANSWER.size + length]))
        out = out[ANSWER.size + length :]
    return answers


def _program(text: str) -> bytes:
    return Program((MAIN, ("a.rego", text)), "{}").encode()


def test_what_a_rule_prints_is_not_taken_for_an_answer() -> None:
    """`print` writes to the standard output, which is not our pipe any more."""
    ready, decided = _say(_program('package forebay.rules.a\n\ncap contains 5 if print("x", 1)\n'), b"{}")
    assert ready == (Status.READY, b"")
    assert decided[0] in (Status.DECIDED, Status.FAILED)
    assert not decided[1] or decided[1].startswith(b"{")


def test_a_syntax_error_is_located() -> None:
    """Byte offsets of the library become lines and columns, in characters."""
    ((status, problems),) = _say(_program('package forebay.rules.a\n\n# é\nx := {"é", "a": }\n'))
    assert status == Status.REFUSED
    assert b"a.rego:4:" in problems


def test_a_bundle_that_is_not_ok_is_never_asked() -> None:
    """Asking it would be a segmentation fault."""
    ((status, problems),) = _say(_program("package forebay.rules.a\n\ndefault x := 1\ndefault x := 2\n"))
    assert status == Status.REFUSED
    assert b"does not compile" in problems


def test_recursion_is_a_failed_evaluation() -> None:
    """The library answers with something that is no JSON."""
    answers = _say(_program("package forebay.rules.a\n\ncap contains x if x := y\n\ny := z\n\nz := y\n"), b"{}", b"{}")
    assert [status for status, _ in answers] == [Status.READY, Status.FAILED, Status.FAILED]


def test_it_ends_with_its_pipe() -> None:
    """Nothing is left when the processor is gone."""
    with _start() as worker:
        assert worker.stdin is not None
        worker.stdin.close()
        assert worker.wait(timeout=10) == 0


def test_it_does_not_outlive_a_parent_that_died_before() -> None:
    """The parent's number is checked after the death signal is asked for."""
    with _start(parent=1) as worker:
        assert worker.wait(timeout=10) == 0


def test_it_dies_with_a_killed_parent(tmp_path: Path) -> None:
    """Even in the middle of an evaluation that never ends."""
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, subprocess, sys, time\n"
        "worker = subprocess.Popen([sys.executable, '-m', 'extproc.policy.worker', str(os.getpid())],\n"
        "    stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "print(worker.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    environment = {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        time.sleep(0.3)
        parent.send_signal(signal.SIGKILL)
    status = Path(f"/proc/{pid}/status")
    for _ in range(200):
        if not status.exists() or "State:\tZ" in status.read_text():
            return
        time.sleep(0.02)
    raise AssertionError("the worker outlived its parent")
