"""Small snapshots, as Envoy understands them."""

from typing import Any

from forebay import contract
from forebay.envoy_api.build import build, type_url
from xds.snapshot import Snapshot

Json = dict[str, Any]
HCM = type_url("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager")
ROUTER = type_url("envoy.extensions.filters.http.router.v3.Router")


def cluster(name: str, port: int = 1, **rest: Any) -> Any:
    """A static cluster on loopback."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    assignment = {"cluster_name": name, "endpoints": endpoints}
    data = {"name": name, "connect_timeout": "1s", "type": "STATIC", "load_assignment": assignment, **rest}
    return build("envoy.config.cluster.v3.Cluster", data)


def routes(*arms: str, name: str = contract.ROUTE_CONFIG) -> Any:
    """Everything to these clusters, in equal parts."""
    weight = contract.BUCKETS // len(arms)
    action = {"weighted_clusters": {"clusters": [{"name": arm, "weight": weight} for arm in arms]}}
    host = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": action}]}
    return build("envoy.config.route.v3.RouteConfiguration", {"name": name, "virtual_hosts": [host]})


def listener(port: int = 1, *, filters: tuple[Json, ...] = (), rds: str = contract.ROUTE_CONFIG) -> Any:
    """A plain HTTP listener whose routes come over ADS."""
    manager = {
        "@type": HCM,
        "stat_prefix": "in",
        "rds": {"route_config_name": rds, "config_source": {"ads": {}, "resource_api_version": "V3"}},
        "http_filters": [*filters, {"name": "router", "typed_config": {"@type": ROUTER}}],
    }
    data = {
        "name": "in",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "hcm", "typed_config": manager}]}],
    }
    return build("envoy.config.listener.v3.Listener", data)


def secret(name: str, text: str = "sk-in-the-snapshot") -> Any:
    """A provider key, inline: it must never be seen again."""
    data = {"name": name, "generic_secret": {"secret": {"inline_string": text}}}
    return build("envoy.extensions.transport_sockets.tls.v3.Secret", data)


def injector(name: str) -> Json:
    """The filter that puts the secret `name` into the Authorization header."""
    generic = {
        "@type": type_url("envoy.extensions.http.injected_credentials.generic.v3.Generic"),
        "credential": {"name": name, "sds_config": {"ads": {}, "resource_api_version": "V3"}},
    }
    config = {
        "@type": type_url("envoy.extensions.filters.http.credential_injector.v3.CredentialInjector"),
        "credential": {"name": "envoy.http.injected_credentials.generic", "typed_config": generic},
    }
    return {"name": "injector", "typed_config": config}


def small(port: int = 1, upstream: int = 1, name: str = "one") -> Snapshot:
    """One listener, one route, one cluster."""
    return Snapshot.of([listener(port), routes(name), cluster(name, upstream)])
