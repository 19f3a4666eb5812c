"""Which response mode governs, who decides it, and what a processor in FULL_DUPLEX_STREAMED may do with an answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from bare_configs import (
    FULL_DUPLEX,
    Json,
    api_keys,
    cluster,
    config,
    ext_proc,
    extension,
    front,
    headers_set,
    mode,
    picked,
    processor_cluster,
    route,
    typed,
)
from bare_envoy import Lab, Processor, Stream, go_on, piece, replying, setting
from bare_http import Call, Provider

REQUEST_ONLY = ["request_headers", "request_body"]
WATCHING = mode(response_header_mode="SEND")
READING = mode(response_header_mode="SEND", response_body_mode="BUFFERED")
DUPLEX = mode(response_header_mode="SEND", **FULL_DUPLEX)


def gateway(processor: Processor, provider: Provider, modes: Json, routes: list[Json] | None = None) -> Json:
    """One ext_proc, one provider."""
    clusters = [cluster("up", provider.port), processor_cluster(processor.port)]
    return config([front(routes or [route("up")], [ext_proc(modes)])], clusters)


async def duplex(stream: Stream) -> AsyncIterator[Any]:
    """Waves everything through, pieces of the body too."""
    async for each in stream:
        kind = each.WhichOneof("request")
        if kind == "response_body":
            yield piece(each.response_body.body, each.response_body.end_of_stream)
        else:
            yield go_on(kind)


# --- held back -----------------------------------------------------------------------------------------------------


async def test_a_buffered_request_and_a_streamed_answer_held_back_go_together(lab: Lab) -> None:
    """A secret across two chunks is masked: pieces are released M:N, headers changed, and the end is an empty chunk."""
    seen = [asyncio.Event() for _ in range(3)]

    async def in_pieces(call: Call) -> None:
        await call.begin()
        for data, arrived in zip((b"a sec", b"ret is", b" out"), seen, strict=True):
            await call.chunk(data)
            await arrived.wait()
        await call.end()

    async def masking(stream: Stream) -> AsyncIterator[Any]:
        held = b""
        async for each in stream:
            kind = each.WhichOneof("request")
            if kind == "response_headers":
                yield go_on(kind, response_headers={"response": {"header_mutation": setting(x_guard="on")}})
            elif kind == "response_body":
                got = each.response_body
                held += got.body
                if got.end_of_stream:
                    yield piece(held.replace(b"secret", b"******")[:5], False)
                    yield piece(held.replace(b"secret", b"******")[5:], True)
                else:
                    seen[stream.kinds.count(kind) - 1].set()
            else:
                yield go_on(kind)

    processor, provider = await lab.processor(masking), await lab.provider(in_pieces)
    envoy = await lab.envoy(gateway(processor, provider, DUPLEX))
    reply = await envoy.call(body=b"asked")
    assert (reply.body, reply.headers["x-guard"], reply.complete) == (b"a ****** is out", "on", True)
    bodies = [each for each in processor.streams[0].messages if each.WhichOneof("request").endswith("body")]
    assert bodies[0].request_body.body == b"asked"
    pieces = [(each.response_body.body, each.response_body.end_of_stream) for each in bodies[1:]]
    assert pieces == [(b"a sec", False), (b"ret is", False), (b" out", False), (b"", True)]


# --- who decides the mode ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["request_headers", "response_headers"])
async def test_mode_override_is_honoured_in_header_answers(lab: Lab, kind: str) -> None:
    """The response's body arrives, though the filter was configured without it."""
    asked = {"mode_override": mode(response_header_mode="SEND", response_body_mode="BUFFERED")}
    processor, provider = await lab.processor(replying(**{kind: asked})), await lab.provider()
    envoy = await lab.envoy(gateway(processor, provider, WATCHING))
    assert (await envoy.call()).status == 200
    assert processor.streams[0].kinds == [*REQUEST_ONLY, "response_headers", "response_body"]


async def test_full_duplex_may_be_asked_for_in_the_answer_to_the_response_s_headers(lab: Lab) -> None:
    """So the filter reads nothing of an answer that nobody inspects."""

    async def script(stream: Stream) -> AsyncIterator[Any]:
        async for each in stream:
            kind = each.WhichOneof("request")
            if kind == "response_headers":
                yield go_on(kind, mode_override=DUPLEX)
            elif kind == "response_body":
                yield piece(each.response_body.body.upper(), each.response_body.end_of_stream)
            else:
                yield go_on(kind)

    async def chunked(call: Call) -> None:
        await call.begin()
        await call.chunk(b"hi")
        await call.end()

    processor, provider = await lab.processor(script), await lab.provider(chunked)
    envoy = await lab.envoy(gateway(processor, provider, WATCHING))
    assert (await envoy.call()).body == b"HI"


async def test_mode_override_is_ignored_in_the_answer_to_a_body(lab: Lab) -> None:
    """Silently: nothing of the response arrives."""
    asked = {"mode_override": READING}
    processor, provider = await lab.processor(replying(request_body=asked)), await lab.provider()
    envoy = await lab.envoy(gateway(processor, provider, mode()))
    assert (await envoy.call()).status == 200
    assert processor.streams[0].kinds == REQUEST_ONLY


