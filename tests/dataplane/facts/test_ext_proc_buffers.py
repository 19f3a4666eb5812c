"""An answer above the buffer limit, read by a processor in BUFFERED: what happens hangs on how the mode came about."""

from bare_configs import Json, cluster, config, ext_proc, front, mode, processor_cluster, route
from bare_envoy import Lab, Script, replying
from bare_http import Reply, answering

LARGE = b"z" * 3_000_000
BUFFERED = mode(response_header_mode="SEND", response_body_mode="BUFFERED")
BY_OVERRIDE = replying(response_headers={"mode_override": BUFFERED})
WATCHING = mode(response_header_mode="SEND")


async def large_answer(lab: Lab, modes: Json, script: Script, limit: int = 1 << 20) -> tuple[Reply, Json]:
    """The reply to one call and its record; an idle stream ends after half a second."""
    provider, processor = await lab.provider(answering(200, LARGE)), await lab.processor(script)
    up = cluster("up", provider.port, per_connection_buffer_limit_bytes=limit)
    routes = [route("up", action={"idle_timeout": "0.5s"})]
    listener = front(routes, [ext_proc(modes, message_timeout="0.2s")]) | {"per_connection_buffer_limit_bytes": limit}
    envoy = await lab.envoy(config([listener], [up, processor_cluster(processor.port)]))
    return await envoy.call(), await envoy.record()


async def test_a_filter_configured_as_buffered_answers_500(lab: Lab) -> None:
    """At once, and it says why."""
    reply, record = await large_answer(lab, BUFFERED, replying())
    assert (reply.status, record["details"]) == (500, "response_payload_too_large")


async def test_buffered_asked_for_by_mode_override_hangs_until_the_stream_is_idle(lab: Lab) -> None:
    """Envoy stops reading the provider while it awaits the headers' answer, and never goes on: no message times out."""
    reply, record = await large_answer(lab, WATCHING, BY_OVERRIDE)
    assert (reply.status, record["details"]) == (504, "stream_idle_timeout")


async def test_a_raised_buffer_limit_lets_buffered_read_a_large_answer(lab: Lab) -> None:
    """Limits of the listener and of the provider's cluster together."""
    reply, _ = await large_answer(lab, WATCHING, BY_OVERRIDE, limit=50 << 20)
    assert (reply.status, len(reply.body)) == (200, len(LARGE))
