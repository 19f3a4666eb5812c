"""Fields this gateway does not know: nothing textual in them is forwarded unscanned."""

import json
from typing import Any

import pytest

from extproc.messages.chat import parse_chat
from forebay.config.resolved import Caps

CAPS = Caps(messages=4, tools=2, n=3, max_tokens=1000, inputs=4, depth=32)


def chat(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}).encode()


@pytest.mark.parametrize(
    "value",
    [
        "SECRET",
        ["SECRET"],
        [[["SECRET"]]],
        {"k": "SECRET"},
        {"SECRET": 1},
        [{"a": [{"SECRET": None}]}],
        {"text": ["SECRET"]},
    ],
)
@pytest.mark.parametrize("name", ["x", "unknown", "extra_body", "text", "content", "data", "input", "prompt", "url"])
def test_text_in_an_unknown_field_is_always_found(name: str, value: Any) -> None:
    """Whatever the field is called and however deep the text stands: strings and keys alike."""
    call = parse_chat(chat(**{name: value}), CAPS)
    assert "SECRET" in {text.value for text in call.texts}


@pytest.mark.parametrize(
    "number", ["4111111111111111", "-4111111111111111", "4111111111111111.0", "4.111111111111111e15"]
)
def test_a_long_number_in_an_unknown_field_is_found(number: str) -> None:
    """However it is written."""
    body = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"x":[%s]}' % number.encode()
    assert number in {text.value for text in parse_chat(body, CAPS).texts}
