"""One run of a part: a process group of its own, its lines, its end."""

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from forebay.supervise.part import Part

_LAUNCH = str(Path(__file__).with_name("launch.py"))
_LONGEST_LINE = 16 * 1024
_LAST_LINES = 12

Log = Callable[[str, str], None]  # name of the part, line


@dataclass(frozen=True, slots=True)
class _Pipe:
    """What a part writes."""

    reader: asyncio.StreamReader
    transport: asyncio.ReadTransport

    @classmethod
    async def open(cls, descriptor: int) -> Self:
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        stream = os.fdopen(descriptor, "rb", buffering=0)
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), stream)
        return cls(reader, transport)

    def close(self) -> None:
        self.transport.close()


class Child:
    """A started part. Stopped by `stop`, or at once by `kill`; both leave no process of its group."""

    def __init__(self, part: Part, process: asyncio.subprocess.Process, lines: _Pipe, log: Log) -> None:
        self.part = part
        self.last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._process = process
        self._stopping = False
        self._gone = False  # once true the process id may already be somebody else's
        self._log = log
        self._lines = lines
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    async def start(cls, part: Part, log: Log) -> Self:
        """Start the part's command. Raises OSError when Python itself cannot be started."""
        # A pipe of our own: with asyncio's, a process counts as running for as long as a grandchild holds its output.
        read, write = os.pipe()
        lines = await _Pipe.open(read)
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", _LAUNCH, str(os.getpid()), str(int(part.death_signal)), *part.argv),
                env=dict(part.env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write,
                stderr=write,
                start_new_session=True,
            )
        except BaseException:
            lines.close()
            raise
        finally:
            os.close(write)
        return cls(part, process, lines, log)

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
        self._lines.close()
        return status

    async def stop(self) -> None:
        """Drain: `before_stop`, SIGTERM, and SIGKILL when the part's time is over. Returns when all is gone."""
        self._stopping = True
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
        rest = b""
        while data := await self._lines.reader.read(_LONGEST_LINE):
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
            expected = self.part.said_at_end if self._stopping else None
            if expected is None or not expected.search(text):
                self._log(self.part.name, text)
