"""ext_proc over grpcio: the reference transport, and the yardstick of every other."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc

from extproc.codec import ProcessingRequest
from extproc.driver import Driver, Reply
from extproc.loader import Loader
from forebay import contract
from forebay.observability.logging import describe
from forebay.outcomes import Reason

log = logging.getLogger(__name__)

MOST_PENDING = 1_000_000  # never what refuses a call

_OPTIONS = [
    ("grpc.max_receive_message_length", -1),  # Envoy bounds a body by the listener's body limit
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
    # gRPC's own defaults reset some of more than a thousand calls that arrive at once. How many there are is Envoy's
    # to bound, and every one of them ends with its message timeout.
    ("grpc.server.max_pending_requests", MOST_PENDING),
    ("grpc.server.max_pending_requests_hard_limit", MOST_PENDING),
]


class Replies:
    """What goes to Envoy, in the order in which the driver gave it; one message at a time."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._waiting: deque[Reply] = deque()
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[bool]] = set()

    def unasked(self, reply: Reply) -> None:
        """A reply to none of Envoy's messages."""
        self._waiting.append(reply)
        task = asyncio.ensure_future(self._send_all())
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def send(self, reply: Reply) -> bool:
        """A reply to one of Envoy's messages; returns whether the exchange ends after it."""
        self._waiting.append(reply)
        return await self._send_all()

    def close(self) -> None:
        """Nothing more is to be sent."""
        for task in self._tasks:
            task.cancel()

    async def _send_all(self) -> bool:
        async with self._turn:
            while self._waiting:
                reply = self._waiting.popleft()
                for message in reply.messages:
                    await self._context.write(message)
                if reply.aborted:
                    await self._context.abort(grpc.StatusCode.INTERNAL, Reason.INTERNAL.value)
                if reply.released:
                    return True
        return False

    def _done(self, task: asyncio.Task[bool]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:  # Envoy has gone, or we ended it: closed either way
            log.debug("unasked reply not sent: %s", describe(error))


class GrpcioTransport:
    """Serves exchanges on a Unix socket: `start` once, `drain` once."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._server = grpc.aio.server(options=_OPTIONS)
        self._server.add_generic_rpc_handlers((self._handler(),))

    async def start(self, socket: Path) -> None:
        """Listen. Raises RuntimeError or OSError when that is impossible."""
        self._server.add_insecure_port(f"unix:{socket}")
        await self._server.start()

    async def drain(self, grace: float) -> None:
        """Take no more exchanges; the open ones have `grace` seconds to end, and are then cut, which Envoy refuses."""
        await self._server.stop(grace)

    async def process(self, requests: AsyncIterator[Any], context: Any) -> None:
        """One HTTP request's exchange with Envoy.

        Ends with OK only when the transaction was released, or when Envoy itself has ended the stream.
        """
        replies = Replies(context)
        driver = Driver(self._loader.current, replies.unasked)
        try:
            async for request in requests:
                reply = driver.receive(request)
                if await replies.send(reply if isinstance(reply, Reply) else await reply):
                    return
        finally:
            driver.closed()
            replies.close()

    def _handler(self) -> grpc.GenericRpcHandler:
        process = grpc.stream_stream_rpc_method_handler(
            self.process,
            request_deserializer=ProcessingRequest.FromString,
            response_serializer=None,  # they are bytes already
        )
        return grpc.method_handlers_generic_handler(contract.EXTPROC_SERVICE, {"Process": process})
