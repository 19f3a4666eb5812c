"""LDS: the listeners of the ingress gate. Plain and TLS differ in the transport socket alone."""

from typing import Final

from forebay import contract
from forebay.config.resolved import Address, Resolved
from forebay.places import Places
from xds.translate import record
from xds.translate.chain import http_filters
from xds.translate.early_headers import early_headers
from xds.translate.local_reply import local_reply_config
from xds.translate.machine import Machine
from xds.translate.shapes import Json, extension, over_ads, seconds

# answers whose values are restored are buffered whole in the connection's buffer
CONNECTION_BUFFER: Final = 8 * 1024 * 1024
_HEADERS_WITHIN: Final = 10.0
_REQUEST_WITHIN: Final = 300.0  # 20 MiB over a slow line
_IDLE_STREAM: Final = 120.0  # until the processor has named a route; the route's own limits hold from then on
_LONGEST: Final = 24 * 3600.0 + 2 * _REQUEST_WITHIN  # more than any route's `total`, and all that comes before it
_IDLE_CONNECTION: Final = 300.0
_HEADER_KIB: Final = 60
_HEADERS: Final = 100


def listeners(resolved: Resolved, places: Places, machine: Machine) -> list[Json]:
    """One listener per configured address."""
    manager = _connection_manager(resolved, places, machine)
    found = []
    if resolved.listen.http:
        found.append(_listener(contract.INGRESS_LISTENER_HTTP, resolved.listen.http, {"filters": [manager]}))
    if resolved.listen.https:
        chain = {"filters": [manager], "transport_socket": _tls(), "transport_socket_connect_timeout": "10s"}
        found.append(_listener(contract.INGRESS_LISTENER_HTTPS, resolved.listen.https.address, chain))
    return found


def _listener(name: str, address: Address, chain: Json) -> Json:
    return {
        "name": name,
        "address": {"socket_address": {"address": address.host, "port_value": address.port}},
        "filter_chains": [chain],
        "per_connection_buffer_limit_bytes": CONNECTION_BUFFER,
        "tcp_backlog_size": 4096,
    }


def _tls() -> Json:
    certificate = {"name": contract.CERTIFICATE, "sds_config": over_ads()}
    return extension(
        "envoy.transport_sockets.tls",
        "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        {
            "common_tls_context": {
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
                "tls_certificate_sds_secret_configs": [certificate],
                "alpn_protocols": ["h2", "http/1.1"],
            }
        },
    )


def _connection_manager(resolved: Resolved, places: Places, machine: Machine) -> Json:
    return extension(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        {
            "stat_prefix": "ingress",
            "codec_type": "AUTO",
            "rds": {"route_config_name": contract.ROUTE_CONFIG, "config_source": over_ads()},
            "http_filters": http_filters(resolved, places, machine),
            "local_reply_config": local_reply_config(),
            "access_log": [record.of_request(str(places.envoy_record))],
            **_request_line_and_headers(resolved),
            **_limits(),
        },
    )


def _request_line_and_headers(resolved: Resolved) -> Json:
    return {
        "early_header_mutation_extensions": early_headers(resolved.telemetry.server_timing),
        "use_remote_address": True,
        "xff_num_trusted_hops": resolved.listen.trusted_hops,
        # nobody is internal; an empty list would mean the private networks, so it names an address nobody has
        "internal_address_config": {"cidr_ranges": [{"address_prefix": "0.0.0.0", "prefix_len": 32}]},  # noqa: S104
        "generate_request_id": True,
        "preserve_external_request_id": False,
        "always_set_request_id_in_response": True,
        # paths are compared as they came: whatever needs normalising is unknown here
        "normalize_path": False,
        "merge_slashes": False,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        # no name of ours in answers; the egress gate removes the provider's
        "server_header_transformation": "PASS_THROUGH",
    }


def _limits() -> Json:
    return {
        "request_headers_timeout": seconds(_HEADERS_WITHIN),
        "request_timeout": seconds(_REQUEST_WITHIN),
        "stream_idle_timeout": seconds(_IDLE_STREAM),
        # a reader that pauses must not lose the end of an answer whose connection is to be closed; the default is 1 s
        "delayed_close_timeout": "5s",
        "max_request_headers_kb": _HEADER_KIB,
        "common_http_protocol_options": {
            "idle_timeout": seconds(_IDLE_CONNECTION),
            "max_stream_duration": seconds(_LONGEST),
            "max_headers_count": _HEADERS,
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "http_protocol_options": {"accept_http_10": False},
        "http2_protocol_options": {
            "max_concurrent_streams": 256,
            "initial_stream_window_size": 256 * 1024,
            "initial_connection_window_size": 1024 * 1024,
            "allow_connect": False,
        },
    }
