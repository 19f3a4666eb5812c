"""Asks the policy, in worker processes: a crash, an endless loop or a memory bomb in a rule costs its own request.

A decision depends on nothing but the rules and the parts of the document that they read (no clock, no chance, no I/O:
`builtins`). So decisions are remembered by exactly those parts, unless the rules read something that never repeats.
"""

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Collection, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import orjson

from extproc.policy import verdict
from extproc.policy.check import program_of, prove
from extproc.policy.frames import Program
from extproc.policy.process import WorkerGone, WorkerProcess, WorkerRefused
from extproc.policy.reads import Reads, reads
from extproc.policy.sources import Sources, Unusable
from extproc.policy.verdict import PolicyVerdict
from forebay.config.errors import ConfigErrors, Problem

log = logging.getLogger(__name__)

T = TypeVar("T")

Kind = Literal["timeout", "crashed", "error", "malformed"]

WORKERS: Final = 2
REMEMBERED: Final = 2_048  # decisions
REMEMBERED_SIZE: Final = 8_192  # bytes of a document; larger ones hardly come back
BACKOFF_FIRST: Final = 0.1  # seconds between attempts to start a worker, doubled each time
BACKOFF_LAST: Final = 5.0

_LOCATED: Final = re.compile(r"(.*?):(\d+):(\d+): (.*)", re.DOTALL)


class PolicyError(Exception):
    """There is no usable decision; apply `on_error`. `kind` is all that is told: nothing of the call."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(f"no policy decision: {kind}")
        self.kind: Kind = kind


class PolicyInvalid(Exception):
    """The policy files cannot be served, for all the reasons in `problems`. Keep the revision in service."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)

    def as_config_errors(self) -> ConfigErrors:
        """The same problems as those of a config file."""
        return ConfigErrors(_located(problem) for problem in self.problems)


