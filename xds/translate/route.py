"""RDS: one exact-match map. The processor names the route in x-forebay-route, no order or prefix is involved.

A request meets the map twice: when it arrives, without the header, and after the processor's answer. The first time
it gets NOBODY, whose filters are the same and whose end is a 404: that is reached only by a request that the verdict
net let through without a route. NOBODY is no direct response, because those have no request body buffer of their own:
it leads to a cluster named by a header that nobody can send.
"""

from collections.abc import Mapping
from typing import Final

from forebay import contract
from forebay.config.resolved import Backend, Model, Resolved
from xds.translate.cluster import arm_order, pinned_backends, pinned_order
from xds.translate.retries import retry_policy, timeouts
from xds.translate.shapes import Json, action, add_header, exact_map, request_header, set_header

NOBODY: Final = "nobody"
_NO_HEADER: Final = f"{contract.INTERNAL_PREFIX}nobody"
_ROUTE: Final = "envoy.config.route.v3.Route"


def route_configuration(resolved: Resolved) -> Json:
    """The one RouteConfiguration."""
    routes: dict[str, Json] = {}
    for model in resolved.models.values():
        routes[contract.model_route(model.name)] = _model_route(model)
        for backend in pinned_backends(model):
            routes[contract.pinned_route(model.name, backend.name)] = _pinned_route(model, backend)
    for route in routes.values():
        route["metadata"] = _digest(resolved)
    return {
        "name": contract.ROUTE_CONFIG,
        "virtual_hosts": [
            {
                "name": "all",
                "domains": ["*"],
                "request_body_buffer_limit": buffer_limit(resolved.listen.body_limit),
                "response_headers_to_add": _response_headers(resolved),
                "matcher": _matcher(routes, _digest(resolved)),
            }
        ],
    }


def buffer_limit(body_limit: int) -> int:
    """What Envoy holds of one request: the body as it came, and as it became. Placeholders are longer than what they
    stand for, and a body above this limit would silently not be retried. The exact limit is the processor's."""
    return body_limit + body_limit // 4 + 64 * 1024


def _digest(resolved: Resolved) -> Json:
    """By the route a line of the record names the config that governed its request."""
    return {"filter_metadata": {contract.ENDPOINT: {"config": resolved.digest}}}


def _matcher(routes: Mapping[str, Json], metadata: Json) -> Json:
    entries = {name: action(name, _ROUTE, route) for name, route in sorted(routes.items())}
    nowhere = {"cluster_header": _NO_HEADER, "cluster_not_found_response_code": "NOT_FOUND"}
    nobody = {"name": NOBODY, "match": {"prefix": ""}, "route": nowhere, "metadata": metadata}
    return exact_map(request_header(contract.ROUTE), entries, otherwise=action(NOBODY, _ROUTE, nobody))


def _model_route(model: Model) -> Json:
    """Arms in the order of the config: the first has the lowest buckets, so raising its weight moves only those
    conversations that it gains."""
    weights = [{"name": contract.arm_cluster(model.name, arm.backend.name), "weight": arm.weight} for arm in model.arms]
    attempts = len(arm_order(model, model.arms[0].backend))  # the same for every arm
    target = {"weighted_clusters": {"clusters": weights, "header_name": contract.BUCKET}}
    return _route(contract.model_route(model.name), model, target, attempts)


def _pinned_route(model: Model, backend: Backend) -> Json:
    target = {"cluster": contract.pinned_cluster(model.name, backend.name)}
    name = contract.pinned_route(model.name, backend.name)
    return _route(name, model, target, attempts=len(pinned_order(model, backend)))


def _route(name: str, model: Model, target: Json, attempts: int) -> Json:
    return {
        "name": name,
        "match": {"prefix": ""},
        "route": {
            **target,
            "auto_host_rewrite": True,
            "retry_policy": retry_policy(model.retries, model.timeout, attempts),
            **timeouts(model.timeout, attempts),
        },
    }


def _response_headers(resolved: Resolved) -> list[Json]:
    timing = resolved.telemetry.server_timing
    messages = any(model.api == "anthropic" for model in resolved.models.values())
    of_call = f"%DYNAMIC_METADATA({contract.CALL}:{{}})%"
    return [
        set_header(contract.RESPONSE_VERDICT, of_call.format(contract.VERDICT)),
        set_header(contract.RESPONSE_PROVIDER, f"%UPSTREAM_METADATA({contract.ENDPOINT}:provider)%"),
        set_header(contract.RESPONSE_MODEL, f"%UPSTREAM_METADATA({contract.ENDPOINT}:model)%"),
        set_header(contract.RESPONSE_ATTEMPTS, "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"),
        # where Anthropic's client libraries look for it
        *([set_header(contract.MESSAGES_REQUEST_ID, f"%REQ({contract.REQUEST_ID})%")] if messages else []),
        # the provider's share stands there already: the egress gate wrote it
        *([add_header(contract.SERVER_TIMING, of_call.format(contract.TIMING))] if timing else []),
    ]
