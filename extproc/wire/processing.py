"""An ext_proc call behind the wire: its bytes to a Driver, the Driver's replies as bytes."""

from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from google.protobuf.message import DecodeError

from extproc.codec import ProcessingRequest
from extproc.driver import Reply
from extproc.wire.errors import Status
from extproc.wire.events import Request
from extproc.wire.exchanges import Answer, Open, Send
from forebay.outcomes import Reason

PATH: Final = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"


class Exchange(Protocol):
    """What a call's messages are given to; a Driver."""

    def receive(self, request: Any) -> Reply | Coroutine[Any, Any, Reply]:
        """One ProcessingRequest."""

    def closed(self) -> None:
        """The stream is over."""


Start = Callable[[Callable[[Reply], None]], Exchange]


class Processing:
    """One HTTP request's exchange with Envoy.

    Ends with OK only when the transaction was released, or when Envoy itself has ended the stream.
    """

    __slots__ = ("_driver",)

    def __init__(self, start: Start, send: Send) -> None:
        self._driver = start(lambda reply: send(_answer(reply)))

    def receive(self, message: bytes) -> Answer | Coroutine[Any, Any, Answer]:
        """One of Envoy's messages."""
        try:
            request = ProcessingRequest.FromString(message)
        except DecodeError:
            return Answer(status=Status.INTERNAL, text=Reason.INTERNAL.value)
        reply = self._driver.receive(request)
        return _answer(reply) if isinstance(reply, Reply) else _later(reply)

    def closed(self) -> None:
        """The stream is over."""
        self._driver.closed()


def processing(start: Start) -> Open:
    """What makes the handler of each call; `start` is given the way for replies that come unasked."""

    def open_(request: Request, send: Send) -> Processing:
        return Processing(start, send)

    return open_


async def _later(reply: Coroutine[Any, Any, Reply]) -> Answer:
    return _answer(await reply)


def _answer(reply: Reply) -> Answer:
    if reply.aborted:
        return Answer(reply.messages, Status.INTERNAL, Reason.INTERNAL.value)
    return Answer(reply.messages, Status.OK if reply.released else None)
