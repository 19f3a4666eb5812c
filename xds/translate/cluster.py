"""CDS: where calls go.

    arm_cluster, pinned_cluster   composite: attempt n goes to the n-th name of its list; the egress gate's filters
    backend_cluster               sub-cluster: one provider and model; protocol, TLS, ejection, breakers
    extproc                       the inspectors

A composite's upstream filters run, its sub-clusters' do not; the protocol and TLS are the sub-cluster's; the breaker
that counts parallel retries is the composite's. Each setting below stands where it counts.
"""

import ipaddress
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from forebay import contract
from forebay.config.resolved import Backend, Model, Provider, Resolved
from forebay.places import Places
from xds.translate.egress import egress_filters
from xds.translate.machine import Machine
from xds.translate.shapes import LIFTED, Json, extension, seconds, typed
from xds.translate.upstream_tls import upstream_tls

HTTP_OPTIONS: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_CONNECT_WITHIN: Final = 5.0
_IDLE_UPSTREAM: Final = 50.0  # below the 60 s and more after which providers close: no request meets a closing one
_BUFFER: Final = 50 * 1024 * 1024  # towards the inspectors: whole bodies pass
_ABSENT: Final[Json] = {
    "split_external_local_origin_errors": True,
    "consecutive_local_origin_failure": 1,
    "enforcing_consecutive_local_origin_failure": 100,
    "enforcing_local_origin_success_rate": 0,
    "enforcing_success_rate": 0,
    "enforcing_consecutive_5xx": 0,
    "enforcing_consecutive_gateway_failure": 0,
    "interval": "0.25s",
    "base_ejection_time": "0.5s",
    "max_ejection_time": "0.5s",
    "max_ejection_percent": 100,
}
_H2_STREAM: Final = 256 * 1024  # what Envoy holds for an inspector that does not read: without it 16 MiB per call
_H2_CONNECTION: Final = 1024 * 1024


def arm_order(model: Model, backend: Backend) -> tuple[Backend, ...]:
    """The attempts of an arm: its backend with its retries, then the fallbacks. Every arm has as many, because the
    number of retries belongs to the route; a fallback that is the arm's own backend is simply tried again."""
    return (*pinned_order(model, backend), *model.fallback)


def pinned_order(model: Model, backend: Backend) -> tuple[Backend, ...]:
    """The attempts of a pinned call: the backend alone."""
    return (backend,) * (1 + model.retries.max)


def pinned_backends(model: Model) -> tuple[Backend, ...]:
    """Every backend that a policy may pin `model` to: each that it names, once."""
    return tuple(dict.fromkeys((*(arm.backend for arm in model.arms), *model.fallback)))


def clusters(resolved: Resolved, places: Places, machine: Machine) -> list[Json]:
    """Every cluster, sub-clusters before the composites that name them."""
    backends = sorted({b for model in resolved.models.values() for b in pinned_backends(model)}, key=lambda b: b.name)
    found = [_extproc(places, machine.inspectors)]
    found += [_sub_cluster(resolved.providers[b.provider], b, places, machine.system_ca) for b in backends]
    for model in resolved.models.values():
        for arm in model.arms:
            name = contract.arm_cluster(model.name, arm.backend.name)
            found.append(_composite(name, arm_order(model, arm.backend), resolved))
        for backend in pinned_backends(model):
            name = contract.pinned_cluster(model.name, backend.name)
            found.append(_composite(name, pinned_order(model, backend), resolved))
    return found


def _composite(name: str, order: Iterable[Backend], resolved: Resolved) -> Json:
    attempts = [*order]
    providers = [resolved.providers[provider] for provider in dict.fromkeys(b.provider for b in attempts)]
    options = {
        # the protocol is the sub-cluster's; Envoy wants one here all the same
        "explicit_http_config": {"http_protocol_options": {}},
        "http_filters": egress_filters(providers, resolved.telemetry.server_timing),
    }
    return {
        "name": name,
        "lb_policy": "CLUSTER_PROVIDED",
        "connect_timeout": seconds(_CONNECT_WITHIN),
        "cluster_type": extension(
            "envoy.clusters.composite",
            "envoy.extensions.clusters.composite.v3.ClusterConfig",
            {"clusters": [{"name": contract.backend_cluster(backend.name)} for backend in attempts]},
        ),
        # the default of three parallel retries would fail all but three of many calls that need their fallback
        "circuit_breakers": _breakers(LIFTED),
        "typed_extension_protocol_options": {HTTP_OPTIONS: typed(HTTP_OPTIONS, options)},
    }


