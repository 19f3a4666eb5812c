"""The gRPC service around `stream`, on a Unix socket; and `serve`, the whole control plane until SIGTERM."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health

from forebay.envoy_api.messages import message
from forebay.places import Places, prepare
from xds.snapshot import Snapshot
from xds.status import Status, Sync, statuses
from xds.stream import AdsStream, DiscoveryRequested, Effect, Event, Refuse, Respond, SnapshotPublished, TimedOut, Wake
from xds.watch import ConfigRefused, Watch

SERVICE: Final = "envoy.service.discovery.v3.AggregatedDiscoveryService"
CONFIG_HEALTH: Final = "forebay.config"  # a health service: NOT_SERVING while the config file is refused
_MAX_REQUEST: Final = 64 << 20  # a reconnecting Envoy lists everything it holds
_GRACE: Final = 1.0  # seconds for streams to end by themselves
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _MAX_REQUEST),
    ("grpc.max_send_message_length", -1),
    # a peer that pings often is a careful one, not an attacker: only our own Envoys reach the socket
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_permit_without_calls", 1),
)
_log = logging.getLogger(__name__)


class DiscoveryServer:
    """Delta ADS for any number of Envoys. Each stream is told of the newest snapshot only, when it is ready for it, so
    a slow one holds up nobody."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._snapshot: Snapshot | None = None
        self._stopping = False
        self._clients: set[_Client] = set()
        self._health = health.HealthServicer()
        self._server = grpc.aio.server(options=_OPTIONS)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._server.add_generic_rpc_handlers((self._handlers(),))

    async def start(self) -> None:
        """Listens. Streams are refused, and health is NOT_SERVING, until the first `publish`.

        Raises RuntimeError or OSError when the socket cannot be bound.
        """
        await self._health.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
        self._server.add_insecure_port(f"unix:{self._socket}")
        await self._server.start()
        self._socket.chmod(0o600)

    async def publish(self, snapshot: Snapshot) -> None:
        """Every Envoy is to have this from now on."""
        self._snapshot = snapshot
        for client in self._clients:
            client.published.set()
        await self._health.set("", health_pb2.HealthCheckResponse.SERVING)

    async def report_config(self, accepted: bool) -> None:
        """Sets the health of CONFIG_HEALTH: whether the config file as it is now is what is served."""
        states = health_pb2.HealthCheckResponse
        await self._health.set(CONFIG_HEALTH, states.SERVING if accepted else states.NOT_SERVING)

    def statuses(self) -> list[Status]:
        """One entry per connected Envoy and type it asked for."""
        return [status for client in self._clients for status in statuses(client.stream)]

    async def stop(self) -> None:
        """Ends all streams: Envoys keep what they have and come back."""
        self._stopping = True
        for client in self._clients:
            client.published.set()
        await self._server.stop(_GRACE)

    def _handlers(self) -> Any:
        delta = grpc.stream_stream_rpc_method_handler(
            self._delta,
            request_deserializer=message("envoy.service.discovery.v3.DeltaDiscoveryRequest").FromString,
            response_serializer=message("envoy.service.discovery.v3.DeltaDiscoveryResponse").SerializeToString,
        )
        whole = grpc.stream_stream_rpc_method_handler(_state_of_the_world)
        return grpc.method_handlers_generic_handler(
            SERVICE, {"DeltaAggregatedResources": delta, "StreamAggregatedResources": whole}
        )

    async def _delta(self, requests: AsyncIterator[Any], context: Any) -> None:
        if self._snapshot is None or self._stopping:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "no config is loaded yet")
            return
        client = _Client(self._snapshot, context)
        self._clients.add(client)
        try:
            await self._converse(client, requests)
            if self._stopping:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "the control plane is stopping")
        finally:
            self._clients.discard(client)
            _log.info("envoy %s left", client.stream.node_id or "without a name")

    async def _converse(self, client: "_Client", requests: AsyncIterator[Any]) -> None:
        reading = asyncio.ensure_future(anext(requests, None))
        publishing = asyncio.ensure_future(client.published.wait())
        try:
            while not self._stopping:
                await asyncio.wait(
                    {reading, publishing}, timeout=client.patience(), return_when=asyncio.FIRST_COMPLETED
                )
                idle = not (reading.done() or publishing.done())
                if reading.done():
                    request = reading.result()
                    if request is None:
                        return
                    reading = asyncio.ensure_future(anext(requests, None))
                    await client.take(_event(request))
                if publishing.done() and self._snapshot is not None:
                    client.published.clear()
                    publishing = asyncio.ensure_future(client.published.wait())
                    await client.take(SnapshotPublished(self._snapshot))
                if idle:
                    await client.take(TimedOut(client.wake.number))
        finally:
            for task in (reading, publishing):
                task.cancel()
            await asyncio.gather(reading, publishing, return_exceptions=True)


