"""Where inspections run: small bodies on the spot, large ones in a process of their own.

A 10 MB prompt takes the interpreter for seconds; on the event loop it would delay every other caller by as much.
The process is spawned (gRPC does not survive a fork), dies with its parent, and is replaced when it misses a deadline.
"""

import asyncio
import ctypes
import multiprocessing
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from extproc.detectors.scan import Detectors
from extproc.inspection import Inspection, inspect
from extproc.transaction.effects import InspectBody

LARGE = 64 * 1024  # bytes; below it an inspection takes a millisecond or two


class InspectionTimedOut(Exception):
    """The detectors missed the deadline that the tenant's guards state."""


class Inspector:
    """Runs inspections for one process. Close it to end the process beside it."""

    def __init__(self, state_key: bytes) -> None:
        self._state_key = state_key
        self._detectors = Detectors()
        self._pool: ProcessPoolExecutor | None = None
        self._turn = asyncio.Semaphore(1)  # the deadline is for the work, not for the queue before it

    async def inspect(self, work: InspectBody) -> Inspection:
        """The inspection of one body.

        Raises InspectionTimedOut, or whatever a defective detector raised; the caller treats both as a failed guard.
        """
        if len(work.body) < LARGE:
            return inspect(
                work.operation,
                work.body,
                work.tenant,
                work.guards,
                work.caps,
                self._detectors,
                self._state_key,
                time.perf_counter_ns,
            )
        return await self._inspect_apart(work)

    def warm(self) -> None:
        """Start the process for large bodies now rather than at the first of them."""
        self._executor().submit(_nothing)

    def close(self) -> None:
        """End the process for large bodies, at once."""
        pool, self._pool = self._pool, None
        if pool is not None:
            _kill(pool)

    async def _inspect_apart(self, work: InspectBody) -> Inspection:
        async with self._turn:
            pool = self._executor()
            future = asyncio.get_running_loop().run_in_executor(pool, _inspect_here, work)
            try:
                return await asyncio.wait_for(future, work.guards.deadline)
            except (TimeoutError, BrokenProcessPool) as error:
                self._pool = None
                _kill(pool)
                raise InspectionTimedOut from error
            except asyncio.CancelledError:  # the caller left: do not let the next one wait for dead work
                self._pool = None
                _kill(pool)
                raise

    def _executor(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                max_workers=1,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_prepare,
                initargs=(self._state_key,),
            )
        return self._pool


_here: tuple[Detectors, bytes] | None = None  # of the process for large bodies, set once at its start


def _prepare(state_key: bytes) -> None:
    global _here
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: never outlive the parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _here = (Detectors(), state_key)


def _inspect_here(work: InspectBody) -> Inspection:
    if _here is None:
        raise RuntimeError("the process was not prepared")
    detectors, state_key = _here
    return inspect(
        work.operation, work.body, work.tenant, work.guards, work.caps, detectors, state_key, time.perf_counter_ns
    )


def _nothing() -> None:
    """Work that only makes the pool start its process."""


def _kill(pool: ProcessPoolExecutor) -> None:
    for process in list((pool._processes or {}).values()):
        process.kill()
    pool.shutdown(wait=False, cancel_futures=True)
