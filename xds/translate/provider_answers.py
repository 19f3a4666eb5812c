"""custom_response: what a caller gets to see of a provider's error.

    401, 403, 407   our credentials were not accepted, and the text may quote them: 502 provider_credentials
    5xx, 3xx        every fallback has been tried: generic, without the provider's text
    everything else 400, 404, 429, ...: as the provider wrote it

Only answers that carry FROM_PROVIDER are looked at, so Envoy's own and the processor's are never touched.
"""

from typing import Final

from forebay import contract
from forebay.contract import Api
from forebay.outcomes import WORDINGS, Reason
from xds.translate.local_reply import error_body
from xds.translate.shapes import Json, action, exact_map, extension, response_header, set_header

_STATUS: Final = extension("status", "envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput")
_STATUS_CLASS: Final = extension("status-class", "envoy.type.matcher.v3.HttpResponseStatusCodeClassMatchInput")

BY_STATUS: Final = {
    401: Reason.PROVIDER_CREDENTIALS,
    403: Reason.PROVIDER_CREDENTIALS,
    407: Reason.PROVIDER_CREDENTIALS,
    504: Reason.PROVIDER_TIMEOUT,
}
BY_CLASS: Final = {"3xx": Reason.PROVIDER_ERROR, "5xx": Reason.PROVIDER_ERROR}


def provider_answers() -> Json:
    """The filter. FROM_PROVIDER names the API that the provider speaks, and so does the caller."""
    by_api: dict[str, Json] = {api: {"matcher": _by_status(api)} for api in contract.ENDPOINTS}
    return extension(
        "provider-answers",
        "envoy.extensions.filters.http.custom_response.v3.CustomResponse",
        {"custom_response_matcher": exact_map(response_header(contract.FROM_PROVIDER), by_api)},
    )


def _by_status(api: Api) -> Json:
    by_class = exact_map(_STATUS_CLASS, {name: _replace(api, reason) for name, reason in BY_CLASS.items()})
    entries = {str(code): _replace(api, reason) for code, reason in BY_STATUS.items()}
    return exact_map(_STATUS, entries, otherwise={"matcher": by_class})


def _replace(api: Api, reason: Reason) -> Json:
    return action(
        reason.value,
        "envoy.extensions.http.custom_response.local_response_policy.v3.LocalResponsePolicy",
        {
            "status_code": WORDINGS[reason].status,
            "body_format": error_body(api, reason),
            "response_headers_to_add": [set_header("content-type", "application/json")],
        },
    )