class _Client:
    """One stream: the state machine, and what it needs of the world."""

    def __init__(self, snapshot: Snapshot, context: Any) -> None:
        self.stream = AdsStream(snapshot)
        self.published = asyncio.Event()
        self.wake = Wake(0, 0)
        self._context = context
        self._wake_at: float | None = None
        self._told: dict[str, Status] = {}

    def patience(self) -> float | None:
        """Seconds until the stream wants to be woken, if it does."""
        return None if self._wake_at is None else max(0.0, self._wake_at - asyncio.get_running_loop().time())

    async def take(self, event: Event) -> None:
        if isinstance(event, TimedOut):
            self._wake_at = None
        for effect in self.stream.handle(event):
            await self._carry_out(effect)
        self._tell()

    async def _carry_out(self, effect: Effect) -> None:
        if isinstance(effect, Respond):
            await self._context.write(_response(effect))
        elif isinstance(effect, Wake):
            self.wake = effect
            self._wake_at = asyncio.get_running_loop().time() + effect.seconds
        elif isinstance(effect, Refuse):
            await self._context.abort(grpc.StatusCode.INVALID_ARGUMENT, effect.message)

    def _tell(self) -> None:
        """Logs what changed for this Envoy."""
        for status in statuses(self.stream):
            before = self._told.get(status.type)
            self._told[status.type] = status
            if status == before:
                continue
            if status.sync is Sync.NACKED:
                _log.error("envoy %s refused %s: %s", status.node, status.type, status.reason)
            elif status.sync is Sync.SYNCED:
                _log.info("envoy %s has %s %s", status.node, status.type, status.version)
            elif status.reason:
                _log.warning("envoy %s, %s: %s", status.node, status.type, status.reason)


def _event(request: Any) -> DiscoveryRequested:
    return DiscoveryRequested(
        type_url=request.type_url,
        nonce=request.response_nonce,
        node_id=request.node.id,
        subscribe=tuple(request.resource_names_subscribe),
        unsubscribe=tuple(request.resource_names_unsubscribe),
        initial_versions=dict(request.initial_resource_versions),
        error=request.error_detail.message if request.HasField("error_detail") else None,
    )


def _response(effect: Respond) -> Any:
    response: Any = message("envoy.service.discovery.v3.DeltaDiscoveryResponse")()
    response.type_url = effect.type_url
    response.nonce = effect.nonce
    response.system_version_info = effect.version
    response.removed_resources.extend(effect.removed)
    for resource in effect.resources:
        entry = response.resources.add(name=resource.name, version=resource.version)
        entry.resource.type_url = resource.type_url
        entry.resource.value = resource.body
    return response


async def _state_of_the_world(requests: AsyncIterator[Any], context: Any) -> None:
    await context.abort(
        grpc.StatusCode.UNIMPLEMENTED, "state-of-the-world ADS is not in this version: set api_type to DELTA_GRPC"
    )


async def serve(source: Path, places: Places, *, envoy: Path | None = None, inspectors: int = 1) -> int:
    """The control plane of `source` until SIGTERM or SIGINT; returns the exit code.

    0: told to stop. 1: there is no config to start with (the reasons are logged). `envoy` is the binary that is asked
    before a push; None = the installed one. `inspectors` is how many ext_proc processes share the work.
    """
    prepare(places)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    watch = Watch(source, places, envoy=envoy, inspectors=inspectors)
    server = DiscoveryServer(places.xds_socket)
    await server.start()
    try:
        first = await asyncio.to_thread(watch.start)
        await server.publish(first.snapshot)
        await server.report_config(watch.accepted)
        following = asyncio.ensure_future(_follow(watch, server))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({following, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (following, stopping):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following  # a fault of the watch is not to pass in silence
    except ConfigRefused as error:
        _log.error("no config to start with:\n%s", error)
        return 1
    finally:
        await server.stop()
    return 0


async def _follow(watch: Watch, server: DiscoveryServer) -> None:
    async for change in watch.changes():
        if change is not None:
            await server.publish(change.snapshot)
        await server.report_config(watch.accepted)
