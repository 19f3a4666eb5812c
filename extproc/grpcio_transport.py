"""ext_proc over grpcio: the reference transport, and the yardstick of every other."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc

from extproc.codec import ProcessingRequest, ProcessingResponse
from extproc.driver import Driver
from extproc.loader import Loader
from forebay import contract
from forebay.outcomes import Reason

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

    async def process(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        """One HTTP request's exchange with Envoy.

        Ends with OK only when the transaction was released, or when Envoy itself has ended the stream.
        """
        driver = Driver(self._loader.current)
        try:
            async for request in requests:
                reply = await driver.receive(request)
                for message in reply.messages:
                    yield message
                if reply.aborted:
                    await context.abort(grpc.StatusCode.INTERNAL, Reason.INTERNAL.value)
                if reply.released:
                    return
        finally:
            await driver.closed()

    def _handler(self) -> grpc.GenericRpcHandler:
        process = grpc.stream_stream_rpc_method_handler(
            self.process,
            request_deserializer=ProcessingRequest.FromString,
            response_serializer=ProcessingResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(contract.EXTPROC_SERVICE, {"Process": process})
