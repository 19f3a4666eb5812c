"""Ctrl-C and SIGTERM, for every verb that runs until told to stop."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any

KILLED = 130


def run(work: Coroutine[Any, Any, int]) -> int:
    """Run `work` on an event loop; SIGINT and SIGTERM cancel it, again and again if they come again.

    Returns its result, 0 when it was cancelled once, KILLED when it had to be cancelled more than once.
    """
    return asyncio.run(_run(work))


async def _run(work: Coroutine[Any, Any, int]) -> int:
    task = asyncio.ensure_future(work)
    signals = 0

    def interrupt() -> None:
        nonlocal signals
        signals += 1
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    with contextlib.suppress(asyncio.CancelledError):
        return await task
    return 0 if signals <= 1 else KILLED
