"""The fields of the record as Envoy writes them: one JSON line per request, one per attempt, joined by `id`.

Content-free by construction: no path, query, credential, claim or body appears among the operators below. They all
give texts and numbers: a whole namespace of metadata, or a filter state with its types, costs Envoy 25 µs a line.
"""

from typing import Final

from forebay import contract
from xds.translate.shapes import Json, extension

_METHOD_LENGTH: Final = 16  # a method is the caller's text
_TIME: Final = "%START_TIME(%Y-%m-%dT%H:%M:%S.%6fZ)%"
_UPSTREAM: Final = {
    "provider": f"%UPSTREAM_METADATA({contract.ENDPOINT}:provider)%",
    "model": f"%UPSTREAM_METADATA({contract.ENDPOINT}:model)%",
}


def of_request(path: str) -> Json:
    """The access log of requests: everything that reached a listener has its line, the probe included.

    The config's digest comes from the route: standing here it would make a new listener of every change.
    """
    return _file(
        path,
        {
            "kind": "%ACCESS_LOG_TYPE%",
            "id": f"%REQUEST_HEADER({contract.REQUEST_ID})%",
            "time": _TIME,
            "method": f"%REQUEST_HEADER(:method):{_METHOD_LENGTH}%",
            "route": "%ROUTE_NAME%",
            "status": "%RESPONSE_CODE%",
            "details": "%RESPONSE_CODE_DETAILS%",
            "flags": "%RESPONSE_FLAGS%",
            "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
            "duration_ms": "%DURATION%",
            "first_byte_ms": "%RESPONSE_DURATION%",
            "request_ms": "%REQUEST_DURATION%",
            "bytes_in": "%BYTES_RECEIVED%",
            "bytes_out": "%BYTES_SENT%",
            # the network, not the subscriber: one mask serves both families, so IPv6 is coarser than it need be
            "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(24)%",
            "protocol": "%PROTOCOL%",
            "tls": "%DOWNSTREAM_TLS_VERSION%",
            "tenant": f"%DYNAMIC_METADATA({contract.IDENTITY}:tenant)%",
            "caller": f"%DYNAMIC_METADATA({contract.IDENTITY}:client)%",
            contract.CALL_FORWARDED: f"%DYNAMIC_METADATA({contract.CALL}:{contract.CALL_FORWARDED})%",
            contract.CALL_ANSWERED: f"%DYNAMIC_METADATA({contract.CALL}:{contract.CALL_ANSWERED})%",
            **_UPSTREAM,
            "processor": f"%FILTER_STATE({contract.EXTPROC_FILTER}:PLAIN)%",
            "config": f"%METADATA(ROUTE:{contract.ENDPOINT}:config)%",
        },
    )


def of_attempt(path: str) -> Json:
    """The router's upstream log: one line when an attempt at a provider has ended, however it ended."""
    ended = {"log_type_filter": {"types": ["UpstreamEnd"]}}
    fields = {
        "kind": "%ACCESS_LOG_TYPE%",
        "id": f"%REQUEST_HEADER({contract.REQUEST_ID})%",
        "time": _TIME,
        **_UPSTREAM,
        "status": "%RESPONSE_CODE%",
        "flags": "%RESPONSE_FLAGS%",
        "duration_ms": "%DURATION%",
        "bytes_out": "%BYTES_SENT%",
        "bytes_in": "%BYTES_RECEIVED%",
    }
    return {**_file(path, fields), "filter": ended}


def _file(path: str, fields: dict[str, str]) -> Json:
    return extension(
        "record",
        "envoy.extensions.access_loggers.file.v3.FileAccessLog",
        {"path": path, "log_format": {"json_format": fields}},
    )
