"""The gRPC side: one stream in, one Driver out. The only file that awaits Envoy."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from extproc.codec import ProcessingRequest, ProcessingResponse
from extproc.driver import Driver
from extproc.loader import Loader
from forebay.config.errors import ConfigErrors
from forebay.outcomes import Reason
from forebay.places import Places

log = logging.getLogger(__name__)

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"
DRAIN_SECONDS = 10.0
MOST_PENDING = 1_000_000  # never what refuses a call
CONFIG_LOADED = "config"  # health service names: what readiness is made of
POLICY_COMPILED = "policy"

_OPTIONS = [
    ("grpc.max_receive_message_length", -1),  # Envoy bounds a body by the listener's body limit
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
    # gRPC's own defaults reset some of more than a thousand calls that arrive at once. How many there are is Envoy's
    # to bound, and every one of them ends with its message timeout.
    ("grpc.server.max_pending_requests", MOST_PENDING),
    ("grpc.server.max_pending_requests_hard_limit", MOST_PENDING),
]


class Processor:
    """The ExternalProcessor service."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

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

    def handler(self) -> grpc.GenericRpcHandler:
        """The service as grpcio wants it."""
        process = grpc.stream_stream_rpc_method_handler(
            self.process,
            request_deserializer=ProcessingRequest.FromString,
            response_serializer=ProcessingResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(SERVICE, {"Process": process})


async def serve(source: Path, places: Places, *, number: int = 0) -> int:
    """Serve inspector `number` on its socket until SIGTERM or SIGINT; then finish what is open.

    Returns 0 after a clean end, 1 when the first config cannot be used (the log says why).
    """
    loader = Loader(source, places)
    try:
        await loader.start()
    except ConfigErrors as errors:
        log.error("cannot serve, the config is not usable:\n%s", errors)
        return 1
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers((Processor(loader).handler(),))
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    socket = places.inspector_socket(number)
    socket.unlink(missing_ok=True)
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    socket.chmod(0o600)
    for service in ("", SERVICE, CONFIG_LOADED, POLICY_COMPILED):
        await checks.set(service, health_pb2.HealthCheckResponse.SERVING)
    log.info("serving socket=%s config=%s", socket.name, loader.current.resolved.digest)
    stopped = asyncio.Event()
    for number_ in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number_, stopped.set)
    watching = asyncio.ensure_future(loader.watch())
    await stopped.wait()
    await checks.enter_graceful_shutdown()
    await server.stop(DRAIN_SECONDS)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await loader.close()
    socket.unlink(missing_ok=True)
    log.info("stopped")
    return 0
