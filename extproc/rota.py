"""Whose job is next: tenants in rotation, each tenant's jobs in their order.

First come, first served would let one tenant fill the queue with jobs of a second each, and all others wait for them.
"""

import asyncio
from collections import deque


class Rota:
    """One job at a time: `acquire`, work, `release`."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # the tenant whose turn is next comes first

    async def acquire(self, tenant: str) -> None:
        """Returns when it is this caller's turn. One who leaves meanwhile is skipped."""
        if not self._taken:
            self._taken = True
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was given the turn while it left
                self.release()
            raise

    def release(self) -> None:
        """The job is done: the next one's turn, if somebody waits."""
        while self._waiting:
            tenant = next(iter(self._waiting))
            turns = self._waiting.pop(tenant)
            while turns and turns[0].done():  # they have left
                turns.popleft()
            if not turns:
                continue
            turns.popleft().set_result(None)
            if turns:
                self._waiting[tenant] = turns
            return
        self._taken = False
