"""One call as its handler sees it, and the order in which its messages are handled. Knows no HTTP/2."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from extproc.wire.errors import Status
from extproc.wire.events import Request


@dataclass(slots=True)
class Answer:
    """What to send now, and with which status the call ends after it (None: it goes on)."""

    messages: Sequence[bytes] = ()
    status: Status | None = None
    text: str = ""


class Handler(Protocol):
    """One call's own part. Both methods may answer at once or be coroutines; one that never waits costs no task.

    Messages come in order, the next when the last is answered. An exception out of `receive` ends the call with
    INTERNAL. A call whose peer has half-closed ends with OK after the last answer.
    """

    def receive(self, message: bytes) -> Answer | Coroutine[Any, Any, Answer]:
        """Handle one message. Cancelled when the call is over before it is done."""

    def closed(self) -> Coroutine[Any, Any, None] | None:
        """The call is over, for whatever reason. Called exactly once, never while `receive` runs."""


# With this a handler says something unasked. It never waits, and is called from callbacks of the loop, not from tasks.
Send = Callable[[Answer], None]
Open = Callable[[Request, Send], Handler]


class Exchange:
    """One call that is not over."""

    __slots__ = ("deadline", "half_closed", "handler", "held_back", "messages", "stream_id", "task")

    def __init__(self, stream_id: int, handler: Handler, deadline: float | None) -> None:
        self.stream_id = stream_id
        self.handler = handler
        self.deadline = deadline  # on the loop's clock
        self.messages: deque[bytes] | None = None  # that wait for their turn
        self.half_closed = False
        self.held_back = False  # the peer does not take what was sent: no more until it does
        self.task: asyncio.Task[Answer] | None = None  # of the message that is being handled and waits

    @property
    def busy(self) -> bool:
        """Whether a message has to wait."""
        return self.task is not None or self.held_back
