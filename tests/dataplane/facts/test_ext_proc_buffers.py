"""An answer above the buffer limit, read by a processor in BUFFERED: what happens hangs on how the mode came about."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from bare_configs import Json, cluster, config, ext_proc, front, mode, processor_cluster, route, with_trailers
from bare_envoy import Envoy, Lab, Response, Script, Stream, go_on, replying, setting
from bare_http import Call, Handler, answering

LARGE = b"z" * 3_000_000
BUFFERED = mode(response_header_mode="SEND", response_body_mode="BUFFERED")
PARTIAL = mode(response_header_mode="SEND", response_body_mode="BUFFERED_PARTIAL", response_trailer_mode="SEND")
WATCHING = mode(response_header_mode="SEND")
PAUSED = "cluster.up.upstream_flow_control_paused_reading_total"


async def large_answer(
    lab: Lab,
    modes: Json,
    script: Script,
    limit: int = 1 << 20,
    says: Handler = answering(200, LARGE),  # noqa: B008
) -> Envoy:
    """Every call gets 3 MB; a stream on which nothing moves ends after a second."""
    provider, processor = await lab.provider(says), await lab.processor(script)
    up = cluster("up", provider.port, per_connection_buffer_limit_bytes=limit)
    listener = front([route("up", action={"idle_timeout": "1s"})], [ext_proc(modes)])
    listener["per_connection_buffer_limit_bytes"] = limit
    return await lab.envoy(config([listener], [up, processor_cluster(processor.port)]))


async def test_a_filter_configured_as_buffered_answers_500(lab: Lab) -> None:
    """At once, and it says why."""
    envoy = await large_answer(lab, BUFFERED, replying())
    assert (await envoy.call()).status == 500
    assert (await envoy.record())["details"] == "response_payload_too_large"


async def test_buffered_asked_for_once_the_buffer_is_full_hangs_until_the_stream_is_idle(lab: Lab) -> None:
    """Envoy has stopped reading the provider while it awaited the answer to the headers, and never goes on.

    Whether the buffer fills before that answer is a race; here the processor waits for it.
    """
    full = asyncio.Event()

    async def late(stream: Stream) -> AsyncIterator[Any]:
        async for each in stream:
            kind = each.WhichOneof("request")
            if kind == "response_headers":
                await full.wait()
                yield go_on(kind, mode_override=BUFFERED)
            else:
                yield go_on(kind)

    envoy = await large_answer(lab, WATCHING, late)
    call = asyncio.create_task(envoy.call())
    await envoy.stat_at_least(PAUSED, 1)
    full.set()
    assert (await call).status == 504
    assert (await envoy.record())["details"] == "stream_idle_timeout"


async def test_a_raised_buffer_limit_lets_buffered_read_a_large_answer(lab: Lab) -> None:
    """Limits of the listener and of the provider's cluster together."""
    script = replying(response_headers={"mode_override": BUFFERED})
    envoy = await large_answer(lab, WATCHING, script, limit=50 << 20)
    reply = await envoy.call()
    assert (reply.status, len(reply.body)) == (200, len(LARGE))


# --- as much as fits -----------------------------------------------------------------------------------------------

REFUSED: Json = {"immediate_response": {"status": {"code": 502}, "body": b"unreadable", "details": "forebay_told"}}
CHANGED: Json = {
    "response_body": {
        "response": {"header_mutation": setting(content_length="7"), "body_mutation": {"body": b"changed"}}
    }
}


def in_chunks(pieces: int, pause: float = 0.0, trailers: bytes = b"", size: int = 7) -> Handler:
    """An answer of unknown length."""

    async def says(call: Call) -> None:
        await call.begin()
        with contextlib.suppress(ConnectionError):
            for _ in range(pieces):
                await call.chunk(b"z" * size)
                await asyncio.sleep(pause)
            await call.end(trailers)

    return says


def partly(told: Json, full: asyncio.Event | None = None) -> Script:
    """Asks for as much of the body as fits, and answers it so; `full`: not before the buffer is."""

    async def script(stream: Stream) -> AsyncIterator[Any]:
        async for each in stream:
            kind = each.WhichOneof("request")
            if kind == "response_headers":
                if full is not None:
                    await full.wait()
                yield go_on(kind, mode_override=PARTIAL)
            else:
                yield Response(**told) if kind == "response_body" else go_on(kind)

    return script


@pytest.mark.parametrize("says", [in_chunks(3), in_chunks(3, 0.001), in_chunks(0)], ids=["at once", "slowly", "empty"])
async def test_buffered_partial_holds_the_head_until_the_body_was_read(lab: Lab, says: Handler) -> None:
    """So the processor's own answer replaces the provider's, status and all: in a hundred calls of a hundred."""
    envoy = await large_answer(lab, WATCHING, partly(REFUSED), says=says)
    for _ in range(100):
        reply = await envoy.call()
        assert (reply.status, reply.body, reply.complete) == (502, b"unreadable", True)
        assert (await envoy.record())["details"] == "forebay_told"


async def test_buffered_partial_lets_a_body_that_fits_be_replaced(lab: Lab) -> None:
    """It comes in one message that is the end, however it was sent."""
    processed = partly(CHANGED)
    envoy = await large_answer(lab, WATCHING, processed, says=in_chunks(3, 0.001))
    for _ in range(20):
        reply = await envoy.call()
        assert (reply.status, reply.body, reply.complete) == (200, b"changed", True)


@pytest.mark.parametrize(("told", "status"), [(REFUSED, 502), (CHANGED, 200)], ids=["refused", "changed"])
async def test_what_does_not_fit_comes_without_its_end_and_its_rest_passes_unread(
    lab: Lab, told: Json, status: int
) -> None:
    """It does not hang as BUFFERED does. But only a processor that refuses such a beginning has read what passes."""
    full = asyncio.Event()
    says = in_chunks(1000, size=16_384)
    envoy = await large_answer(lab, WATCHING, partly(told, full), says=says)
    call = asyncio.create_task(envoy.call())
    await envoy.stat_at_least(PAUSED, 1)
    full.set()
    reply = await call
    assert reply.status == status
    assert (b"zzz" in reply.body) == (status == 200)


async def test_trailers_look_like_a_body_that_does_not_fit(lab: Lab) -> None:
    """The message is not the end: what follows it cannot be told from it."""
    ends: list[bool] = []

    async def script(stream: Stream) -> AsyncIterator[Any]:
        async for each in stream:
            kind = each.WhichOneof("request")
            if kind == "response_body":
                ends.append(each.response_body.end_of_stream)
                yield Response(**REFUSED)
            else:
                yield go_on(kind, **({"mode_override": PARTIAL} if kind == "response_headers" else {}))

    provider, processor = await lab.provider(in_chunks(3, 0.0, b"x-last: 1\r\n")), await lab.processor(script)
    clusters = [with_trailers("up", provider.port), processor_cluster(processor.port)]
    envoy = await lab.envoy(config([front([route("up")], [ext_proc(WATCHING)])], clusters))
    assert (await envoy.call()).status == 502
    assert ends == [False]
