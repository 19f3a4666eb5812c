"""ext_proc, for admitted requests only.

Request headers and the whole body are sent; of the answer the headers and trailers, and the body only when the
processor asks for it by mode_override in its answer to the response headers. A processor that needs nothing of the
answer ends its stream after the request body ("released") and is not asked again; the verdict net behind it makes
sure that no other early end passes for that.
"""

from typing import Final

from forebay import contract
from xds.translate.shapes import Json, composite, execute, extension, request_header, single

MESSAGE_TIMEOUT = "10s"  # for one answer of the processor; a 504 after that

# An inspector that ends before its first answer has decided nothing: the next one is asked instead.
_ANOTHER: Final[Json] = {
    "num_retries": 3,
    "retry_on": "connect-failure,refused-stream,reset,unavailable",
    "retry_host_predicate": [
        extension(
            "envoy.retry_host_predicates.previous_hosts",
            "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
        )
    ],
    "host_selection_retry_max_attempts": 3,
}


def processor() -> Json:
    """The composite around ext_proc; its name is the filter state's name in the record."""
    admitted = single(request_header(contract.ADMITTED), {"exact": "1"})
    return composite(
        contract.EXTPROC_FILTER,
        {"matcher_list": {"matchers": [{"predicate": admitted, "on_match": execute("process", _ext_proc())}]}},
    )


def _ext_proc() -> Json:
    return extension(
        "envoy.filters.http.ext_proc",
        "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor",
        {
            # the stream lives as long as the call; what may not take long is one answer
            "grpc_service": {
                "envoy_grpc": {"cluster_name": contract.EXTPROC_CLUSTER},
                "timeout": "0s",
                "retry_policy": _ANOTHER,
            },
            "message_timeout": MESSAGE_TIMEOUT,
            "failure_mode_allow": False,
            "status_on_error": {"code": "ServiceUnavailable"},
            "allow_mode_override": True,
            "processing_mode": {
                "request_header_mode": "SEND",
                "request_body_mode": "BUFFERED",
                "request_trailer_mode": "SKIP",
                "response_header_mode": "SEND",
                "response_body_mode": "NONE",
                "response_trailer_mode": "SEND",
            },
            # ours may be set; the path, the host and x-envoy-* may not: routing goes by x-forebay-route alone
            "mutation_rules": {
                "allow_all_routing": {"value": False},
                "disallow_system": {"value": True},
                "allow_envoy": {"value": False},
                "disallow_is_error": {"value": True},
            },
            "metadata_options": {
                # goes with every message, each piece of a stream included: what stands in headers has no place here
                "forwarding_namespaces": {"untyped": [contract.JWT_METADATA]},
                "receiving_namespaces": {"untyped": [contract.CALL]},
            },
        },
    )
