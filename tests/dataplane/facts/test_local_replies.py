"""Whose error bodies `local_reply_config` rewrites."""

from typing import Any

from bare_configs import Json, cluster, config, ext_proc, extension, front, mode, processor_cluster, route
from bare_envoy import Envoy, Lab, replying
from bare_http import answering

REWRITTEN: Json = {
    "filter": {"status_code_filter": {"comparison": {"op": "GE", "value": {"default_value": 400, "runtime_key": "x"}}}},
    "body_format_override": {"json_format": {"error": "%LOCAL_REPLY_BODY%"}},
}
EXEMPT: Json = {
    "filter": {
        "extension_filter": extension(
            "extensions.access_loggers.filters.cel.v3.ExpressionFilter",
            called="envoy.access_loggers.extension_filters.cel",
            expression="response.code_details.startsWith('forebay')",
        )
    }
}
OURS = b'{"ours":true}'
REFUSAL: Json = {"immediate_response": {"status": {"code": "Forbidden"}, "body": OURS, "details": "forebay_refused"}}


async def refusing(lab: Lab, *mappers: Json, **answer: Any) -> Envoy:
    """A processor that refuses every request, or gives that answer."""
    provider = await lab.provider(answering(503, b"the provider's"))
    processor = await lab.processor(replying(request_body=answer or REFUSAL))
    clusters = [cluster("up", provider.port), processor_cluster(processor.port)]
    local = {"mappers": list(mappers)}
    return await lab.envoy(config([front([route("up")], [ext_proc(mode())], local_reply_config=local)], clusters))


async def test_local_reply_config_rewrites_the_processor_s_own_answers(lab: Lab) -> None:
    """An ImmediateResponse is a local reply like any other."""
    reply = await (await refusing(lab, REWRITTEN)).call()
    assert (reply.status, reply.body) == (403, b'{"error":"{\\"ours\\":true}"}\n')


async def test_a_first_mapper_by_details_without_changes_exempts_them(lab: Lab) -> None:
    """The first mapper that matches wins, and one that changes nothing leaves the body as it is."""
    envoy = await refusing(lab, EXEMPT, REWRITTEN)
    reply = await envoy.call()
    assert (reply.status, reply.body) == (403, OURS)
    assert (await envoy.record())["details"] == "forebay_refused"


async def test_the_exemption_needs_the_details(lab: Lab) -> None:
    """A processor that does not say them is rewritten: it always says them."""
    nameless = {"immediate_response": {"status": {"code": "Forbidden"}, "body": OURS}}
    reply = await (await refusing(lab, EXEMPT, REWRITTEN, **nameless)).call()
    assert reply.body != OURS


async def test_a_provider_s_error_body_is_never_rewritten(lab: Lab) -> None:
    """It is no local reply."""
    reply = await (await refusing(lab, REWRITTEN, request_body={})).call()
    assert (reply.status, reply.body) == (503, b"the provider's")
