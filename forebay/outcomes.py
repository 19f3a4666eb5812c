"""The closed lists of the record: how a request can end (Outcome) and why (Reason).

Every reason knows the status and wording the caller gets, in OpenAI's error vocabulary, and the outcome it means.
Texts are fixed: nothing of a prompt, a key or a provider's error ever enters them. `{...}` fields are filled with
names and numbers of ours only.
"""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a request ended; each has exactly one."""

    COMPLETED = "completed"  # the provider's answer reached the caller
    ANSWERED = "answered"  # answered by the gateway itself: model list, probe
    BLOCKED = "blocked"  # a guard or a policy refused it
    REFUSED = "refused"  # the caller's fault: malformed, unknown, unauthenticated, over a limit
    FAILED = "failed"  # a provider's or our own fault
    ABORTED = "aborted"  # the caller went away


@dataclass(frozen=True, slots=True)
class Wording:
    """What a caller gets for a reason: HTTP status (0: none) and the fields of OpenAI's error object.

    Once the head of an answer is out its status stays: a stream that breaks off was a 200.
    """

    outcome: Outcome
    status: int
    type: str
    message: str


class Reason(StrEnum):
    """Why a request ended as it did. The value is also the `code` of the error the caller gets."""

    # completed, answered
    OK = "ok"
    MODEL_LIST = "model_list"
    PROBE = "probe"
    # blocked
    PROMPT_INJECTION = "prompt_injection"
    PERSONAL_DATA = "personal_data"
    SECRET = "secret"  # noqa: S105
    SIGNED_TEXT = "signed_text"
    POLICY_DENIED = "policy_denied"
    ANSWER_BLOCKED = "answer_blocked"
    BLOCKED_IN_STREAM = "blocked_in_stream"
    # refused: the body
    MALFORMED_JSON = "malformed_json"
    DUPLICATE_KEY = "duplicate_key"
    INVALID_ENCODING = "invalid_encoding"
    TOO_DEEP = "too_deep"
    EMPTY_BODY = "empty_body"
    MISSING_FIELD = "missing_field"
    INVALID_TYPE = "invalid_type"
    INVALID_VALUE = "invalid_value"
    EMPTY_MESSAGES = "empty_messages"
    UNKNOWN_ROLE = "unknown_role"
    TOKEN_IDS = "token_ids"  # noqa: S105
    CAP_EXCEEDED = "cap_exceeded"
    UNKNOWN_MODEL = "unknown_model"
    WRONG_ENDPOINT = "wrong_endpoint"
    LOGPROBS_WITH_REDACTION = "logprobs_with_redaction"
    LOGPROBS_WITH_GUARD = "logprobs_with_guard"
    STORED_STATE = "stored_state"
    # refused: the request line and headers
    UNKNOWN_PATH = "unknown_path"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    QUERY_NOT_ACCEPTED = "query_not_accepted"
    CONTENT_ENCODING = "content_encoding"
    CONTENT_TYPE = "content_type"
    BODY_TOO_LARGE = "body_too_large"
    UPGRADE_REFUSED = "upgrade_refused"
    BAD_REQUEST = "bad_request"
    # refused: who asks
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    UNKNOWN_TENANT = "unknown_tenant"
    MODEL_NOT_ALLOWED = "model_not_allowed"
    CLIENT_RATE_LIMITED = "client_rate_limited"
    TENANT_RATE_LIMITED = "tenant_rate_limited"
    # failed: ours
    GUARD_FAILED = "guard_failed"
    POLICY_FAILED = "policy_failed"
    UNGUARDED = "unguarded"
    PROCESSOR_UNAVAILABLE = "processor_unavailable"
    PROCESSOR_TIMEOUT = "processor_timeout"
    ROUTE_UNKNOWN = "route_unknown"
    INTERNAL = "internal"
    OVERLOADED = "overloaded"
    # failed: the provider's
    PROVIDER_CREDENTIALS = "provider_credentials"
    PROVIDER_REFUSED = "provider_refused"
    PROVIDER_RATE_LIMITED = "provider_rate_limited"
    PROVIDER_ERROR = "provider_error"
    PROVIDER_UNREACHABLE = "provider_unreachable"
    PROVIDER_TIMEOUT = "provider_timeout"
    PROVIDER_RESET = "provider_reset"
    ANSWER_UNREADABLE = "answer_unreadable"
    # aborted
    CLIENT_GONE = "client_gone"


_INVALID = "invalid_request_error"
_DENIED = "permission_error"
_SERVER = "server_error"

WORDINGS: dict[Reason, Wording] = {
    Reason.OK: Wording(Outcome.COMPLETED, 200, "", ""),
    Reason.MODEL_LIST: Wording(Outcome.ANSWERED, 200, "", ""),
    Reason.PROBE: Wording(Outcome.ANSWERED, 200, "", ""),
    Reason.PROMPT_INJECTION: Wording(
        Outcome.BLOCKED, 403, "guard_blocked", "The request was blocked: it looks like a prompt injection."
    ),
    Reason.PERSONAL_DATA: Wording(
        Outcome.BLOCKED, 403, "guard_blocked", "The request was blocked: it holds personal data ({what})."
    ),
    Reason.SECRET: Wording(
        Outcome.BLOCKED, 403, "guard_blocked", "The request was blocked: it holds a secret ({what})."
    ),
    Reason.SIGNED_TEXT: Wording(
        Outcome.BLOCKED,
        403,
        "guard_blocked",
        "The request was blocked: a thinking block holds personal data or a secret ({what}) that cannot be redacted, "
        "because the provider has signed it. Send the conversation without that block.",
    ),
    Reason.POLICY_DENIED: Wording(Outcome.BLOCKED, 403, "policy_denied", "The request was denied by policy{what}."),
    # the caller gets an answer that ends with `content_filter`, not an error, except in place of a provider's error
    Reason.ANSWER_BLOCKED: Wording(
        Outcome.BLOCKED,
        200,
        "guard_blocked",
        "The provider answered with an error, and this gateway's guard on answers blocked its text.",
    ),
    Reason.BLOCKED_IN_STREAM: Wording(Outcome.BLOCKED, 200, "", ""),
    Reason.MALFORMED_JSON: Wording(Outcome.REFUSED, 400, _INVALID, "The body is not valid JSON (at byte {at})."),
    Reason.DUPLICATE_KEY: Wording(Outcome.REFUSED, 400, _INVALID, "The body names a key twice (at byte {at})."),
    Reason.INVALID_ENCODING: Wording(
        Outcome.REFUSED, 400, _INVALID, "The body is not well-formed UTF-8 text without BOM (at byte {at})."
    ),
    Reason.TOO_DEEP: Wording(Outcome.REFUSED, 400, _INVALID, "The body is nested deeper than {limit} levels."),
    Reason.EMPTY_BODY: Wording(Outcome.REFUSED, 400, _INVALID, "The request has no body; send a JSON object."),
    Reason.MISSING_FIELD: Wording(Outcome.REFUSED, 400, _INVALID, "Missing required parameter: '{path}'."),
    Reason.INVALID_TYPE: Wording(Outcome.REFUSED, 400, _INVALID, "Invalid type for '{path}': expected {expected}."),
    Reason.INVALID_VALUE: Wording(Outcome.REFUSED, 400, _INVALID, "Invalid value for '{path}': expected {expected}."),
    Reason.EMPTY_MESSAGES: Wording(Outcome.REFUSED, 400, _INVALID, "'messages' is empty: send at least one message."),
    Reason.UNKNOWN_ROLE: Wording(Outcome.REFUSED, 400, _INVALID, "Unknown role in '{path}': expected {expected}."),
    Reason.TOKEN_IDS: Wording(
        Outcome.REFUSED, 400, _INVALID, "'{path}' holds token ids: send text, token ids cannot be inspected."
    ),
    Reason.CAP_EXCEEDED: Wording(Outcome.REFUSED, 400, _INVALID, "'{path}' is over this gateway's cap of {limit}."),
    Reason.UNKNOWN_MODEL: Wording(Outcome.REFUSED, 404, _INVALID, "The model does not exist here; see GET /v1/models."),
    Reason.WRONG_ENDPOINT: Wording(
        Outcome.REFUSED, 400, _INVALID, "This model is not served on this path; send the request to {endpoint}."
    ),
    Reason.LOGPROBS_WITH_REDACTION: Wording(
        Outcome.REFUSED,
        400,
        _INVALID,
        "Personal data or a secret was redacted from this request, and it cannot be restored in the log probabilities "
        "of a stream: send it without 'logprobs' and 'top_logprobs', or with \"stream\": false.",
    ),
    Reason.LOGPROBS_WITH_GUARD: Wording(
        Outcome.REFUSED,
        400,
        _INVALID,
        "This gateway guards answers, and log probabilities would say them a second time, token by token: send the "
        "request without 'logprobs' and 'top_logprobs'.",
    ),
    Reason.STORED_STATE: Wording(
        Outcome.REFUSED,
        400,
        _INVALID,
        "'{path}' keeps something at the provider, or names what is kept there. All callers of this gateway share one "
        "account, so nothing of it can be used: {advice}.",
    ),
    Reason.UNKNOWN_PATH: Wording(Outcome.REFUSED, 404, _INVALID, "Unknown path. This gateway serves {paths}."),
    Reason.METHOD_NOT_ALLOWED: Wording(Outcome.REFUSED, 405, _INVALID, "Method not allowed here; use {allowed}."),
    Reason.QUERY_NOT_ACCEPTED: Wording(
        Outcome.REFUSED,
        400,
        _INVALID,
        "Query parameters are not accepted; send credentials in the Authorization header.",
    ),
    Reason.CONTENT_ENCODING: Wording(
        Outcome.REFUSED, 415, _INVALID, "Compressed bodies are not accepted; send the body without Content-Encoding."
    ),
    Reason.CONTENT_TYPE: Wording(Outcome.REFUSED, 415, _INVALID, "Send the body as Content-Type: application/json."),
    Reason.BODY_TOO_LARGE: Wording(
        Outcome.REFUSED, 413, _INVALID, "The request body is larger than this gateway accepts."
    ),
    Reason.UPGRADE_REFUSED: Wording(Outcome.REFUSED, 400, _INVALID, "Protocol upgrades are not accepted here."),
    Reason.BAD_REQUEST: Wording(Outcome.REFUSED, 400, _INVALID, "The request is malformed."),
    Reason.UNAUTHENTICATED: Wording(
        Outcome.REFUSED,
        401,
        _INVALID,
        "No valid credential. Send a key or JWT as 'Authorization: Bearer ...', or a key as 'x-api-key'.",
    ),
    Reason.FORBIDDEN: Wording(Outcome.REFUSED, 403, _DENIED, "This credential may not be used here."),
    Reason.UNKNOWN_TENANT: Wording(Outcome.REFUSED, 403, _DENIED, "This credential belongs to no known tenant."),
    Reason.MODEL_NOT_ALLOWED: Wording(
        Outcome.REFUSED, 403, _DENIED, "This tenant may not use that model; see GET /v1/models."
    ),
    Reason.CLIENT_RATE_LIMITED: Wording(Outcome.REFUSED, 429, "requests", "Too many requests from this address."),
    Reason.TENANT_RATE_LIMITED: Wording(Outcome.REFUSED, 429, "requests", "Too many requests for this tenant."),
    Reason.GUARD_FAILED: Wording(
        Outcome.FAILED, 503, _SERVER, "The request could not be inspected and was not sent on. Try again."
    ),
    Reason.POLICY_FAILED: Wording(
        Outcome.FAILED, 503, _SERVER, "The policy could not be evaluated, so the request was not sent on. Try again."
    ),
    Reason.UNGUARDED: Wording(
        Outcome.FAILED, 403, _SERVER, "The request was not inspected and was therefore not sent on."
    ),
    Reason.PROCESSOR_UNAVAILABLE: Wording(
        Outcome.FAILED,
        503,
        _SERVER,
        "The gateway's inspector is not available, and nothing passes without it. Try again.",
    ),
    Reason.PROCESSOR_TIMEOUT: Wording(
        Outcome.FAILED, 504, _SERVER, "The gateway's inspector took too long, and nothing passes without it. Try again."
    ),
    Reason.ROUTE_UNKNOWN: Wording(
        Outcome.FAILED, 503, _SERVER, "The gateway's config is just being replaced; nothing was sent on. Try again."
    ),
    Reason.INTERNAL: Wording(Outcome.FAILED, 500, _SERVER, "The gateway failed; nothing was sent on."),
    Reason.OVERLOADED: Wording(Outcome.FAILED, 503, _SERVER, "The gateway is at its capacity. Try again."),
    Reason.PROVIDER_CREDENTIALS: Wording(
        Outcome.FAILED, 502, _SERVER, "The provider did not accept this gateway's credentials; tell its operator."
    ),
    Reason.PROVIDER_REFUSED: Wording(Outcome.FAILED, 400, _INVALID, ""),  # the provider's own 4xx, passed on as it is
    Reason.PROVIDER_RATE_LIMITED: Wording(Outcome.FAILED, 429, "", ""),  # likewise
    Reason.PROVIDER_ERROR: Wording(Outcome.FAILED, 502, _SERVER, "The provider failed."),
    Reason.PROVIDER_UNREACHABLE: Wording(Outcome.FAILED, 503, _SERVER, "No provider could be reached. Try again."),
    Reason.PROVIDER_TIMEOUT: Wording(Outcome.FAILED, 504, _SERVER, "The provider took too long to answer."),
    Reason.PROVIDER_RESET: Wording(Outcome.FAILED, 502, _SERVER, "The provider broke off its answer."),
    Reason.ANSWER_UNREADABLE: Wording(
        Outcome.FAILED,
        502,
        _SERVER,
        "The provider's answer could not be read, and what could not be read is not passed on.",
    ),
    Reason.CLIENT_GONE: Wording(Outcome.ABORTED, 0, "", ""),  # nobody was there to be told a status
}
