"""What an ext_proc that reads the buffered request may change, and when it is heard."""

from typing import Any

import pytest
from bare_configs import Json, cluster, config, ext_proc, front, mode, processor_cluster, route
from bare_envoy import Lab, Processor, header, replying, setting
from bare_http import Provider, answering

TOLD: Json = {"clear_route_cache": True, "header_mutation": setting(x_forebay_model="gpt-4")}


def rerouting(processor: Processor, usual: Provider, chosen: Provider, modes: Json, **more: Any) -> Json:
    """What carries `x-forebay-model: gpt-4` goes to `chosen`."""
    routes = [route("chosen", when={"x-forebay-model": "gpt-4"}), route("usual")]
    clusters = [cluster("usual", usual.port), cluster("chosen", chosen.port), processor_cluster(processor.port)]
    return config([front(routes, [ext_proc(modes, **more)])], clusters)


async def test_a_header_set_in_the_body_s_answer_re_routes(lab: Lab) -> None:
    """With request headers SEND and body BUFFERED, `clear_route_cache` in the answer to the body is honoured."""
    usual, chosen = await lab.provider(), await lab.provider()
    processor = await lab.processor(replying(request_body={"request_body": {"response": TOLD}}))
    envoy = await lab.envoy(rerouting(processor, usual, chosen, mode()))
    assert (await envoy.call()).status == 200
    assert (len(usual.calls), len(chosen.calls)) == (0, 1)
    assert chosen.calls[0].headers["x-forebay-model"] == "gpt-4"


async def test_with_request_headers_skipped_the_body_s_answer_does_not_re_route(lab: Lab) -> None:
    """The header mutation is lost, and so is the new route: so headers are always sent."""
    usual, chosen = await lab.provider(), await lab.provider()
    processor = await lab.processor(replying(request_body={"request_body": {"response": TOLD}}))
    envoy = await lab.envoy(rerouting(processor, usual, chosen, mode(request_header_mode="SKIP")))
    assert (await envoy.call()).status == 200
    assert (len(usual.calls), len(chosen.calls)) == (1, 0)
    assert "x-forebay-model" not in usual.calls[0].headers


async def test_no_route_is_found_without_x_forwarded_proto(lab: Lab) -> None:
    """A processor that removes the header and clears the route cache gets 404, whatever the routes match."""
    usual, chosen = await lab.provider(), await lab.provider()
    removing = {"clear_route_cache": True, "header_mutation": {"remove_headers": ["x-forwarded-proto"]}}
    processor = await lab.processor(replying(request_body={"request_body": {"response": removing}}))
    envoy = await lab.envoy(rerouting(processor, usual, chosen, mode()))
    assert (await envoy.call()).status == 404
    assert (await envoy.record())["details"] == "route_not_found"
    assert usual.calls + chosen.calls == []


async def test_x_forwarded_proto_may_go_if_the_route_is_not_asked_for_again(lab: Lab) -> None:
    """It is the second look for a route that needs the header, not the forwarding."""
    usual, chosen = await lab.provider(), await lab.provider()
    removing = {"header_mutation": {"remove_headers": ["x-forwarded-proto"]}}
    processor = await lab.processor(replying(request_body={"request_body": {"response": removing}}))
    envoy = await lab.envoy(rerouting(processor, usual, chosen, mode()))
    assert (await envoy.call()).status == 200
    assert "x-forwarded-proto" not in usual.calls[0].headers


NEW_BODY = b'{"model":"another"}'


@pytest.mark.parametrize(
    ("length", "status"),
    [(None, 500), (len(NEW_BODY) - 1, 500), (len(NEW_BODY) + 1, 500), (len(NEW_BODY), 200)],
    ids=["not set", "too small", "too large", "exact"],
)
async def test_a_mutated_buffered_body_needs_its_exact_content_length(
    lab: Lab, length: int | None, status: int
) -> None:
    """Anything else ends the request; the provider is not asked."""
    provider = await lab.provider(answering())
    mutated: Json = {"body_mutation": {"body": NEW_BODY}}
    if length is not None:
        mutated["header_mutation"] = {"set_headers": [header("content-length", str(length))]}
    processor = await lab.processor(replying(request_body={"request_body": {"response": mutated}}))
    envoy = await lab.envoy(rerouting(processor, provider, provider, mode()))
    assert (await envoy.call()).status == status
    assert [call.body for call in provider.calls] == ([NEW_BODY] if status == 200 else [])


ATTRIBUTES = {
    "request.path": "/v1/chat",
    "request.method": "POST",
    "request.headers['x-api-key']": "secret",
    "source.address": "127.0.0.1:",
    "xds.cluster_name": "usual",
    "request.id": "",
}


async def test_request_attributes_arrive_with_the_first_message_only(lab: Lab) -> None:
    """All that were asked for, as one struct, in the message of the request's headers."""
    usual = await lab.provider()
    processor = await lab.processor(replying())
    asked = rerouting(processor, usual, usual, mode(), request_attributes=list(ATTRIBUTES))
    envoy = await lab.envoy(asked)
    assert (await envoy.call("/v1/chat", headers={"x-api-key": "secret"})).status == 200
    first, second = processor.streams[0].messages
    fields = first.attributes["envoy.filters.http.ext_proc"].fields
    seen = {name: value.string_value for name, value in fields.items()}
    assert set(seen) == set(ATTRIBUTES)
    assert all(seen[name].startswith(value) and seen[name] for name, value in ATTRIBUTES.items())
    assert not second.attributes


async def test_the_attempt_count_is_an_attribute_of_the_response(lab: Lab) -> None:
    """`upstream.request_attempt_count` is known once the router ran: it arrives with the response's headers."""
    usual = await lab.provider()
    processor = await lab.processor(replying())
    name = "upstream.request_attempt_count"
    modes = mode(response_header_mode="SEND")
    envoy = await lab.envoy(
        rerouting(processor, usual, usual, modes, request_attributes=[name], response_attributes=[name])
    )
    assert (await envoy.call()).status == 200
    first, _, third = processor.streams[0].messages
    counts = [message.attributes["envoy.filters.http.ext_proc"].fields[name].number_value for message in (first, third)]
    assert counts == [0, 1]
