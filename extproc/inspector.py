"""Where inspections run: small bodies on the spot, large ones in a process of their own.

A 10 MB prompt takes the interpreter for seconds; on the event loop it would delay every other caller by as much.
The process is spawned (gRPC does not survive a fork), dies with its parent, and is replaced when it misses a deadline.
"""

import asyncio
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from extproc.detectors.scan import Detectors
from extproc.inspection import Inspection, inspect
from extproc.transaction.effects import InspectBody
from forebay.config import defaults

LARGE = 16 * 1024  # bytes; below it the densest body takes some fifty milliseconds, an ordinary one two
START_SECONDS = 30.0  # Python and the patterns, on a busy machine
BEHIND = 5  # niceness of the process for large bodies: where cores are scarce, many small calls go before one large

# What is slow the first time (patterns, vocabularies) is done on this before a caller could have to wait for it.
SAMPLE = InspectBody(
    operation="chat",
    body=b'{"model":"sample","messages":[{"role":"user","content":"Write to maria.rossi@example.com"}]}',
    tenant="sample",
    guards=defaults.GUARDS,
    caps=defaults.CAPS,
)


class InspectionTimedOut(Exception):
    """The detectors missed the deadline that the tenant's guards state, or their process died of the body."""


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
            return _inspect(work, self._detectors, self._state_key)
        return await self._inspect_apart(work)

    def warm(self) -> None:
        """Inspect a sample, and start the process for large bodies now rather than at the first of them."""
        _inspect(SAMPLE, self._detectors, self._state_key)
        self._executor().submit(_nothing)

    def close(self) -> None:
        """End the process for large bodies, at once."""
        pool, self._pool = self._pool, None
        if pool is not None:
            _kill(pool)

    async def _inspect_apart(self, work: InspectBody) -> Inspection:
        await self._turn.acquire()
        # A task of its own: a caller that leaves takes neither the process nor the next one's time with it.
        outcome = await asyncio.shield(asyncio.ensure_future(self._take_turn(work)))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _take_turn(self, work: InspectBody) -> Inspection | Exception:
        pool = self._executor()
        loop = asyncio.get_running_loop()
        try:
            # The deadline is for the detectors: a process that replaces a killed one takes seconds to start.
            await asyncio.wait_for(loop.run_in_executor(pool, _nothing), START_SECONDS)
            return await asyncio.wait_for(loop.run_in_executor(pool, _inspect_here, work), work.guards.deadline)
        except (TimeoutError, BrokenProcessPool):
            if self._pool is pool:
                self._pool = None
                self._executor().submit(_nothing)
            _kill(pool)
            return InspectionTimedOut()
        except Exception as error:  # of a detector: the caller's to judge, and there may be none any more
            return error
        finally:
            self._turn.release()

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
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: also while a pattern holds the interpreter
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(BEHIND)
    _here = (Detectors(), state_key)
    _inspect(SAMPLE, *_here)


def _end_with_parent() -> None:
    """Never outlive the parent: it may die before the kernel was asked to tell, and not every kernel tells.

    The resource tracker that multiprocessing starts ends by itself once nobody holds its pipe any more.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _inspect_here(work: InspectBody) -> Inspection:
    if _here is None:
        raise RuntimeError("the process was not prepared")
    return _inspect(work, *_here)


def _inspect(work: InspectBody, detectors: Detectors, state_key: bytes) -> Inspection:
    return inspect(
        work.operation, work.body, work.tenant, work.guards, work.caps, detectors, state_key, time.perf_counter_ns
    )


def _nothing() -> None:
    """Work that is done once the process has started."""


def _kill(pool: ProcessPoolExecutor) -> None:
    for process in list((pool._processes or {}).values()):
        process.kill()
    pool.shutdown(wait=False, cancel_futures=True)
