"""How an answer in FULL_DUPLEX_STREAMED ends: on purpose, by accident, or never. And what a deaf processor costs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from bare_configs import (
    FULL_DUPLEX,
    Json,
    cluster,
    config,
    ext_proc,
    front,
    mode,
    processor_cluster,
    route,
    with_trailers,
)
from bare_envoy import Lab, Processor, Script, Stream, go_on, piece, until
from bare_http import Call, Provider

DUPLEX = mode(response_header_mode="SEND", **FULL_DUPLEX)
WATCHING = mode(response_header_mode="SEND", response_trailer_mode="SEND")
REFUSED = b"refused"
MIB = 1 << 20


def gateway(processor: Processor, provider: Provider, action: Json | None = None, **more: Any) -> Json:
    """The mode is asked for in the answer to the response's headers, as the product does."""
    clusters = [cluster("up", provider.port), processor_cluster(processor.port, **more.pop("http2", {}))]
    return config([front([route("up", action=action or {})], [ext_proc(WATCHING, **more)])], clusters)


def on_the_first_piece(then: Script) -> Script:
    """Asks for the mode; from the first piece of the answer on, `then` speaks."""

    async def script(stream: Stream) -> AsyncIterator[Any]:
        async for each in stream:
            kind = each.WhichOneof("request")
            if kind == "response_body":
                async for response in then(stream):
                    yield response
                return
            fields = {"mode_override": DUPLEX} if kind == "response_headers" else {}
            yield go_on(kind, **fields)

    return script


class Endless:
    """A provider that goes on until it is cut, or told to end."""

    def __init__(self) -> None:
        self.cut, self.enough = asyncio.Event(), asyncio.Event()
        self.sent = 0

    async def __call__(self, call: Call) -> None:
        await call.begin()
        gone = asyncio.create_task(call.cut())
        with contextlib.suppress(ConnectionError):
            while not gone.done() and not self.enough.is_set():
                await call.chunk(b"unread.")
                self.sent += 1
                await asyncio.wait([gone], timeout=0.01)
            if not gone.done():
                await call.end()
        if gone.done():
            self.cut.set()
        gone.cancel()
        await asyncio.wait([gone])


# --- ended by the processor ----------------------------------------------------------------------------------------


async def test_our_own_end_of_stream_ends_the_answer_cleanly_and_cuts_the_provider(lab: Lab) -> None:
    """The client gets the last chunk and keeps its connection; the verdict is in the record."""

    async def refuse(stream: Stream) -> AsyncIterator[Any]:
        yield piece(REFUSED, True, dynamic_metadata={"forebay.call": {"verdict": "refuse"}})
        await stream.ended.wait()

    endless = Endless()
    processor, provider = await lab.processor(on_the_first_piece(refuse)), await lab.provider(endless)
    envoy = await lab.envoy(gateway(processor, provider))
    connection = await envoy.connect()
    with contextlib.closing(connection):
        for _ in range(2):
            await connection.send("/", b"{}", {})
            reply = await connection.reply()
            assert (reply.body, reply.complete) == (REFUSED, True)
            await asyncio.wait_for(endless.cut.wait(), 1)
            endless.cut.clear()
    record = await envoy.record()
    assert (record["status"], record["flags"], record["call"]) == (200, "-", {"verdict": "refuse"})


@pytest.mark.parametrize("last", [b"", b"the rest"], ids=["nothing held", "something held"])
async def test_trailers_end_an_answer_whose_pieces_never_said_so(lab: Lab, last: bytes) -> None:
    """What was held goes out in a piece without `end_of_stream`, and the answer to the trailers ends it."""

    async def script(stream: Stream) -> AsyncIterator[Any]:
        async for each in stream:
            kind = each.WhichOneof("request")
            if kind == "response_trailers":
                if last:
                    yield piece(last, False)
                yield go_on(kind, dynamic_metadata={"forebay.call": {"counted": True}})
            elif kind == "response_body":
                yield piece(b"said ", False)
            else:
                yield go_on(kind, **({"mode_override": DUPLEX} if kind == "response_headers" else {}))

    async def trailing(call: Call) -> None:
        await call.begin()
        await call.chunk(b"something")
        await asyncio.sleep(0.05)
        await call.end(b"x-last: 1\r\n")

    processor, provider = await lab.processor(script), await lab.provider(trailing)
    clusters = [with_trailers("up", provider.port), processor_cluster(processor.port)]
    trailers = {"http_protocol_options": {"enable_trailers": True}}
    envoy = await lab.envoy(config([front([route("up")], [ext_proc(WATCHING)], **trailers)], clusters))
    reply = await envoy.call()
    assert (reply.body, reply.complete) == (b"said " + last, True)
    assert processor.streams[0].kinds[-1] == "response_trailers"
    assert (await envoy.record())["call"] == {"counted": True}


async def test_an_ok_close_in_mid_stream_lets_the_rest_pass_unread(lab: Lab) -> None:
    """The accident to fear: nothing tells the client, and the provider runs on."""

    async def leave(stream: Stream) -> AsyncIterator[Any]:
        yield piece(REFUSED, False)

    endless = Endless()
    processor, provider = await lab.processor(on_the_first_piece(leave)), await lab.provider(endless)
    envoy = await lab.envoy(gateway(processor, provider))
    whole = asyncio.create_task(envoy.call())
    await until(_streams_ended(processor), lambda ended: ended == 1)
    before = endless.sent
    await until(_sent(endless), lambda sent: sent >= before + 10)
    endless.enough.set()
    reply = await whole
    assert reply.complete
    assert reply.body.startswith(REFUSED)
    assert reply.body.count(b"unread.") >= 10
    assert not endless.cut.is_set()


