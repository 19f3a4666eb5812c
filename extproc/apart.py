"""A process beside the processor, for work that would hold up its event loop: one job at a time, each with a deadline.

It is spawned (gRPC does not survive a fork), dies with its parent, and is replaced when it misses a deadline.
"""

import asyncio
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

_START_SECONDS = 30.0  # Python and the patterns, on a busy machine
_BEHIND = 5  # niceness: where cores are scarce, many small calls on the loop go before one large job

_T = TypeVar("_T")


class JobLost(Exception):
    """The job missed its deadline, or its process died of it; the process is being replaced."""


class Apart:
    """One such process. `prepare(*given)` runs in it before its first job; both must be picklable. Close it to end."""

    def __init__(self, prepare: Callable[..., None], *given: Any) -> None:
        self._prepare, self._given = prepare, given
        self._pool: ProcessPoolExecutor | None = None
        self._turn = asyncio.Semaphore(1)  # the deadline is for the work, not for the queue before it

    def start(self) -> None:
        """Start the process now rather than at the first job."""
        self._executor().submit(_nothing)

    async def run(self, deadline: float, job: Callable[..., _T], *given: Any) -> _T:
        """What `job(*given)` returns, or raises. A caller that leaves the queue is skipped.

        Raises JobLost after `deadline` seconds of work.
        """
        await self._turn.acquire()
        # A task of its own: a caller that leaves takes neither the process nor the next one's time with it.
        outcome = await asyncio.shield(asyncio.ensure_future(self._take_turn(deadline, job, given)))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def close(self) -> None:
        """End the process, at once."""
        pool, self._pool = self._pool, None
        if pool is not None:
            _kill(pool)

    async def _take_turn(self, deadline: float, job: Callable[..., _T], given: tuple[Any, ...]) -> _T | Exception:
        pool = self._executor()
        loop = asyncio.get_running_loop()
        try:
            # The deadline is for the job: a process that replaces a killed one takes seconds to start.
            await asyncio.wait_for(loop.run_in_executor(pool, _nothing), _START_SECONDS)
            return await asyncio.wait_for(loop.run_in_executor(pool, job, *given), deadline)
        except (TimeoutError, BrokenProcessPool):
            if self._pool is pool:
                self._pool = None
                self.start()
            _kill(pool)
            return JobLost()
        except Exception as error:  # of the job: the caller's to judge, and there may be none any more
            return error
        finally:
            self._turn.release()

    def _executor(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                max_workers=1,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_begin,
                initargs=(self._prepare, self._given),
            )
        return self._pool


def _begin(prepare: Callable[..., None], given: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: also while a pattern holds the interpreter
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_BEHIND)
    prepare(*given)


def _end_with_parent() -> None:
    """Never outlive the parent: it may die before the kernel was asked to tell, and not every kernel tells.

    The resource tracker that multiprocessing starts ends by itself once nobody holds its pipe any more.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _nothing() -> None:
    """Work that is done once the process has started."""


def _kill(pool: ProcessPoolExecutor) -> None:
    for process in list((pool._processes or {}).values()):
        process.kill()
    pool.shutdown(wait=False, cancel_futures=True)
