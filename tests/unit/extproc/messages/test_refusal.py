"""Refusals and the error object made of them."""

import json
import pickle
import string

import pytest

from extproc.messages.refusal import Refused, error_body, refusal_status
from forebay.error_objects import anthropic_type, api_of
from forebay.outcomes import WORDINGS, Outcome, Reason

ANTHROPIC_TYPES = {
    "invalid_request_error", "authentication_error", "permission_error", "not_found_error", "request_too_large",
    "rate_limit_error", "api_error", "overloaded_error", "timeout_error",
}  # fmt: skip


def _fields(reason: Reason) -> dict[str, str]:
    return {name: "x" for _, name, _, _ in string.Formatter().parse(WORDINGS[reason].message) if name}


@pytest.mark.parametrize("reason", [reason for reason in Reason if WORDINGS[reason].message])
def test_every_reason_with_a_wording_has_an_error_object(reason: Reason) -> None:
    """The four fields of OpenAI's error object, whatever the reason."""
    error = json.loads(error_body(reason, **_fields(reason)))["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == reason.value
    assert error["type"] == WORDINGS[reason].type
    assert "{" not in error["message"]


@pytest.mark.parametrize("reason", [reason for reason in Reason if WORDINGS[reason].message])
def test_anthropic_s_error_says_the_same_words(reason: Reason) -> None:
    """Its types are a closed list; the request's id leads to the record."""
    body = json.loads(error_body(reason, "anthropic", "5b0d", **_fields(reason)))
    words = json.loads(error_body(reason, **_fields(reason)))["error"]["message"]
    kind = body["error"]["type"]
    assert body == {"type": "error", "error": {"type": kind, "message": words}, "request_id": "5b0d"}
    assert kind in ANTHROPIC_TYPES
    assert kind in {"api_error", "timeout_error", "overloaded_error"} or WORDINGS[reason].outcome != Outcome.FAILED


def test_anthropic_s_types_follow_the_status() -> None:
    """As its documentation pairs them."""
    assert anthropic_type(Reason.UNAUTHENTICATED) == "authentication_error"
    assert anthropic_type(Reason.UNKNOWN_MODEL) == "not_found_error"
    assert anthropic_type(Reason.PROMPT_INJECTION) == "permission_error"
    assert anthropic_type(Reason.BODY_TOO_LARGE) == "request_too_large"
    assert anthropic_type(Reason.TENANT_RATE_LIMITED) == "rate_limit_error"
    assert anthropic_type(Reason.PROVIDER_TIMEOUT) == "timeout_error"
    assert anthropic_type(Reason.CONTENT_TYPE) == "invalid_request_error"


@pytest.mark.parametrize(
    ("path", "api"),
    [("/v1/messages", "anthropic"), ("/v1/messages/x", "anthropic"), ("/v1/messagesx", "openai"), ("", "openai")],
)
def test_the_path_tells_whose_errors_are_understood(path: str, api: str) -> None:
    """Also below it, where nothing is served."""
    assert api_of(path) == api


def test_the_param_is_the_path_of_the_field_at_fault() -> None:
    """Clients show it next to the message."""
    error = json.loads(error_body(Reason.MISSING_FIELD, path="messages[0].role"))["error"]
    assert error["param"] == "messages[0].role"
    assert json.loads(error_body(Reason.UNKNOWN_MODEL))["error"]["param"] == "model"
    assert json.loads(error_body(Reason.INTERNAL))["error"]["param"] is None


def test_a_reason_without_wording_has_no_body() -> None:
    """Those answers are passed on as they are."""
    with pytest.raises(ValueError, match="no error body"):
        error_body(Reason.OK)


def test_the_status_is_that_of_the_wording() -> None:
    """One table says it."""
    assert refusal_status(Reason.BODY_TOO_LARGE) == 413


def test_a_refusal_survives_the_way_between_processes() -> None:
    """Large bodies are read in another process."""
    refused = pickle.loads(pickle.dumps(Refused(Reason.TOO_DEEP, {"limit": 64})))  # noqa: S301
    assert (refused.reason, refused.fields) == (Reason.TOO_DEEP, {"limit": 64})
    assert str(refused) == "too_deep The body is nested deeper than 64 levels."
