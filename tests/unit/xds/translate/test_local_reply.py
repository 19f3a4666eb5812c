"""Envoy's errors in OpenAI's words."""

import json

import pytest

from forebay.outcomes import WORDINGS, Reason
from xds.translate.local_reply import ROWS, error_object, error_text, local_reply_config

SAID = sorted({row.reason for row in ROWS if row.reason})


@pytest.mark.parametrize("reason", SAID)
def test_a_body_is_openai_s_error_object_with_our_code(reason: Reason) -> None:
    """Fixed text: no placeholder is left open, no operator of Envoy's is in it."""
    error = error_object(reason)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["code"], error["type"], error["param"]) == (reason.value, WORDINGS[reason].type, None)
    assert error["message"]
    assert not set("{}%") & set(error["message"])
    assert json.loads(error_text(reason)) == error_object(reason)


def test_the_processors_own_answers_come_first_and_stay_as_they_are() -> None:
    """A later row would overwrite their bodies."""
    first, *others = local_reply_config()["mappers"]
    assert set(first) == {"filter"}
    assert "startsWith('forebay')" in str(first)
    assert all("body_format_override" in each for each in others[1:])


def test_no_body_shows_what_envoy_calls_the_end() -> None:
    """Details hold internal addresses."""
    assert "RESPONSE_CODE_DETAILS" not in str(local_reply_config())
    assert "LOCAL_REPLY_BODY" not in str(local_reply_config())


def test_the_last_rows_take_whatever_is_left() -> None:
    """Every 5xx, then every 4xx, keeps its status and gets a body."""
    assert [(row.reason, row.keep_status) for row in ROWS[-2:]] == [(Reason.INTERNAL, True), (Reason.BAD_REQUEST, True)]