def _streams_ended(processor: Processor) -> Callable[[], Awaitable[int]]:
    async def look() -> int:
        return sum(stream.ended.is_set() for stream in processor.streams)

    return look


def _sent(endless: Endless) -> Callable[[], Awaitable[int]]:
    async def look() -> int:
        return endless.sent

    return look


async def test_a_failure_in_mid_stream_cuts_client_and_provider(lab: Lab) -> None:
    """An error closes, unlike an OK: the answer is visibly incomplete."""

    async def fail(stream: Stream) -> AsyncIterator[Any]:
        yield piece(b"begun", False)
        await stream.fail()

    endless = Endless()
    processor, provider = await lab.processor(on_the_first_piece(fail)), await lab.provider(endless)
    envoy = await lab.envoy(gateway(processor, provider))
    reply = await envoy.call()
    assert not reply.complete
    assert b"unread." not in reply.body
    await asyncio.wait_for(endless.cut.wait(), 1)


# --- ended by nobody -----------------------------------------------------------------------------------------------


async def hang(stream: Stream) -> AsyncIterator[Any]:
    """Reads, and never answers."""
    async for _ in stream:
        pass
    return
    yield


SHORT: Json = {"idle_timeout": "0.1s", "retry_policy": {"retry_on": "5xx", "per_try_idle_timeout": "0.1s"}}


@pytest.mark.parametrize(
    ("bound", "details"),
    [
        ({"max_stream_duration": {"max_stream_duration": "0.5s"}}, "max_duration_timeout"),
        ({"timeout": "0.5s"}, "response_timeout"),
        ({"timeout": "0.2s", "max_stream_duration": {"max_stream_duration": "0.9s"}}, "max_duration_timeout"),
    ],
    ids=["max_stream_duration", "the route's timeout", "both: the timeout is forgotten"],
)
async def test_a_hung_processor_is_ended_only_by_a_bound_of_the_whole_call(lab: Lab, bound: Json, details: str) -> None:
    """While the provider sends, `message_timeout`, `idle_timeout`, `per_try_idle_timeout`, all 0.1 s, end nothing."""
    endless = Endless()
    processor, provider = await lab.processor(on_the_first_piece(hang)), await lab.provider(endless)
    envoy = await lab.envoy(gateway(processor, provider, SHORT | bound, message_timeout="0.1s"))
    reply = await envoy.call()
    assert (reply.complete, reply.body) == (False, b"")
    assert (await envoy.record())["details"].startswith(details)


async def test_a_hung_processor_is_ended_by_the_idle_timeout_once_the_provider_is_done(lab: Lab) -> None:
    """Neither bound alone is enough: this one needs silence."""

    async def short(call: Call) -> None:
        await call.begin()
        await call.chunk(b"all")
        await call.end()

    processor, provider = await lab.processor(on_the_first_piece(hang)), await lab.provider(short)
    envoy = await lab.envoy(gateway(processor, provider, {"idle_timeout": "0.2s"}, message_timeout="0.1s"))
    assert b"all" not in (await envoy.call()).body
    assert (await envoy.record())["details"].startswith("stream_idle_timeout")


# --- memory --------------------------------------------------------------------------------------------------------


async def deaf(stream: Stream) -> AsyncIterator[Any]:
    """Neither reads nor answers."""
    await stream.ended.wait()
    yield


async def _read(lab: Lab, at_least: int, **http2: int) -> int:
    """How many bytes of a 24 MiB answer Envoy reads before it stops reading, while the processor reads none."""

    async def flood(call: Call) -> None:
        await call.begin()
        for _ in range(24 * 16):
            await call.chunk(b"d" * 65536)
        await call.end()

    processor, provider = await lab.processor(on_the_first_piece(deaf)), await lab.provider(flood)
    envoy = await lab.envoy(gateway(processor, provider, http2=http2))
    connection = await envoy.connect()
    await connection.send("/", b"{}", {})
    with contextlib.closing(connection):
        await envoy.stat_at_least("cluster.up.upstream_cx_rx_bytes_total", at_least)
        await envoy.stat_at_least("cluster.up.upstream_flow_control_paused_reading_total", 1)
        return await envoy.stat("cluster.up.upstream_cx_rx_bytes_total")


async def test_a_processor_that_does_not_read_costs_sixteen_mib_by_default(lab: Lab) -> None:
    """The bound is the ext_proc cluster's HTTP/2 stream window."""
    read = await _read(lab, 15 * MIB)
    assert 15 * MIB <= read <= 20 * MIB


async def test_a_small_stream_window_of_the_processor_s_cluster_holds_the_provider_back(lab: Lab) -> None:
    """256 KiB per stream, 1 MiB per connection: Envoy stops reading the provider within four MiB."""
    read = await _read(lab, 1, initial_stream_window_size=MIB // 4, initial_connection_window_size=MIB)
    assert read <= 4 * MIB
