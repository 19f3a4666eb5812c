"""Starts parts one after the other, restarts what crashes, stops all in the opposite order."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from forebay.supervise.child import Child, Log
from forebay.supervise.part import CannotServe, Part

_POLL = 0.05
_ALIVE_POLL = 0.5


@dataclass(frozen=True, slots=True)
class Patience:
    """How crashes are met: the pause doubles from `first` to `longest`, and starts anew after `calm` seconds of life.

    A part that has never been ready is given up after `attempts` starts; one that was ready once, never.
    """

    first: float = 0.2
    longest: float = 30.0
    calm: float = 60.0
    attempts: int = 4


class _Keeper:
    """Keeps one part alive: a task that starts it, waits for its end, pauses and starts it again."""

    def __init__(self, part: Part, log: Log, patience: Patience) -> None:
        loop = asyncio.get_running_loop()
        self.part = part
        self.ready: asyncio.Future[None] = loop.create_future()
        self.child: Child | None = None
        self.restarts = 0
        self._log = log
        self._patience = patience
        self._task = loop.create_task(self._keep())

    async def stop(self) -> None:
        """No more restarts; drain the child that runs."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if not self.ready.done():
            self.ready.cancel()
        if self.child is not None:
            await self.child.stop()

    def kill(self) -> None:
        """No more restarts; end the child that runs, now."""
        self._task.cancel()
        if self.child is not None:
            self.child.kill()

    async def _keep(self) -> None:
        patience, pause, attempt = self._patience, self._patience.first, 0
        loop = asyncio.get_running_loop()
        while True:
            attempt += 1
            started = loop.time()
            problem = await self._run_once()
            if not self.ready.done() and attempt >= patience.attempts:
                self.ready.set_exception(CannotServe(self._explanation(problem)))
                return
            if loop.time() - started > patience.calm:
                pause = patience.first
            self._log(self.part.name, f"{problem}; starting again in {pause:.1f} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, patience.longest)
            self.restarts += 1

    async def _run_once(self) -> str:
        """One life of the part, from start to end. Returns what ended it, as a clause."""
        self.child = child = await Child.start(self.part, self._log)
        ended = asyncio.ensure_future(child.ended())
        becoming = asyncio.ensure_future(self._become_ready())
        try:
            await asyncio.wait({ended, becoming}, return_when=asyncio.FIRST_COMPLETED)
            becoming.cancel()
            (ready,) = await asyncio.gather(becoming, return_exceptions=True)
            if ready is False and not ended.done():
                child.kill()
                await ended
                return f"was not ready within {self.part.start_within:g} s"
            if ready is True and not self.ready.done():
                self.ready.set_result(None)
            if self.part.alive is not None and await self._gets_stuck(child, ended, self.part.alive):
                return f"did not answer for {self.part.stuck_after:g} s and was killed"
            status = await asyncio.shield(ended)
            return f"ended with status {status}" if status >= 0 else f"was ended by signal {-status}"
        finally:
            # Only when we are being stopped is either still under way: whoever stops us drains the child.
            becoming.cancel()
            ended.cancel()

    async def _gets_stuck(
        self, child: Child, ended: "asyncio.Future[int]", alive: Callable[[], Awaitable[bool]]
    ) -> bool:
        """Watch a ready child until it ends by itself (False), or does not answer any more (True: killed, and gone)."""
        loop = asyncio.get_running_loop()
        answered = loop.time()
        while not ended.done():
            await asyncio.wait({ended}, timeout=_ALIVE_POLL)
            asked = loop.time()
            if await alive():
                answered = asked
            elif loop.time() - answered >= self.part.stuck_after and not ended.done():
                child.kill()
                await ended
                return True
        return False

    async def _become_ready(self) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.part.start_within
        while loop.time() < deadline:
            if await self.part.ready():
                return True
            await asyncio.sleep(_POLL)
        return False

    def _explanation(self, problem: str) -> str:
        last = "\n".join(f"  {line}" for line in (self.child.last_lines if self.child else ()))
        return f"{self.part.name} {problem}, {self._patience.attempts} times in a row. Its last lines:\n{last}"


class Supervisor:
    """Brings parts up in their order and keeps them up until `stop`.

    One use: `start`, then `stop` whatever `start` did. `kill` may be called at any moment, also from a signal.
    """

    def __init__(self, parts: Sequence[Part], log: Log, patience: Patience | None = None) -> None:
        self._parts = tuple(parts)
        self._log = log
        self._patience = patience or Patience()
        self._keepers: list[_Keeper] = []

    async def start(self) -> None:
        """Start each part and wait until it is ready before the next.

        Raises CannotServe when a part does not become ready; those already started keep running until `stop`.
        """
        for part in self._parts:
            keeper = _Keeper(part, self._log, self._patience)
            self._keepers.append(keeper)
            await keeper.ready

    async def add(self, part: Part) -> None:
        """Start one part more, beside those that run, and wait until it is ready. It is stopped after all others.

        Raises CannotServe when it does not become ready; it is gone then.
        """
        keeper = _Keeper(part, self._log, self._patience)
        self._keepers.insert(0, keeper)
        try:
            await asyncio.shield(keeper.ready)
        except CannotServe:
            self._keepers.remove(keeper)
            await keeper.stop()
            raise

    async def stop(self) -> None:
        """Drain the parts, last started first. Returns when no process is left."""
        while self._keepers:
            await self._keepers[-1].stop()
            self._keepers.pop()

    def kill(self) -> None:
        """End every process at once, without draining. `stop` must still be awaited."""
        for keeper in self._keepers:
            keeper.kill()

    def pids(self) -> dict[str, int]:
        """The process id of each part that has been started, by name."""
        return {keeper.part.name: keeper.child.pid for keeper in self._keepers if keeper.child is not None}

    def restarts(self) -> dict[str, int]:
        """How often each part was started again, by name."""
        return {keeper.part.name: keeper.restarts for keeper in self._keepers}