def _sub_cluster(provider: Provider, backend: Backend, places: Places, system_ca: Path) -> Json:
    outlier = provider.outlier
    cluster: Json = {
        "name": contract.backend_cluster(backend.name),
        "connect_timeout": seconds(_CONNECT_WITHIN),
        "load_assignment": _endpoints(provider, backend, places),
        # an ejected sub-cluster is skipped in the same attempt, but only if all of it may be ejected and panic is off
        "outlier_detection": {
            "consecutive_5xx": outlier.consecutive_5xx,
            "enforcing_consecutive_5xx": 100,
            "consecutive_gateway_failure": outlier.consecutive_5xx,
            "enforcing_success_rate": 0,
            "interval": seconds(outlier.interval),
            "base_ejection_time": seconds(outlier.eject),
            "max_ejection_time": seconds(max(300.0, outlier.eject)),
            "max_ejection_percent": 100,
        },
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "circuit_breakers": _breakers(provider.max_requests),
        "upstream_connection_options": {"tcp_keepalive": {}},
        "typed_extension_protocol_options": {HTTP_OPTIONS: typed(HTTP_OPTIONS, _protocol(provider.scheme == "https"))},
        **_discovery(provider.host),
    }
    if provider.scheme == "https" and provider.host:
        cluster["transport_socket"] = upstream_tls(provider.host, provider.ca or system_ca)
    return cluster


def _protocol(tls: bool) -> Json:
    chosen: Json = (
        {"auto_config": {"http_protocol_options": {}, "http2_protocol_options": {}}}  # by ALPN
        if tls
        else {"explicit_http_config": {"http_protocol_options": {}}}
    )
    return {**chosen, "common_http_protocol_options": {"idle_timeout": seconds(_IDLE_UPSTREAM)}}


def _discovery(host: str | None) -> Json:
    """A name is one logical host: ejection judges the provider, not one of its addresses. One that does not resolve
    holds up nobody else."""
    if host is None or _is_address(host):
        return {"type": "STATIC"}
    return {
        "type": "LOGICAL_DNS",
        "dns_lookup_family": "ALL",
        "wait_for_warm_on_init": False,
        "dns_refresh_rate": "30s",
        "respect_dns_ttl": True,
    }


def _endpoints(provider: Provider, backend: Backend, places: Places) -> Json:
    metadata = {
        "provider": provider.name,
        "model": backend.model,
        "model_json": json.dumps(backend.model),  # ASCII: it travels in a header to the filter that needs it
        "path": provider.base_path,
        "api": provider.api,
    }
    address: Json = (
        {"pipe": {"path": str(places.mock_socket(provider.name))}}
        if provider.host is None
        else {"socket_address": {"address": provider.host.strip("[]"), "port_value": provider.port}}
    )
    endpoint = {
        "endpoint": {"hostname": _host_header(provider), "address": address},
        "metadata": {"filter_metadata": {contract.ENDPOINT: metadata}},
    }
    return {
        "cluster_name": contract.backend_cluster(backend.name),
        "endpoints": [{"lb_endpoints": [endpoint]}],
    }


def _host_header(provider: Provider) -> str:
    """What the provider sees as Host. Over TLS it is also the name that is verified, so it has no port there."""
    if provider.host is None:
        return f"{provider.name}.mock"
    plain_on_own_port = provider.scheme == "http" and provider.port not in (None, 80)
    return f"{provider.host}:{provider.port}" if plain_on_own_port else provider.host


def _extproc(places: Places, inspectors: int) -> Json:
    paths = [str(places.inspector_socket(number)) for number in range(inspectors)]
    options = {
        "explicit_http_config": {
            "http2_protocol_options": {
                "initial_stream_window_size": _H2_STREAM,
                "initial_connection_window_size": _H2_CONNECTION,
            }
        }
    }
    return {
        "name": contract.EXTPROC_CLUSTER,
        "type": "STATIC",
        "lb_policy": "LEAST_REQUEST",
        "connect_timeout": "1s",
        "per_connection_buffer_limit_bytes": _BUFFER,
        "circuit_breakers": _breakers(LIFTED),
        # an inspector that is dead has nothing open, so it would be the one with the least requests
        "outlier_detection": _ABSENT,
        "load_assignment": {
            "cluster_name": contract.EXTPROC_CLUSTER,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"pipe": {"path": path}}}} for path in paths]}],
        },
        "typed_extension_protocol_options": {HTTP_OPTIONS: typed(HTTP_OPTIONS, options)},
    }


def _breakers(requests: int) -> Json:
    lifted = {"max_connections": LIFTED, "max_pending_requests": LIFTED, "max_retries": LIFTED}
    return {"thresholds": [{**lifted, "max_requests": requests}]}


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
