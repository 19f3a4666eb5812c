"""An answer above the buffer limit, read by a processor in BUFFERED: what happens hangs on how the mode came about."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from bare_configs import Json, cluster, config, ext_proc, front, mode, processor_cluster, route
from bare_envoy import Envoy, Lab, Script, Stream, go_on, replying
from bare_http import answering

LARGE = b"z" * 3_000_000
BUFFERED = mode(response_header_mode="SEND", response_body_mode="BUFFERED")
WATCHING = mode(response_header_mode="SEND")
PAUSED = "cluster.up.upstream_flow_control_paused_reading_total"


async def large_answer(lab: Lab, modes: Json, script: Script, limit: int = 1 << 20) -> Envoy:
    """Every call gets 3 MB; a stream on which nothing moves ends after a second."""
    provider, processor = await lab.provider(answering(200, LARGE)), await lab.processor(script)
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
