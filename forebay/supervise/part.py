"""What one process of a gateway is."""

import re
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass


class CannotServe(Exception):
    """The gateway cannot be brought up. The message names the part or address and what to do about it."""


async def nothing() -> None:
    """What most parts do before they are told to stop."""


@dataclass(frozen=True, slots=True)
class Part:
    """One process. `ready` is asked again and again after the start until it says True.

    To stop it, `before_stop` is awaited, then SIGTERM is sent; whatever is left after `drain` seconds gets SIGKILL.
    Lines that fit `said_at_end` are expected while it stops, so they are not shown then.
    Once ready it is asked whether it is `alive`; where it has not said True for `stuck_after` seconds, it is killed.
    `death_signal` is what the process gets when the supervisor itself is killed.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    ready: Callable[[], Awaitable[bool]]
    drain: float
    before_stop: Callable[[], Awaitable[None]] = nothing
    start_within: float = 30.0
    said_at_end: re.Pattern[str] | None = None
    death_signal: signal.Signals = signal.SIGKILL
    alive: Callable[[], Awaitable[bool]] | None = None
    stuck_after: float = 2.0
