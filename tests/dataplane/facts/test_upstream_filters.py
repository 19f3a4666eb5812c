"""The chain in front of a provider: which upstream filters run, and what each attempt starts from."""

import json
from collections.abc import Callable

import pytest
from bare_configs import (
    Json,
    aggregate,
    cluster,
    composite,
    config,
    credential,
    extension,
    front,
    headers_set,
    internal,
    into,
    lua,
    mutation,
    picked,
    route,
)
from bare_envoy import EnvoyRefused, Lab
from bare_http import answering

AWKWARD = (
    b'{"zeta":1, "model" : "fast","big":9007199254740993,"u64":18446744073709551615,"one":1.0,"e":1E+2,"tiny":1e-7,'
    b'"pi":3.141592653589793238,"zero":-0,"text":"\\u00e9\\ud83d\\ude00 \\/ a\\"b","raw":"\xc3\xa9\xf0\x9f\x98\x80",'
    b'"null":null,"inner":{"model":"fast"}}'
)
SWAP = """
function envoy_on_request(handle)
  local model = handle:headers():get('x-model')
  handle:headers():replace(':path', '/for/' .. model)
  local body = handle:body()
  local bytes = body:getBytes(0, body:length())
  bytes = string.gsub(bytes, '"fast"', '"' .. model .. '"', 1)
  handle:headers():replace('content-length', tostring(body:setBytes(bytes)))
end
"""
MODEL_OF_THE_ENDPOINT = headers_set({"x-model": "%UPSTREAM_METADATA(forebay:model)%"})


@pytest.mark.parametrize("group", [composite, aggregate])
async def test_upstream_filters_of_the_outer_cluster_run_and_those_of_its_parts_do_not(
    lab: Lab, group: Callable[..., Json]
) -> None:
    """Silently: so the chain hangs on the outer cluster, and endpoint metadata tells the parts apart."""
    provider = await lab.provider()
    part = cluster("part", provider.port, filters=[headers_set({"x-part": "ran"})])
    outer = group("outer", "part", filters=[headers_set({"x-outer": "ran"})])
    envoy = await lab.envoy(config([front([route("outer")])], [outer, part]))
    assert (await envoy.call()).status == 200
    headers = provider.calls[0].headers
    assert (headers.get("x-outer"), headers.get("x-part")) == ("ran", None)


async def test_lua_swaps_the_model_s_bytes_exactly_per_attempt(lab: Lab) -> None:
    """Each attempt starts from the client's own body; model and path come from the endpoint that was picked."""
    one, two = await lab.provider(answering(503)), await lab.provider()
    parts = [
        cluster("one", one.port, about={"model": "gpt-4o-2024-11-20"}),
        cluster("two", two.port, about={"model": "m2"}),
    ]
    outer = composite("both", "one", "two", filters=[MODEL_OF_THE_ENDPOINT, lua(SWAP)])
    envoy = await lab.envoy(config([front([route("both", retries=1)])], [outer, *parts]))
    assert (await envoy.call(body=AWKWARD)).status == 200
    for provider, model in ((one, "gpt-4o-2024-11-20"), (two, "m2")):
        (call,) = provider.calls
        assert call.body == AWKWARD.replace(b"fast", model.encode(), 1)
        assert call.path == f"/for/{model}"


async def test_headers_do_not_start_afresh_per_attempt(lab: Lab) -> None:
    """What the first attempt's filters set, the second provider sees: so the chain begins by removing credentials."""
    one, two = await lab.provider(answering(503)), await lab.provider()
    named = {"x-provider": "%UPSTREAM_METADATA(forebay:provider)%"}
    keys = {"one": credential({"name": "key"}), "two": headers_set({"x-other": "none"})}
    parts = [cluster(name, made.port, about={"provider": name}) for name, made in (("one", one), ("two", two))]
    secret = [{"name": "key", "generic_secret": {"secret": {"inline_string": "key-of-one"}}}]
    second = []
    for first in ([], [mutation({"remove": "authorization"})]):
        chain = [*first, headers_set(named), picked("x-provider", keys)]
        clusters = [composite("both", "one", "two", filters=chain), *parts]
        envoy = await lab.envoy(config([front([route("both", retries=1)])], clusters, secrets=secret))
        assert (await envoy.call()).status == 200
        assert one.calls[-1].headers["authorization"] == "Bearer key-of-one"
        second.append(two.calls[-1].headers.get("authorization"))
    assert second == ["Bearer key-of-one", None]


async def test_a_lua_error_lets_the_request_pass_unchanged(lab: Lab) -> None:
    """Open, not closed: so the product's Lua runs under pcall and answers 500 itself."""
    provider = await lab.provider()
    broken = cluster("up", provider.port, filters=[lua("function envoy_on_request(handle) error('x') end")])
    envoy = await lab.envoy(config([front([route("up")])], [broken]))
    assert (await envoy.call(body=AWKWARD)).status == 200
    assert provider.calls[0].body == AWKWARD


MERGE: Json = {
    "request_transformation": {
        "body_transformation": {"body_format": {"json_format": {"model": "gpt-4o"}}, "action": "MERGE"}
    }
}
TRANSFORM = extension("extensions.filters.http.transform.v3.TransformConfig", **MERGE)


async def test_the_transform_filter_is_not_faithful(lab: Lab) -> None:
    """It writes JSON anew: keys are sorted, large integers change their value, numbers lose their spelling."""
    provider = await lab.provider()
    envoy = await lab.envoy(config([front([route("up")], [TRANSFORM])], [cluster("up", provider.port)]))
    assert (await envoy.call(body=AWKWARD)).status == 200
    got = provider.calls[0].body
    assert json.loads(got)["model"] == "gpt-4o"
    assert got != AWKWARD.replace(b"fast", b"gpt-4o", 1)
    assert list(json.loads(got)) == sorted(json.loads(got))
    assert json.loads(got)["big"] != 9007199254740993
    assert b"1E+2" not in got


async def test_the_transform_filter_does_not_exist_upstream(lab: Lab) -> None:
    """So it could not work per attempt even if it were faithful."""
    refused = config([front([route("up")])], [cluster("up", 1, filters=[TRANSFORM])])
    with pytest.raises(EnvoyRefused, match="Didn't find a registered implementation"):
        await lab.envoy(refused)


async def test_an_internal_hop_handles_every_request_twice(lab: Lab) -> None:
    """A second connection manager with its own codec, router and headers: hence its price, and its isolation."""
    provider = await lab.provider()
    clusters = [into("hop", "inside"), cluster("up", provider.port)]
    routes = [route("hop", when={"x-way": "hop"}), route("up")]
    envoy = await lab.envoy(config([front(routes), internal("inside", [route("up")])], clusters))
    counts = []
    for way in ("direct", "hop"):
        assert (await envoy.call(headers={"x-way": way})).status == 200
        counts.append([await envoy.stat(f"http.{name}.downstream_rq_total") for name in ("front", "inside")])
    assert counts == [[1, 0], [2, 1]]
