"""The parent's end of one policy worker: start it, ask it, kill it."""

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Final

from extproc.policy.frames import ANSWER, ANSWER_LIMIT, QUESTION, Program, Status

START_SECONDS: Final = 20.0  # Python, the library and the compilation, on a busy machine
_ROOT: Final = Path(__file__).resolve().parents[2]  # where the package `extproc` lies


class WorkerGone(Exception):
    """The worker crashed, was killed, or speaks nonsense. Kill it and start another."""


class WorkerRefused(Exception):
    """The worker cannot compile its program; `problems` says why."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class WorkerProcess:
    """A worker that has compiled its program. One question at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    @classmethod
    async def start(cls, program: Program) -> "WorkerProcess":
        """A new process that is ready to be asked.

        Raises WorkerRefused when the program does not compile, WorkerGone when the process did not get there.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # never the working directory: a file there could pass for one of our modules
            "-m",
            "extproc.policy.worker",
            str(os.getpid()),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={"PYTHONPATH": str(_ROOT), "LC_ALL": "C.UTF-8"},  # nothing of ours: rules must not see our secrets
            start_new_session=True,  # Ctrl-C is the parent's to handle
        )
        worker = cls(process)
        try:
            async with asyncio.timeout(START_SECONDS):
                status, payload = await worker._exchange(program.encode())
        except TimeoutError:
            await worker.close()
            raise WorkerGone("the worker did not start in time") from None
        except BaseException:
            await worker.close()
            raise
        if status == Status.READY:
            return worker
        await worker.close()
        raise WorkerRefused([str(each) for each in json.loads(payload)])

    async def ask(self, document: bytes) -> bytes | None:
        """The decision on `document`, as JSON; None when the evaluation failed.

        Raises WorkerGone. After a cancellation the worker must be closed: its answer would be taken for the next one.
        """
        status, payload = await self._exchange(document)
        if status == Status.DECIDED:
            return payload
        if status == Status.FAILED:
            return None
        raise WorkerGone("an answer out of turn")

    async def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself in this moment
                self._process.kill()
        await self._process.wait()

    async def _exchange(self, payload: bytes) -> tuple[int, bytes]:
        writer, reader = self._process.stdin, self._process.stdout
        if writer is None or reader is None:
            raise WorkerGone("no pipes")
        try:
            writer.write(QUESTION.pack(len(payload)) + payload)
            await writer.drain()
            status, length = ANSWER.unpack(await reader.readexactly(ANSWER.size))
            if length > ANSWER_LIMIT:
                raise WorkerGone("an answer that is too long")
            return status, await reader.readexactly(length)
        except (OSError, EOFError) as error:  # EOFError: IncompleteReadError is one
            raise WorkerGone("the worker ended") from error
