"""Envoy's errors in the words of the API that was called."""

import re

import pytest

from forebay import contract
from forebay.contract import Api
from forebay.error_objects import anthropic_type
from forebay.outcomes import WORDINGS, Reason
from xds.translate.local_reply import ROWS, error_body, local_reply_config

SAID = sorted({row.reason for row in ROWS if row.reason})


@pytest.mark.parametrize("reason", SAID)
def test_a_body_is_openai_s_error_object_with_our_code(reason: Reason) -> None:
    """Fixed text: no placeholder is left open, no operator of Envoy's is in it."""
    error = error_body("openai", reason)["json_format"]["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["code"], error["type"], error["param"]) == (reason.value, WORDINGS[reason].type, None)
    assert error["message"]
    assert not set("{}%") & set(error["message"])


@pytest.mark.parametrize("reason", SAID)
def test_a_body_is_anthropic_s_error_with_the_request_s_id(reason: Reason) -> None:
    """The same words; the id is the only thing that Envoy fills in."""
    body = error_body("anthropic", reason)["json_format"]
    message = error_body("openai", reason)["json_format"]["error"]["message"]
    assert body == {
        "type": "error",
        "error": {"type": anthropic_type(reason), "message": message},
        "request_id": "%REQ(x-request-id)%",
    }


@pytest.mark.parametrize(
    ("path", "api"),
    [
        (contract.MESSAGES, "anthropic"),
        (contract.MESSAGES + "?beta=true", "anthropic"),
        (contract.MESSAGES + "/count_tokens", "anthropic"),
        ("/anthropic" + contract.MESSAGES, "anthropic"),
        (contract.CHAT, "openai"),
        (contract.MESSAGES + "x", "openai"),
        (contract.RESPONSES, "openai"),
        ("/openai" + contract.CHAT, "openai"),
    ],
)
def test_the_path_tells_the_api(path: str, api: Api) -> None:
    """As the caller wrote it, and as the egress gate rewrote it for a provider; Anthropic's mapper stands first."""
    mappers = local_reply_config()["mappers"][2:4]
    header = mappers[0]["filter"]["and_filter"]["filters"][0]["header_filter"]["header"]
    assert bool(re.fullmatch(header["string_match"]["safe_regex"]["regex"], path)) == (api == "anthropic")
    assert ["request_id" in each["body_format_override"]["json_format"] for each in mappers] == [True, False]


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
