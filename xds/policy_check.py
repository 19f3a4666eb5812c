"""Asks the processor whether it could serve the policies, before anything is published.

The processor's own checker, in a process of its own: the planes import nothing of each other. It runs while resources
are built; `PolicyCheck` is started first and asked for its answer last.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

DEADLINE: Final = 60.0  # seconds; a check takes one or two, rules that never end up to ten each
_ROOT: Final = Path(__file__).resolve().parents[1]  # where the packages lie


class PoliciesRefused(Exception):
    """The policies cannot be served. The text says why, each problem as `file:line:column: message` on its line."""


class PolicyCheck:
    """A check of `files` that runs from the first on; leaving the context ends it."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._first = files[0]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "extproc.policy.check", *map(str, files)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": str(_ROOT), "LC_ALL": "C.UTF-8"},  # nothing of ours: rules must not see our secrets
        )

    def __enter__(self) -> "PolicyCheck":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._process:  # waits, and closes the pipe
            self._process.kill()

    def answer(self) -> None:
        """Returns when the policies can be served. Raises PoliciesRefused when not, or when nobody can say."""
        try:
            said, _ = self._process.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            raise PoliciesRefused(f"{self._first}:1:1: the check takes more than {DEADLINE:.0f} s") from None
        if self._process.returncode != 0:
            text = said.decode("utf-8", "replace").strip()
            status = self._process.returncode
            raise PoliciesRefused(text or f"{self._first}:1:1: the check of the policies ended with status {status}")
