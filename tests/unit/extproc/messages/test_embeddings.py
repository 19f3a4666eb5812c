"""Embeddings bodies."""

import json
from typing import Any

import pytest

from extproc.messages.embeddings import parse_embeddings
from extproc.messages.refusal import Refused
from forebay.config.resolved import Caps
from forebay.outcomes import Reason

CAPS = Caps(messages=4, tools=2, n=3, max_tokens=1000, inputs=3, depth=32)


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", **fields}).encode()


@pytest.mark.parametrize(
    ("given_body", "reason", "path"),
    [
        (b"{}", Reason.MISSING_FIELD, "model"),
        (body(), Reason.MISSING_FIELD, "input"),
        (body(input=None), Reason.INVALID_TYPE, "input"),
        (body(input=True), Reason.INVALID_TYPE, "input"),
        (body(input={"text": "x"}), Reason.INVALID_TYPE, "input"),
        (body(input=[]), Reason.INVALID_VALUE, "input"),
        (body(input=""), Reason.INVALID_VALUE, "input"),
        (body(input=["x", ""]), Reason.INVALID_VALUE, "input[1]"),
        (body(input=["a"] * 4), Reason.CAP_EXCEEDED, "input"),
        (body(input=5), Reason.TOKEN_IDS, "input"),
        (body(input=[1, 2]), Reason.TOKEN_IDS, "input"),
        (body(input=[1] * 5000), Reason.TOKEN_IDS, "input"),  # more than the cap, but that is not the point
        (body(input=["a", 2]), Reason.TOKEN_IDS, "input[1]"),
        (body(input=[[1, 2], [3]]), Reason.TOKEN_IDS, "input[0]"),
        (body(input=["a", None]), Reason.INVALID_TYPE, "input[1]"),
        (body(input=[["a"]]), Reason.INVALID_TYPE, "input[0]"),
        (body(input="x", dimensions=0), Reason.INVALID_VALUE, "dimensions"),
        (body(input="x", user=1), Reason.INVALID_TYPE, "user"),
        (body(input="x", prompt_token_ids=[1]), Reason.TOKEN_IDS, "prompt_token_ids"),
    ],
)
def test_a_bad_body_is_refused_with_its_reason_and_path(given_body: bytes, reason: Reason, path: str) -> None:
    """Token ids cannot be inspected, so they are not embedded."""
    with pytest.raises(Refused) as caught:
        parse_embeddings(given_body, CAPS)
    assert (caught.value.reason, caught.value.fields["path"]) == (reason, path)


def test_every_input_is_a_text() -> None:
    """And so is what the gateway does not know."""
    call = parse_embeddings(body(input=["one", "two"], user="u", extra="more", encoding_format="float"), CAPS)
    assert [(t.value, t.path, t.channel) for t in call.texts][:3] == [
        ("one", "input[0]", "document"),
        ("two", "input[1]", "document"),
        ("u", "user", "user"),
    ]
    assert "more" in {text.value for text in call.texts}
    assert (call.operation, call.messages, call.user, call.conversation) == ("embeddings", 2, "u", b"")


def test_a_single_input_needs_no_array() -> None:
    """As OpenAI has it."""
    assert [text.path for text in parse_embeddings(body(input="one"), CAPS).texts] == ["input"]
