"""The words that the configs of bare Envoys are written in: each function returns a piece of Envoy's own JSON.

Nothing of Forebay's translation is in here: the facts asserted with these configs are Envoy's alone.
"""

from typing import Any

Json = dict[str, Any]

ROUTER = "extensions.filters.http.router.v3.Router"
EXT_PROC = "extensions.filters.http.ext_proc.v3.ExternalProcessor"
HTTP_OPTIONS = "extensions.upstreams.http.v3.HttpProtocolOptions"
COMPOSITE_FILTER = "extensions.filters.http.composite.v3"

NO_BACK_OFF = {"base_interval": "0.001s", "max_interval": "0.002s"}
FULL_DUPLEX = {"response_body_mode": "FULL_DUPLEX_STREAMED", "response_trailer_mode": "SEND"}
"""What must be asked for together."""


def typed(kind: str, **fields: Any) -> Json:
    """An Any of Envoy's message `kind`, without its leading "envoy."."""
    return {"@type": f"type.googleapis.com/envoy.{kind}", **fields}


def extension(kind: str, *, called: str = "", **fields: Any) -> Json:
    """A filter, logger or the like of that message, named `called`."""
    return {"name": called or kind, "typed_config": typed(kind, **fields)}


# --- what runs -----------------------------------------------------------------------------------------------------


def config(listeners: list[Json], clusters: list[Json], **static: Any) -> Json:
    """A whole bootstrap; the admin interface takes any free port."""
    return {
        "node": {"id": "bare", "cluster": "facts"},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "bootstrap_extensions": [extension("extensions.bootstrap.internal_listener.v3.InternalListener")],
        "static_resources": {"listeners": listeners, "clusters": clusters, **static},
    }


def front(routes: list[Json], filters: list[Json] | None = None, **manager: Any) -> Json:
    """The listener that the tests call, on any free port; every request is logged."""
    return {
        "name": "front",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [_manager("front", routes, filters, access_log=[log()], **manager)]}],
    }


def internal(name: str, routes: list[Json], filters: list[Json] | None = None) -> Json:
    """An internal listener: a second connection manager inside the same Envoy."""
    return {"name": name, "internal_listener": {}, "filter_chains": [{"filters": [_manager(name, routes, filters)]}]}


def log() -> Json:
    """One JSON line per request on Envoy's standard output."""
    form = {
        "status": "%RESPONSE_CODE%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "flags": "%RESPONSE_FLAGS%",
        "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "call": "%DYNAMIC_METADATA(forebay.call)%",
    }
    return extension("extensions.access_loggers.stream.v3.StdoutAccessLog", log_format={"json_format": form})


def _manager(name: str, routes: list[Json], filters: list[Json] | None, **more: Any) -> Json:
    hosts = [{"name": "all", "domains": ["*"], "routes": routes}]
    return extension(
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        route_config={"name": name, "virtual_hosts": hosts},
        http_filters=[*(filters or []), extension(ROUTER)],
        **more,
    )


def route(cluster: str, *, retries: int = 0, when: Json | None = None, **more: Any) -> Json:
    """All that carries the headers of `when` goes to `cluster`. `action` adds to where to, `more` to the route."""
    matched: Json = {"prefix": "/"}
    if when:
        matched["headers"] = [{"name": name, "string_match": {"exact": value}} for name, value in when.items()]
    action: Json = {"cluster": cluster, "timeout": "0s"}
    if retries:
        action["retry_policy"] = {"retry_on": "5xx,reset,connect-failure", "num_retries": retries} | {
            "retry_back_off": NO_BACK_OFF
        }
    action |= more.pop("action", {})
    return {"match": matched, "route": action, **more}


# --- where it goes -------------------------------------------------------------------------------------------------


