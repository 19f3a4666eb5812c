"""What to do in place of what the provider would keep: told by what the call has used."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from extproc.messages.call import Call
from extproc.messages.chat import parse_chat
from extproc.messages.kept import ADVICE, Kept
from extproc.messages.messages import parse_messages
from extproc.messages.refusal import Refused, error_body
from extproc.messages.responses import parse_responses
from forebay.config.resolved import Caps

CAPS = Caps(messages=4, tools=3, n=3, max_tokens=1000, inputs=4, depth=32)
Parse = Callable[[bytes, Caps], Call]


def responses(**more: Any) -> tuple[Parse, dict[str, Any]]:
    """A call to /v1/responses."""
    return parse_responses, {"model": "m", "input": "hello", **more}


def chat(part: dict[str, Any]) -> tuple[Parse, dict[str, Any]]:
    """A chat call with this part in its message."""
    return parse_chat, {"model": "m", "messages": [{"role": "user", "content": [part]}]}


def messages(*blocks: dict[str, Any], **more: Any) -> tuple[Parse, dict[str, Any]]:
    """A call to /v1/messages with these blocks in its message."""
    said = [{"role": "user", "content": [{"type": "text", "text": "hello"}, *blocks]}]
    return parse_messages, {"model": "m", "max_tokens": 9, "messages": said, **more}


TOLD: list[tuple[tuple[Parse, dict[str, Any]], str, Kept]] = [
    (responses(previous_response_id="resp_1"), "previous_response_id", "conversation"),
    (responses(conversation={"id": "conv_1"}), "conversation", "conversation"),
    (responses(input=[{"type": "item_reference", "id": "msg_1"}]), "input[0]", "item"),
    (responses(store=True), "store", "answer"),
    (responses(background=True), "background", "background"),
    (responses(prompt={"id": "pmpt_1"}), "prompt", "prompt"),
    (
        responses(prompt_cache_options={"comparison_response_id": "r"}),
        "prompt_cache_options.comparison_response_id",
        "comparison",
    ),
    (
        responses(input=[{"role": "user", "content": [{"type": "input_file", "file_id": "file_1"}]}]),
        "input[0].content[0].file_id",
        "file",
    ),
    (chat({"type": "file", "file": {"file_id": "file_1"}}), "messages[0].content[0].file_id", "file"),
    (
        messages({"type": "image", "source": {"type": "file", "file_id": "f"}}),
        "messages[0].content[1].file_id",
        "source",
    ),
    (
        messages({"type": "document", "source": {"type": "file", "file_id": "f"}}),
        "messages[0].content[1].source.file_id",
        "source",
    ),
    (messages({"type": "container_upload", "file_id": "f"}), "messages[0].content[1].file_id", "upload"),
    (messages(container={"id": "container_1"}), "container", "container"),
    (responses(tools=[{"type": "file_search", "vector_store_ids": ["vs_1"]}]), "tools[0]", "tool"),
    (responses(tools=[{"type": "code_interpreter", "container": {"type": "auto"}}]), "tools[0]", "tool"),
    (responses(tools=[{"type": "mcp", "server_label": "s", "tunnel_id": "t"}]), "tools[0].tunnel_id", "tunnel"),
    (
        responses(tools=[{"type": "image_generation", "input_image_mask": {"file_id": "f"}}]),
        "tools[0].input_image_mask.file_id",
        "mask",
    ),
    (responses(tools=[{"type": "shell", "environment": {"type": "container_auto"}}]), "tools[0].environment", "shell"),
    (messages(container={"skills": [{"type": "custom", "skill_id": "s"}]}), "container.skills[0].skill_id", "skill"),
    (
        (parse_chat, {"model": "m", "messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}),
        "messages[0].audio",
        "audio",
    ),
    (
        responses(input=[{"type": "code_interpreter_call", "code": "x", "container_id": "cntr_1"}]),
        "input[0].container_id",
        "named",
    ),
]


@pytest.mark.parametrize(("call", "path", "kept"), TOLD, ids=[f"{kept}-{path}" for _, path, kept in TOLD])
def test_the_advice_fits_what_was_asked_for(call: tuple[Parse, dict[str, Any]], path: str, kept: Kept) -> None:
    """The message names the field and ends with what to do; `param` is the field."""
    parse, body = call
    with pytest.raises(Refused) as caught:
        parse(json.dumps(body).encode(), CAPS)
    error = json.loads(error_body(caught.value.reason, **caught.value.fields))["error"]
    assert (error["code"], error["param"]) == ("stored_state", path)
    assert error["message"].startswith(f"'{path}' ")
    assert error["message"].endswith(f": {ADVICE[kept][1]}.")


def test_every_advice_is_given_to_somebody() -> None:
    """None stands in the table for nothing."""
    assert {kept for _, _, kept in TOLD} == set(ADVICE)


FOLLOWED: list[tuple[Parse, dict[str, Any]]] = [
    responses(store=False),
    responses(instructions="Be brief.", prompt=None, background=False),
    responses(input=[{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAABo" * 12}]),
    responses(input=[{"role": "user", "content": [{"type": "input_file", "file_data": "JVBERi0xLjQ="}]}]),
    chat({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0xLjQ="}}),
    messages({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}),
    messages({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}),
    messages(container={"skills": [{"type": "anthropic", "skill_id": "pdf"}]}),
    responses(tools=[{"type": "mcp", "server_label": "s", "server_url": "https://mcp.example.com"}]),
    responses(
        tools=[{"type": "image_generation", "input_image_mask": {"image_url": "data:image/png;base64,iVBORw0K"}}]
    ),
    responses(tools=[{"type": "shell", "environment": {"type": "local"}}]),
]


@pytest.mark.parametrize("call", FOLLOWED, ids=range(len(FOLLOWED)))
def test_who_follows_the_advice_is_served(call: tuple[Parse, dict[str, Any]]) -> None:
    """Nobody is sent from one refusal into the next."""
    parse, body = call
    assert parse(json.dumps(body).encode(), CAPS).model == "m"
