"""Refusals and the error object made of them."""

import json
import pickle
import string

import pytest

from extproc.messages.refusal import Refused, error_body, refusal_status
from forebay.outcomes import WORDINGS, Reason


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