def cluster(name: str, port: int, *, about: Json | None = None, filters: list[Json] | None = None, **more: Any) -> Json:
    """One endpoint on `port`, with `about` as its metadata and upstream `filters`."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return _static(name, address, about) | _options(filters) | more


def with_trailers(name: str, port: int) -> Json:
    """A cluster whose HTTP/1 trailers are read; the listener must be told as well."""
    options = typed(HTTP_OPTIONS, explicit_http_config={"http_protocol_options": {"enable_trailers": True}})
    key = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    return cluster(name, port, typed_extension_protocol_options={key: options})


def into(name: str, listener: str, *, about: Json | None = None) -> Json:
    """A cluster whose endpoint is an internal listener."""
    return _static(name, {"envoy_internal_address": {"server_listener_name": listener}}, about)


def processor_cluster(port: int, **http2: Any) -> Json:
    """The cluster "extproc", with HTTP/2 options."""
    options = typed(HTTP_OPTIONS, explicit_http_config={"http2_protocol_options": http2})
    key = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    return cluster("extproc", port, typed_extension_protocol_options={key: options})


def composite(name: str, *parts: str, filters: list[Json] | None = None, **more: Any) -> Json:
    """Attempt n goes to the n-th part."""
    return _group(name, "composite", filters, clusters=[{"name": part} for part in parts]) | more


def aggregate(name: str, *parts: str, filters: list[Json] | None = None) -> Json:
    """The first healthy part."""
    return _group(name, "aggregate", filters, clusters=list(parts))


def _group(name: str, kind: str, filters: list[Json] | None, **fields: Any) -> Json:
    return {
        "name": name,
        "connect_timeout": "1s",
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": extension(
            f"extensions.clusters.{kind}.v3.ClusterConfig", called=f"envoy.clusters.{kind}", **fields
        ),
        **_options(filters),
    }


def _static(name: str, address: Json, about: Json | None) -> Json:
    endpoint: Json = {"endpoint": {"address": address, "hostname": f"{name}.test"}}
    if about:
        endpoint["metadata"] = {"filter_metadata": {"forebay": about}}
    endpoints = [{"lb_endpoints": [endpoint]}]
    return {"name": name, "type": "STATIC", "load_assignment": {"cluster_name": name, "endpoints": endpoints}}


def _options(filters: list[Json] | None) -> Json:
    if filters is None:
        return {}
    codec = extension("extensions.filters.http.upstream_codec.v3.UpstreamCodec")
    options = typed(HTTP_OPTIONS, explicit_http_config={"http_protocol_options": {}}, http_filters=[*filters, codec])
    return {"typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}}


# --- filters -------------------------------------------------------------------------------------------------------


def mode(**modes: str) -> Json:
    """Headers and buffered body of the request, nothing of the response, unless `modes` say otherwise."""
    usual = {
        "request_header_mode": "SEND",
        "request_body_mode": "BUFFERED",
        "response_header_mode": "SKIP",
        "response_body_mode": "NONE",
        "response_trailer_mode": "SKIP",
    }
    return usual | modes


def ext_proc(processing_mode: Json, **more: Any) -> Json:
    """An ext_proc filter towards the cluster "extproc"; its metadata is received as "forebay.call"."""
    fields: Json = {
        "grpc_service": {"envoy_grpc": {"cluster_name": "extproc"}, "timeout": "0s"},
        "message_timeout": "5s",
        "allow_mode_override": True,
        "metadata_options": {"receiving_namespaces": {"untyped": ["forebay.call"]}},
        "processing_mode": processing_mode,
    }
    return extension(EXT_PROC, called="ext_proc", **(fields | more))


def headers_set(headers: dict[str, str]) -> Json:
    """A header_mutation filter that overwrites these request headers."""
    changes = [
        {"append": {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
        for key, value in headers.items()
    ]
    return mutation(*changes)


def mutation(*changes: Json) -> Json:
    """A header_mutation filter with these changes of the request."""
    kind = "extensions.filters.http.header_mutation.v3.HeaderMutation"
    return extension(kind, mutations={"request_mutations": list(changes)})


def lua(source: str) -> Json:
    """A Lua filter."""
    return extension("extensions.filters.http.lua.v3.Lua", default_source_code={"inline_string": source})


def picked(header: str, choices: dict[str, Json]) -> Json:
    """A composite filter: the one of `choices` named by the request's `header` runs, or none."""
    key = typed("type.matcher.v3.HttpRequestHeaderMatchInput", header_name=header)
    actions = {
        value: {"action": extension(f"{COMPOSITE_FILTER}.ExecuteFilterAction", called="run", typed_config=chosen)}
        for value, chosen in choices.items()
    }
    tree = {"input": {"name": header, "typed_config": key}, "exact_match_map": {"map": actions}}
    return composite_filter({"matcher_tree": tree})


def composite_filter(matcher: Json) -> Json:
    """A composite filter with that matcher."""
    return extension(
        "extensions.common.matching.v3.ExtensionWithMatcher",
        called="picked",
        extension_config=extension(f"{COMPOSITE_FILTER}.Composite"),
        xds_matcher=matcher,
    )


def credential(secret: Json, *, header: str = "authorization", prefix: str = "Bearer ") -> Json:
    """A credential_injector that overwrites `header` by the secret's value."""
    generic = extension(
        "extensions.http.injected_credentials.generic.v3.Generic",
        called="envoy.http.injected_credentials.generic",
        header=header,
        header_value_prefix=prefix,
        credential=secret,
    )
    kind = "extensions.filters.http.credential_injector.v3.CredentialInjector"
    return extension(kind, overwrite=True, credential=generic)


def api_keys(*keys: str) -> Json:
    """The message of an api_key_auth filter that knows these keys, sent as x-api-key."""
    return typed(
        "extensions.filters.http.api_key_auth.v3.ApiKeyAuth",
        credentials=[{"key": key, "client": f"client-{place}"} for place, key in enumerate(keys)],
        key_sources=[{"header": "x-api-key"}],
    )
