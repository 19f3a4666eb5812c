"""The error a caller gets for a reason, in the form of the API it calls. Both planes answer with these.

openai      {"error": {"message", "type", "param", "code"}}
anthropic   {"type": "error", "error": {"type", "message"}, "request_id"}
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from forebay import contract
from forebay.contract import Api
from forebay.outcomes import WORDINGS, Reason

# `param` for the wordings that name their field in words of their own.
_PARAMS: Final[Mapping[Reason, str]] = {
    Reason.EMPTY_MESSAGES: "messages",
    Reason.UNKNOWN_MODEL: "model",
    Reason.WRONG_ENDPOINT: "model",
    Reason.MODEL_NOT_ALLOWED: "model",
    Reason.LOGPROBS_WITH_REDACTION: "logprobs",
    Reason.LOGPROBS_WITH_GUARD: "logprobs",
}

# Anthropic's error types by HTTP status; what is not listed is the caller's fault below 500 and ours from there on.
_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
}
_TYPES_OF_REASONS: Final[Mapping[Reason, str]] = {
    Reason.OVERLOADED: "overloaded_error",
    Reason.ANSWER_BLOCKED: "api_error",  # in place of an error of the provider's, with its status
    Reason.UNGUARDED: "api_error",  # a 403 that is no fault of the caller's
}


def error_object(api: Api, reason: Reason, fields: Mapping[str, Any], request_id: str = "") -> dict[str, Any]:
    """The error of `api` for `reason`; `fields` fill the braces of its wording, and `path` among them is the `param`.

    Raises ValueError for a reason that has no wording (an answer passed on as it is), KeyError when `fields` leaves a
    brace of the wording empty: both are defects of the calling code.
    """
    message = WORDINGS[reason].message
    if not message:
        raise ValueError(f"{reason.value} has no error body of ours")
    return _FORMS[api](reason, message.format_map(fields), fields, request_id)


def api_of(path: str) -> Api:
    """Whose errors a caller of this path understands; without its query."""
    under_messages = path == contract.MESSAGES or path.startswith(contract.MESSAGES + "/")
    return "anthropic" if under_messages else "openai"


def _openai(reason: Reason, message: str, fields: Mapping[str, Any], _: str) -> dict[str, Any]:
    param = fields.get("path", _PARAMS.get(reason))
    return {"error": {"message": message, "type": WORDINGS[reason].type, "param": param, "code": reason.value}}


def _anthropic(reason: Reason, message: str, _: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": anthropic_type(reason), "message": message}, "request_id": request_id}


def anthropic_type(reason: Reason) -> str:
    """The `type` of Anthropic's error for a reason."""
    status = WORDINGS[reason].status
    by_status = _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    return _TYPES_OF_REASONS.get(reason, by_status)


_FORMS: Final[Mapping[Api, Callable[[Reason, str, Mapping[str, Any], str], dict[str, Any]]]] = {
    "openai": _openai,
    "anthropic": _anthropic,
}