@pytest.mark.parametrize("kind", ["request_headers", "response_headers"])
async def test_mode_override_is_ignored_by_a_filter_that_starts_in_full_duplex(lab: Lab, kind: str) -> None:
    """The body goes on arriving though the processor asked for none."""

    async def script(stream: Stream) -> AsyncIterator[Any]:
        async for each in stream:
            if each.WhichOneof("request") == "response_body":
                yield piece(each.response_body.body, each.response_body.end_of_stream)
            elif each.WhichOneof("request") == kind:
                yield go_on(kind, mode_override=WATCHING)
            else:
                yield go_on(each.WhichOneof("request"))

    processor, provider = await lab.processor(script), await lab.provider()
    envoy = await lab.envoy(gateway(processor, provider, DUPLEX))
    assert (await envoy.call()).body == b"{}"
    assert "response_body" in processor.streams[0].kinds


def for_route(fields: Json) -> Json:
    """ExtProcPerRoute."""
    per_route = typed("extensions.filters.http.ext_proc.v3.ExtProcPerRoute", **fields)
    return {"typed_per_filter_config": {"ext_proc": per_route}}


OVERRIDES: Json = {"overrides": {"processing_mode": READING}}


@pytest.mark.parametrize(
    ("first", "second", "modes", "kinds"),
    [
        ({}, OVERRIDES, mode(), REQUEST_ONLY),
        (OVERRIDES, {}, mode(), [*REQUEST_ONLY, "response_headers", "response_body"]),
        ({}, {"disabled": True}, READING, [*REQUEST_ONLY, "response_headers", "response_body"]),
    ],
    ids=["an override of the second is ignored", "the first's override stays", "disabled comes too late"],
)
async def test_the_route_picked_first_governs(
    lab: Lab, first: Json, second: Json, modes: Json, kinds: list[str]
) -> None:
    """Settings of the route that the processor's own answer leads to are ignored."""
    told = {"clear_route_cache": True, "header_mutation": setting(x_forebay_model="gpt-4")}
    processor = await lab.processor(replying(request_body={"request_body": {"response": told}}))
    provider = await lab.provider()
    routes = [
        route("up", when={"x-forebay-model": "gpt-4"}, **(for_route(second) if second else {})),
        route("up", **(for_route(first) if first else {})),
    ]
    envoy = await lab.envoy(gateway(processor, provider, modes, routes))
    assert (await envoy.call()).status == 200
    assert provider.calls[0].headers["x-forebay-model"] == "gpt-4"
    assert processor.streams[0].kinds == kinds


# --- local replies of earlier filters ------------------------------------------------------------------------------

KEYS = {"name": "keys", "typed_config": api_keys("known")}


async def refused_and_served(lab: Lab, filters: list[Json], processor: Processor) -> list[int]:
    """How many streams there are after a 401, and after a 200 behind it."""
    provider = await lab.provider()
    clusters = [cluster("up", provider.port), processor_cluster(processor.port)]
    envoy = await lab.envoy(config([front([route("up")], filters)], clusters))
    counts = []
    for key, status in (("unknown", 401), ("known", 200)):
        assert (await envoy.call(headers={"x-api-key": key})).status == status
        counts.append(len(processor.streams))
    return counts


async def test_a_processor_that_watches_responses_is_called_for_every_401_of_earlier_filters(lab: Lab) -> None:
    """A stream for a request that was never admitted."""
    processor = await lab.processor(replying())
    assert await refused_and_served(lab, [KEYS, ext_proc(WATCHING)], processor) == [1, 2]
    assert processor.streams[0].kinds == ["response_headers"]


async def test_a_processor_picked_by_a_header_of_admission_is_not_called_for_a_401(lab: Lab) -> None:
    """In a composite filter, matched on a header that is set behind the filters that refuse."""
    processor = await lab.processor(replying())
    behind = picked("x-forebay-admitted", {"1": ext_proc(WATCHING)})
    filters = [KEYS, headers_set({"x-forebay-admitted": "1"}), behind]
    assert await refused_and_served(lab, filters, processor) == [0, 1]


def rbac() -> Json:
    """Only what carries the processor's own verdict goes on."""
    value = {"string_match": {"exact": "pass"}}
    principal = {
        "sourced_metadata": {
            "metadata_matcher": {"filter": "forebay.call", "path": [{"key": "verdict"}], "value": value}
        }
    }
    policies = {"judged": {"permissions": [{"any": True}], "principals": [principal]}}
    return extension("extensions.filters.http.rbac.v3.RBAC", rules={"action": "ALLOW", "policies": policies})


async def test_rbac_on_the_processor_s_verdict_catches_a_stream_that_ended_early(lab: Lab) -> None:
    """An OK close without an answer would let the request pass unread; behind it stands the net: 403."""

    async def leaves(stream: Stream) -> AsyncIterator[Any]:
        async for each in stream:
            if each.WhichOneof("request") == "request_body":
                return
            yield go_on("request_headers")

    judged = {"request_body": {"dynamic_metadata": {"forebay.call": {"verdict": "pass"}}}}
    processor, provider = await lab.processor(leaves), await lab.provider()
    clusters = [cluster("up", provider.port), processor_cluster(processor.port)]
    envoy = await lab.envoy(config([front([route("up")], [ext_proc(mode()), rbac()])], clusters))
    assert (await envoy.call()).status == 403
    assert provider.calls == []
    processor.script = replying(**judged)
    assert (await envoy.call()).status == 200
