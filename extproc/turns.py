"""Work in slices, one slice of one exchange for each round of the event loop.

If every exchange with a large piece did a slice in each round, a hundred of them would make a round of half a second,
and everybody else would wait for it: small pieces, new calls, the supervisor that asks whether anybody is there.
"""

import asyncio
from collections import deque


class Turns:
    """Shared by all exchanges of a process. First come, first served."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._calling = False

    async def mine(self) -> None:
        """Returns when it is this exchange's turn to do a slice, at the earliest in the next round of the loop."""
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._waiting.append(turn)
        if not self._calling:
            self._calling = True
            loop.call_soon(self._call, loop)
        await turn

    def _call(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting and self._waiting[0].done():  # its exchange is over
            self._waiting.popleft()
        if self._waiting:
            self._waiting.popleft().set_result(None)
        self._calling = bool(self._waiting)
        if self._calling:
            loop.call_soon(self._call, loop)
