"""Envoy's own errors in the form of the API that was called, with the wordings of `forebay.outcomes`.

The first row that fits decides; each has a mapper per API. A row without a reason leaves the body as it is: that is
how the processor's own answers, and those of `provider_answers`, keep theirs. What Envoy calls the end (its "details")
picks a row but never enters a body: it may hold internal addresses.
"""

from dataclasses import dataclass
from typing import Any, Final

from forebay import contract
from forebay.contract import Api
from forebay.error_objects import error_object
from forebay.outcomes import WORDINGS, Reason
from xds.translate.shapes import Json, extension, set_header

_JSON: Final = "application/json"
_CHALLENGE: Final = set_header("www-authenticate", 'Bearer realm="forebay"')  # jwt_authn's own quotes the URL


@dataclass(frozen=True, slots=True)
class Row:
    """When `when` holds, the caller gets `reason` with its wording's status, or with Envoy's own if `keep_status`."""

    when: Json
    reason: Reason | None
    keep_status: bool = False
    headers: tuple[Json, ...] = ()


def details(expression: str) -> Json:
    """A condition on Envoy's response code details, as CEL over the variable `details`."""
    cel = extension(
        "envoy.access_loggers.extension_filters.cel",
        "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
        {"expression": expression.replace("details", "response.code_details")},
    )
    return {"extension_filter": cel}


def status(op: str, value: int) -> Json:
    # a runtime key is mandatory; nothing sets this one
    return {"status_code_filter": {"comparison": {"op": op, "value": {"default_value": value, "runtime_key": "none"}}}}


def flags(*names: str) -> Json:
    return {"response_flag_filter": {"flags": [*names]}}


def has(header: str) -> Json:
    return {"header_filter": {"header": {"name": header, "present_match": True}}}


def every(*filters: Json) -> Json:
    return {"and_filter": {"filters": [*filters]}}


ROWS: Final = (
    Row(details(f"details.startsWith('{contract.DETAILS_PREFIX}')"), None),
    Row(details("details == ''"), None),  # of `provider_answers`: it gives no details, everything else does
    # a provider's key is not there (its file or variable is missing): a 401 to Envoy, but not the caller's
    Row(details("details == 'failed_to_inject_credential'"), Reason.PROVIDER_CREDENTIALS),
    # who asks
    Row(status("EQ", 401), Reason.UNAUTHENTICATED, headers=(_CHALLENGE,)),
    Row(details("details.startsWith('jwt_authn')"), Reason.FORBIDDEN, headers=(_CHALLENGE,)),
    Row(every(details("details.startsWith('rbac')"), has(contract.ADMITTED)), Reason.UNGUARDED),
    Row(details("details.startsWith('rbac')"), Reason.UNKNOWN_TENANT),
    Row(every(details("details == 'local_rate_limited'"), has(contract.TENANT)), Reason.TENANT_RATE_LIMITED),
    Row(details("details == 'local_rate_limited'"), Reason.CLIENT_RATE_LIMITED),
    # the processor
    Row(details("details.startsWith('ext_proc_error_per-message_timeout')"), Reason.PROCESSOR_TIMEOUT),
    Row(details("details.startsWith('ext_proc')"), Reason.PROCESSOR_UNAVAILABLE),
    Row(details("details == 'response_payload_too_large'"), Reason.ANSWER_UNREADABLE),
    # a route that nobody has: below, its flag would be that of a provider without a cluster. With the processor's
    # choice in the header its config and Envoy's are not the same yet.
    Row(every(status("EQ", 404), has(contract.ROUTE)), Reason.ROUTE_UNKNOWN),
    Row(status("EQ", 404), Reason.UNKNOWN_PATH),
    # the caller was too slow with its own request
    Row(status("EQ", 408), Reason.BAD_REQUEST, keep_status=True),
    # the providers
    Row(flags("UT"), Reason.PROVIDER_TIMEOUT),
    Row(flags("UO"), Reason.OVERLOADED),
    Row(flags("UH", "UF", "NC"), Reason.PROVIDER_UNREACHABLE),
    Row(flags("UC", "UR", "LR", "UPE"), Reason.PROVIDER_RESET),
    Row(every(flags("SI", "DT"), has(contract.ROUTE)), Reason.PROVIDER_TIMEOUT),
    # the request itself
    Row(details("details == 'upgrade_failed'"), Reason.UPGRADE_REFUSED),
    Row(status("EQ", 405), Reason.METHOD_NOT_ALLOWED),
    Row(status("EQ", 413), Reason.BODY_TOO_LARGE),
    Row(flags("OM"), Reason.OVERLOADED),
    Row(status("EQ", 503), Reason.OVERLOADED),
    Row(status("EQ", 501), Reason.BAD_REQUEST),  # a transfer coding that Envoy does not know
    Row(status("GE", 500), Reason.INTERNAL, keep_status=True),
    Row(status("GE", 400), Reason.BAD_REQUEST, keep_status=True),
)

_FIELDS: Final = {
    "paths": ", ".join((*(path for paths in contract.ENDPOINTS.values() for path in paths), contract.MODELS)),
    "allowed": "POST",
}
_OWN: Final[dict[Api, Json]] = {
    "openai": {},
    "anthropic": {"request_id": f"%REQ({contract.REQUEST_ID})%"},
}
# as it came, or as the egress gate wrote it for a provider
_CALLS_MESSAGES: Final = {
    "header_filter": {
        "header": {
            "name": ":path",
            "string_match": {"safe_regex": {"regex": rf"(/.*)?{contract.MESSAGES}(\?.*)?|{contract.MESSAGES}/.*"}},
        }
    }
}


def local_reply_config() -> Json:
    """The connection manager's local_reply_config."""
    return {"mappers": [mapper for row in ROWS for mapper in _mappers(row)]}


def error_body(api: Api, reason: Reason) -> Json:
    """The error of an API as Envoy's format, for a reason whose wording needs nothing of the request."""
    return {"json_format": {**_escaped(error_object(api, reason, _FIELDS)), **_OWN[api]}, "content_type": _JSON}


def _mappers(row: Row) -> list[Json]:
    if row.reason is None:
        return [{"filter": row.when}]
    shared: Json = {}
    if not row.keep_status:
        shared["status_code"] = WORDINGS[row.reason].status
    if row.headers:
        shared["headers_to_add"] = [*row.headers]
    forms: list[tuple[Json, Api]] = [(every(_CALLS_MESSAGES, row.when), "anthropic"), (row.when, "openai")]
    return [{"filter": when, "body_format_override": error_body(api, row.reason), **shared} for when, api in forms]


def _escaped(value: Any) -> Any:
    """Per cent signs doubled: Envoy reads a single one as the start of an operator."""
    if isinstance(value, dict):
        return {key: _escaped(inner) for key, inner in value.items()}
    return value.replace("%", "%%") if isinstance(value, str) else value
