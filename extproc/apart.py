"""A process beside the processor, for work that would hold up its event loop: one job at a time, each with a deadline.

It is spawned (gRPC does not survive a fork), dies with its parent, and is replaced when it misses a deadline. Jobs and
what comes of them travel pickled over a socket of its own: an executor's threads and queues cost more than most jobs.
"""

import asyncio
import contextlib
import ctypes
import multiprocessing
import os
import pickle
import signal
import socket
import struct
import sys
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from extproc.rota import Rota

_START_SECONDS: Final = 30.0  # Python and the patterns, on a busy machine
_BEHIND: Final = 5  # niceness: where cores are scarce, many small calls on the loop go before one large job
_LENGTH: Final = struct.Struct("!Q")  # of what follows it
_READY: Final = b""  # what a process says first
_AT_ONCE: Final = 256 * 1024

_T = TypeVar("_T")


class JobLost(Exception):
    """The job missed its deadline, or its process died of it; the process is being replaced."""


class Apart:
    """One such process. `prepare(*given)` runs in it before its first job; both must be picklable. Close it to end."""

    def __init__(self, prepare: Callable[..., None], *given: Any) -> None:
        self._prepare, self._given = prepare, given
        self._process: _Process | None = None
        self._rota = Rota()  # the deadline is for the work, not for the queue before it

    def start(self) -> None:
        """Start the process now rather than at the first job."""
        self._started()

    async def run(self, deadline: float, job: Callable[..., _T], *given: Any, tenant: str = "") -> _T:
        """What `job(*given)` returns, or raises. Tenants take turns; a caller that leaves the queue is skipped.

        Raises JobLost after `deadline` seconds of work.
        """
        await self._rota.acquire(tenant)
        # A task of its own: a caller that leaves takes neither the process nor the next one's time with it.
        outcome = await asyncio.shield(asyncio.ensure_future(self._take_turn(deadline, job, given)))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def close(self) -> None:
        """End the process, at once."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()

    async def _take_turn(self, deadline: float, job: Callable[..., _T], given: tuple[Any, ...]) -> _T | Exception:
        process = self._started()
        try:
            # The deadline is for the job: a process that replaces a killed one takes seconds to start.
            await asyncio.wait_for(process.ready(), _START_SECONDS)
            fine, outcome = await asyncio.wait_for(process.do(job, given), deadline)
        except (TimeoutError, OSError, EOFError):
            if self._process is process:
                self._process = None
                self.start()
            process.kill()
            return JobLost()
        finally:
            self._rota.release()
        if not fine:
            return _error(outcome)
        result: _T = outcome
        return result

    def _started(self) -> "_Process":
        if self._process is None:
            self._process = _Process(self._prepare, self._given)
        return self._process


class _Process:
    """The parent's side: jobs out, outcomes in, in turn. Whatever is raised here, the process is of no use any more."""

    def __init__(self, prepare: Callable[..., None], given: tuple[Any, ...]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            self._socket = ours
            context = multiprocessing.get_context("spawn")
            self._process = context.Process(target=_serve, args=(theirs, prepare, given), daemon=True)
            self._process.start()
        self._prepared = self._waited_for = False

    async def ready(self) -> None:
        """Return once it takes jobs. Raises EOFError or OSError if it died before."""
        if not self._prepared:
            await self._receive()
            self._prepared = True

    async def do(self, job: Callable[..., Any], given: tuple[Any, ...]) -> tuple[bool, Any]:
        """Whether `job(*given)` returned, and what; else what it raised. Raises EOFError, OSError if it died of it."""
        message = pickle.dumps((job, given), pickle.HIGHEST_PROTOCOL)
        await asyncio.get_running_loop().sock_sendall(self._socket, _LENGTH.pack(len(message)) + message)
        fine, outcome = pickle.loads(await self._receive())  # noqa: S301 - of our own process
        return fine, outcome

    def kill(self) -> None:
        """End it, at once. Who waits for it is told so."""
        self._process.kill()
        if self._waited_for:  # a socket must not be closed under the event loop
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        else:
            self._socket.close()

    async def _receive(self) -> bytes:
        self._waited_for = True
        try:
            return await self._message()
        finally:
            self._waited_for = False

    async def _message(self) -> bytes:
        got = await asyncio.get_running_loop().sock_recv(self._socket, _AT_ONCE)
        while len(got) < _LENGTH.size:
            got += await self._more(_LENGTH.size - len(got))
        (length,) = _LENGTH.unpack_from(got)
        pieces, left = [got[_LENGTH.size :]], length - (len(got) - _LENGTH.size)
        while left:
            pieces.append(await self._more(min(left, _AT_ONCE)))
            left -= len(pieces[-1])
        return b"".join(pieces)

    async def _more(self, most: int) -> bytes:
        got = await asyncio.get_running_loop().sock_recv(self._socket, most)
        if not got:
            raise EOFError
        return got


def _serve(parent: socket.socket, prepare: Callable[..., None], given: tuple[Any, ...]) -> None:
    """The process: prepare, then one job after the other until the parent is gone."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: also while a pattern holds the interpreter
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_BEHIND)
    prepare(*given)
    with contextlib.suppress(ConnectionError), parent.makefile("rb") as jobs:
        _send(parent, _READY)
        while head := jobs.read(_LENGTH.size):
            job, given = pickle.loads(jobs.read(*_LENGTH.unpack(head)))  # noqa: S301 - of our own parent
            _send(parent, _outcome(job, given))


def _outcome(job: Callable[..., Any], given: tuple[Any, ...]) -> bytes:
    """What came of it, pickled. An outcome that cannot be is named by its kind."""
    try:
        return pickle.dumps((True, job(*given)), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        try:
            return pickle.dumps((False, error), pickle.HIGHEST_PROTOCOL)
        except Exception:
            return pickle.dumps((False, RuntimeError(type(error).__name__)))


def _error(outcome: object) -> Exception:
    return outcome if isinstance(outcome, Exception) else RuntimeError(type(outcome).__name__)


def _send(parent: socket.socket, message: bytes) -> None:
    parent.sendall(_LENGTH.pack(len(message)) + message)


def _end_with_parent() -> None:
    """Never outlive the parent: it may die before the kernel was asked to tell, and not every kernel tells.

    The resource tracker that multiprocessing starts ends by itself once nobody holds its pipe any more.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