class Evaluator:
    """One revision of the policies, ready to decide. For one event loop."""

    def __init__(
        self,
        files: Sequence[Path],
        deadline: float,
        redactable: Collection[str] | None = None,
        workers: int = WORKERS,
    ) -> None:
        """`deadline` in seconds, waiting for a free worker included. `redactable`: see `verdict.parse`."""
        self._files = tuple(files)
        self._deadline = deadline
        self._redactable = redactable
        self._count = workers
        self._sources: Sources | None = None
        self._program = Program((), "{}")
        self._reads = Reads(everything=True, sections={}, repeats=False)
        self._idle: asyncio.Queue[WorkerProcess] = asyncio.Queue()
        self._workers: set[WorkerProcess] = set()
        self._ending: set[WorkerProcess] = set()  # killed, not yet gone
        self._tasks: set[asyncio.Future[Any]] = set()
        self._remembered: OrderedDict[bytes, PolicyVerdict] = OrderedDict()
        self._closed = False

    @property
    def revision(self) -> str:
        """Names the rules, the aggregator and the data: 16 hex digits. Empty before `start`."""
        return self._sources.revision if self._sources else ""

    @property
    def ready(self) -> bool:
        """Whether a worker is there to be asked. False after a crash until its replacement has started."""
        return bool(self._workers)

    async def start(self) -> None:
        """Read, check and try the policies in a throw-away process, then start the workers.

        Raises PolicyInvalid with everything that is wrong; nothing is left running then.
        """
        try:
            self._sources = await prove(self._files, self._redactable)
        except Unusable as error:
            raise PolicyInvalid(error.problems) from None
        self._program = program_of(self._sources, self._sources.rules)
        self._reads = reads(self._sources.rules)
        starting = (WorkerProcess.start(self._program) for _ in range(self._count))
        for outcome in await asyncio.gather(*starting, return_exceptions=True):
            if isinstance(outcome, WorkerProcess):
                self._workers.add(outcome)
                self._idle.put_nowait(outcome)
        if len(self._workers) < self._count:
            await self.close()
            raise PolicyInvalid([f"{self._files[0]}:1:1: the policy workers do not start"])

    async def decide(self, document: Mapping[str, object]) -> PolicyVerdict:
        """The verdict on the call that `document` (of `document.build`) describes.

        Raises PolicyError when there is none within the deadline. A worker that is over its time is killed and
        replaced; others go on.
        """
        try:
            question = orjson.dumps(self._reads.project(document))
        except orjson.JSONEncodeError:  # an integer of more than 64 bits, a lone surrogate
            raise PolicyError("error") from None
        if (known := self._recall(question)) is not None:
            return known
        loop = asyncio.get_running_loop()
        until = loop.time() + self._deadline
        try:
            async with asyncio.timeout_at(until):
                worker = await self._idle.get()
        except TimeoutError:
            raise PolicyError("timeout") from None
        # A task of its own: the worker has the whole deadline, however long this caller waited for it, and a caller
        # that goes away leaves no half-read answer behind.
        asking = self._spawn(self._ask(worker, question))
        done, _ = await asyncio.wait({asking}, timeout=max(0.0, until - loop.time()))
        if not done:
            raise PolicyError("timeout")
        outcome = asking.result()
        if isinstance(outcome, PolicyVerdict):
            return outcome
        raise PolicyError(outcome)

    async def close(self) -> None:
        """End every process. Callers still waiting get a PolicyError."""
        self._closed = True
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.close() for worker in self._workers | self._ending))
        self._workers.clear()
        self._ending.clear()

    async def _ask(self, worker: WorkerProcess, question: bytes) -> PolicyVerdict | Kind:
        """One question, whatever becomes of it: the worker is idle again afterwards, or replaced."""
        try:
            async with asyncio.timeout(self._deadline):
                answer = await worker.ask(question)
        except TimeoutError:
            self._replace(worker, "timeout")
            return "timeout"
        except WorkerGone:
            self._replace(worker, "crashed")
            return "crashed"
        except asyncio.CancelledError:
            if not self._closed:
                self._replace(worker, "cancelled")
            return "crashed"
        self._idle.put_nowait(worker)
        return "error" if answer is None else self._understand(question, answer)

    def _understand(self, question: bytes, answer: bytes) -> PolicyVerdict | Kind:
        try:
            understood = verdict.parse(orjson.loads(answer), self.revision, self._redactable)
        except (verdict.Malformed, orjson.JSONDecodeError) as error:
            log.error("the policy's decision is not usable: %s", error if isinstance(error, verdict.Malformed) else "")
            return "malformed"
        if self._reads.repeats and len(question) <= REMEMBERED_SIZE:
            self._remembered[question] = understood
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return understood

    def _recall(self, question: bytes) -> PolicyVerdict | None:
        known = self._remembered.get(question)
        if known is not None:
            self._remembered.move_to_end(question)
        return known

    def _replace(self, worker: WorkerProcess, why: str) -> None:
        log.warning("policy worker pid=%d ended: %s; starting another", worker.pid, why)
        self._workers.discard(worker)
        self._ending.add(worker)
        self._spawn(self._end(worker))
        self._spawn(self._refill())

    async def _end(self, worker: WorkerProcess) -> None:
        await worker.close()
        self._ending.discard(worker)

    async def _refill(self) -> None:
        pause = BACKOFF_FIRST
        while True:
            try:
                worker = await WorkerProcess.start(self._program)
            except (WorkerGone, WorkerRefused, OSError) as error:
                log.error("a policy worker does not start (%s); trying again in %.1f s", type(error).__name__, pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, BACKOFF_LAST)
            else:
                self._workers.add(worker)
                self._idle.put_nowait(worker)
                return

    def _spawn(self, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _located(problem: str) -> Problem:
    match = _LOCATED.fullmatch(problem)
    if match is None:
        return Problem(Path(), 1, 1, "", problem)
    return Problem(Path(match[1]), int(match[2]), int(match[3]), "", match[4])
