"""What names something of the account that all callers share is refused, wherever it stands; what looks so is not."""

import json
from typing import Any

import pytest

from extproc.messages.chat import parse_chat
from extproc.messages.messages import parse_messages
from extproc.messages.refusal import Refused
from extproc.messages.responses import parse_responses
from forebay.config.resolved import Caps
from forebay.outcomes import Reason

CAPS = Caps(messages=9, tools=9, n=3, max_tokens=1000, inputs=3, depth=32)
SAID = {"role": "user", "content": "hello"}
SCHEMA = {"properties": {"file_id": {"type": "string"}}}
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
USED = {"type": "tool_use", "id": "t", "name": "f", "input": {"file_id": "mine", "container": "mine"}}


def chat(**more: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [SAID], **more}).encode()


def messages(**more: Any) -> bytes:
    return json.dumps({"model": "m", "max_tokens": 9, "messages": [SAID], **more}).encode()


def responses(*items: Any, **more: Any) -> bytes:
    return json.dumps({"model": "m", "input": [*items, SAID], **more}).encode()


PARSERS = {chat: parse_chat, messages: parse_messages, responses: parse_responses}
SHELL = {"type": "shell_call_output", "call_id": "c", "output": [{"file_id": "file-1"}]}
CODE = {"type": "code_interpreter_call", "id": "ci_1", "code": "x", "container_id": "cntr_1"}
CITATION = {"type": "container_file_citation", "container_id": "cntr_1", "file_id": "f"}
CITED = {"role": "assistant", "content": [{"type": "output_text", "text": "x", "annotations": [CITATION]}]}
RAN = {"type": "code_execution_tool_result", "tool_use_id": "t", "content": [{"type": "x_output", "file_id": "file_1"}]}


@pytest.mark.parametrize(
    ("make", "given", "path"),
    [
        (chat, {"store": True}, "store"),
        (chat, {"messages": [SAID, {"role": "assistant", "audio": {"id": "audio_1"}}]}, "messages[1].audio"),
        (chat, {"audio": {"voice": {"id": "voice_1"}, "format": "wav"}}, "audio.voice"),
        (chat, {"tools": [{"type": "file_search"}]}, "tools[0]"),
        (chat, {"tools": [{"type": "code_interpreter", "container": "cntr_1"}]}, "tools[0]"),
        (chat, {"tools": [{"type": "retrieval", "vector_store_ids": ["vs_1"]}]}, "tools[0].vector_store_ids"),
        (chat, {"tools": [{"type": "python", "container": "cntr_1"}]}, "tools[0].container"),
        (chat, {"extra": {"google": {"cached_content": "cachedContents/1"}}}, "*.*.cached_content"),
        (chat, {"previous_response_id": "resp_1"}, "response_id"),
        (chat, {"messages": [{**SAID, "attachments": [{"file_id": "f"}]}]}, "messages[0].*[0].file_id"),
        (messages, {"container": {"skills": [{"type": "custom", "skill_id": "s"}]}}, "container.skills[0].skill_id"),
        (messages, {"messages": [{"role": "user", "content": [RAN]}]}, "messages[0].content[0].content[0].file_id"),
        (responses, [SHELL], "input[0].output[0].file_id"),
        (responses, [CODE], "input[0].container_id"),
        (responses, [CITED], "input[0].content[0].annotations[0].container_id"),
    ],
)
def test_what_names_something_kept_is_refused(make: Any, given: Any, path: str) -> None:
    """With the place where it stands, in words that are not the caller's."""
    body = make(*given) if isinstance(given, list) else make(**given)
    with pytest.raises(Refused) as caught:
        PARSERS[make](body, CAPS)
    assert (caught.value.reason, caught.value.fields["path"]) == (Reason.STORED_STATE, path)
    assert caught.value.fields["advice"]


THINGS = ("file", "container", "vector_store", "skill", "tunnel", "conversation", "response", "upload")
NAMES = [f"{before}{thing}_{end}" for before in ("", "my_") for thing in THINGS for end in ("id", "ids")]
ALONE = [{name: "x"} for name in (*NAMES, "cached_content", "my_cached_content", "container")] + [
    {name: {"id": "x"}} for name in ("audio", "container", "conversation", "prompt", "skill", "vector_store", "voice")
]


@pytest.mark.parametrize("given", ALONE, ids=json.dumps)
def test_a_name_is_the_same_however_it_is_spelt(given: dict[str, Any]) -> None:
    """A key is what it reads as: each of its letters escaped in turn, where nothing else in the body is such a name."""
    (name,) = given
    for deep in (given, {"a": [{"b": given}]}):
        plain = chat(extra=deep)
        spelt = [plain.replace(name.encode(), _escaped(name, at)) for at in range(len(name))]
        spelt += [plain.replace(b'"id"', b'"' + _escaped("id", at) + b'"') for at in range(2)]
        for body in (plain, *spelt):
            assert json.loads(body)["extra"] == deep
            with pytest.raises(Refused) as caught:
                parse_chat(body, CAPS)
            assert caught.value.reason is Reason.STORED_STATE


def _escaped(name: str, at: int) -> bytes:
    return f"{name[:at]}\\u{ord(name[at]):04x}{name[at + 1 :]}".encode()


@pytest.mark.parametrize(
    ("make", "given"),
    [
        (chat, {"store": False}),
        (chat, {"store": None}),
        (chat, {"tools": [FUNCTION], "metadata": {"file_id": "mine"}}),
        (chat, {"messages": [SAID, {"role": "assistant", "content": "x", "audio": None}]}),
        (chat, {"audio": {"voice": "alloy", "format": "wav"}}),
        (chat, {"file_id": None, "profile_id": "x", "tool_call_id": "x"}),
        (chat, {"messages": [{**SAID, "content": 'the "file_id" is mine'}]}),
        (messages, {"messages": [SAID, {"role": "assistant", "content": [USED]}]}),
        (messages, {"container": {"skills": [{"type": "anthropic", "skill_id": "pptx", "version": "latest"}]}}),
        (messages, {"tools": [{"name": "f", "input_schema": {"properties": {"container_id": {"type": "string"}}}}]}),
        (responses, {"tools": [{"type": "function", "name": "f", "parameters": {"file_id": {"type": "string"}}}]}),
    ],
)
def test_what_is_the_callers_own_passes(make: Any, given: dict[str, Any]) -> None:
    """Inputs and schemas of its tools, its notes, texts, ids of other things."""
    PARSERS[make](make(**given), CAPS)
