"""One run of a part: a process group of its own, its lines, its end."""

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Self

from forebay.supervise.part import Part

_LAUNCH = str(Path(__file__).with_name("launch.py"))
_LONGEST_LINE = 16 * 1024
_LAST_LINES = 12

Log = Callable[[str, str], None]  # name of the part, line


class Child:
    """A started part. Stopped by `stop`, or at once by `kill`; both leave no process of its group."""

    def __init__(self, part: Part, process: asyncio.subprocess.Process, log: Log) -> None:
        self.part = part
        self.last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._process = process
        self._gone = False  # once true the process id may already be somebody else's
        self._log = log
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    async def start(cls, part: Part, log: Log) -> Self:
        """Start the part's command. Raises OSError when Python itself cannot be started."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", _LAUNCH, str(os.getpid()), str(int(part.death_signal)), *part.argv),
            env=dict(part.env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        return cls(part, process, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ended(self) -> int:
        """Wait for the end of the process, then end what it left in its group. Returns its exit status."""
        status = await self._process.wait()
        self.kill()
        self._gone = True
        # What it wrote last is still in the pipe; a grandchild that fled its group must not hold us up.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._reading), 1.0)
        self._reading.cancel()
        return status

    async def stop(self) -> None:
        """Drain: `before_stop`, SIGTERM, and SIGKILL when the part's time is over. Returns when all is gone."""
        if self._process.returncode is not None:
            await self.ended()
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.part.drain
        ended = asyncio.ensure_future(self.ended())
        preparing = asyncio.ensure_future(self.part.before_stop())
        await asyncio.wait({ended, preparing}, timeout=self.part.drain, return_when=asyncio.FIRST_COMPLETED)
        preparing.cancel()
        (failure,) = await asyncio.gather(preparing, return_exceptions=True)
        if isinstance(failure, Exception):
            self._log(self.part.name, f"could not prepare to stop: {type(failure).__name__}")
        self._signal(signal.SIGTERM)
        await asyncio.wait({ended}, timeout=max(deadline - loop.time(), 1.0))
        if not ended.done():
            self._log(self.part.name, f"did not stop within {self.part.drain:g} s and was killed")
            self.kill()
        await ended

    def kill(self) -> None:
        """SIGKILL the whole process group, now. Safe to call at any time."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._gone:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    async def _read(self) -> None:
        stream = self._process.stdout
        if stream is None:
            return
        rest = b""
        while data := await stream.read(_LONGEST_LINE):
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                lines.append(rest)
                rest = b""
            for line in lines:
                self._take(line)
        if rest:
            self._take(rest)

    def _take(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip()
        if text:
            self.last_lines.append(text)
            self._log(self.part.name, text)
