"""Responses bodies: what is refused, that every text is found, and that policies hear what they hear of chat."""

import json
import pickle
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.messages.edit import apply, cap_max_tokens, drop_tools, impose
from extproc.messages.refusal import Refused, error_body
from extproc.messages.responses import parse_responses
from forebay.config.resolved import Caps
from forebay.outcomes import Reason

CAPS = Caps(messages=4, tools=3, n=3, max_tokens=1000, inputs=4, depth=32)
WIDE = replace(CAPS, messages=40, tools=20)
NOISE = bytes(range(256)) * 4
SEALED = b64encode(NOISE).decode()


def call_of(**fields: Any) -> bytes:
    """A call with these members beside the required ones."""
    return json.dumps({"model": "m", "input": "hi", **fields}).encode()


def with_item(**members: Any) -> bytes:
    """A call of this one item."""
    return call_of(input=[members])


def said(*parts: Any) -> bytes:
    """A user's message of these parts."""
    return with_item(role="user", content=list(parts))


def tool(**members: Any) -> bytes:
    """A call that offers this tool."""
    return call_of(tools=[members])


BAD: list[tuple[bytes, Reason, str | None]] = [
    (b"", Reason.EMPTY_BODY, None),
    (b"[]", Reason.INVALID_TYPE, "body"),
    (b"{}", Reason.MISSING_FIELD, "model"),
    (b'{"model":"m"}', Reason.MISSING_FIELD, "input"),
    (b'{"model":"m","inp\\u0075t":"a","input":"b"}', Reason.DUPLICATE_KEY, None),
    (call_of(model=""), Reason.INVALID_VALUE, "model"),
    (call_of(input=None), Reason.INVALID_TYPE, "input"),
    (call_of(input={}), Reason.INVALID_TYPE, "input"),
    (call_of(input=[]), Reason.INVALID_VALUE, "input"),
    (call_of(input=[1, 2]), Reason.TOKEN_IDS, "input"),
    (call_of(input=["hi"]), Reason.INVALID_TYPE, "input[0]"),
    (call_of(input=[{"role": "user", "content": "x"}] * 5), Reason.CAP_EXCEEDED, "input"),
    (with_item(content="x"), Reason.MISSING_FIELD, "input[0].role"),
    (with_item(role="tool", content="x"), Reason.UNKNOWN_ROLE, "input[0].role"),
    (with_item(role="user"), Reason.MISSING_FIELD, "input[0].content"),
    (with_item(role="user", content=None), Reason.INVALID_TYPE, "input[0].content"),
    (with_item(type=1, role="user", content="x"), Reason.INVALID_TYPE, "input[0].type"),
    (said({"text": "x"}), Reason.MISSING_FIELD, "input[0].content[0].type"),
    (said({"type": "input_text"}), Reason.MISSING_FIELD, "input[0].content[0].text"),
    (said({"type": "refusal", "refusal": 1}), Reason.INVALID_TYPE, "input[0].content[0].refusal"),
    (with_item(type="function_call", name="f", arguments={}), Reason.INVALID_TYPE, "input[0].arguments"),
    (with_item(type="function_call", name=1, arguments="{}"), Reason.INVALID_TYPE, "input[0].name"),
    (with_item(type="function_call_output", output=5), Reason.INVALID_TYPE, "input[0].output"),
    (with_item(type="reasoning", summary=[{"type": "summary_text"}]), Reason.MISSING_FIELD, "input[0].summary[0].text"),
    (with_item(type="reasoning", encrypted_content=[1]), Reason.TOKEN_IDS, "input[0].encrypted_content"),
    (call_of(instructions=["x"]), Reason.INVALID_TYPE, "instructions"),
    (call_of(stream="yes"), Reason.INVALID_TYPE, "stream"),
    (call_of(max_output_tokens=0), Reason.INVALID_VALUE, "max_output_tokens"),
    (call_of(max_output_tokens=1001), Reason.CAP_EXCEEDED, "max_output_tokens"),
    (call_of(temperature=2.1), Reason.INVALID_VALUE, "temperature"),
    (call_of(top_p=2), Reason.INVALID_VALUE, "top_p"),
    (call_of(top_logprobs=21), Reason.INVALID_VALUE, "top_logprobs"),
    (call_of(include="x"), Reason.INVALID_TYPE, "include"),
    (call_of(include=[1]), Reason.INVALID_TYPE, "include[0]"),
    (call_of(text="x"), Reason.INVALID_TYPE, "text"),
    (call_of(text={"format": {}}), Reason.MISSING_FIELD, "text.format.type"),
    (call_of(metadata="x"), Reason.INVALID_TYPE, "metadata"),
    (call_of(store="no"), Reason.INVALID_TYPE, "store"),
    (call_of(tools={}), Reason.INVALID_TYPE, "tools"),
    (tool(name="f"), Reason.MISSING_FIELD, "tools[0].type"),
    (tool(type="function"), Reason.MISSING_FIELD, "tools[0].name"),
    (tool(type="function", function={"name": "f"}), Reason.MISSING_FIELD, "tools[0].name"),
    (tool(type="memory"), Reason.INVALID_VALUE, "tools[0].type"),
    (tool(type="namespace", name="n"), Reason.MISSING_FIELD, "tools[0].tools"),
    (tool(type="namespace", name="n", tools=[{"type": "memory"}]), Reason.INVALID_VALUE, "tools[0].tools[0].type"),
    (call_of(tools=[{"type": "mcp"}] * 4), Reason.CAP_EXCEEDED, "tools"),
    (
        tool(type="namespace", name="n", tools=[{"type": "custom", "name": "f"}] * 3),
        Reason.CAP_EXCEEDED,
        "tools",
    ),
    (call_of(tool_choice={"name": "f"}), Reason.MISSING_FIELD, "tool_choice.type"),
    (call_of(tool_choice={"type": "function"}), Reason.MISSING_FIELD, "tool_choice.name"),
    (call_of(prompt_embeds=[1.5]), Reason.TOKEN_IDS, "prompt_embeds"),
]

STORED: list[tuple[bytes, str]] = [
    (call_of(store=True), "store"),
    (call_of(background=True), "background"),
    (call_of(previous_response_id="resp_1"), "previous_response_id"),
    (call_of(conversation="conv_1"), "conversation"),
    (call_of(conversation={"id": "conv_1"}), "conversation"),
    (call_of(prompt={"id": "pmpt_1", "variables": {"a": "b"}}), "prompt"),
    (call_of(prompt_cache_options={"comparison_response_id": "r"}), "prompt_cache_options.comparison_response_id"),
    (with_item(type="item_reference", id="msg_1"), "input[0]"),
    (with_item(type="item_reference", id="msg_1", note="x"), "input[0]"),
    (with_item(type=None, id="msg_1"), "input[0]"),
    (with_item(id="msg_1", content="x"), "input[0]"),
    (with_item(type="message", id="msg_1", role="assistant", content=[]), "input[0]"),
    (with_item(type="reasoning", id="rs_1", summary=[]), "input[0]"),
    (with_item(type="reasoning", id="rs_1", summary=[{"type": "summary_text", "text": "x"}]), "input[0]"),
    (with_item(type="reasoning", id="rs_1", encrypted_content=None, content=[]), "input[0]"),
    (with_item(type="image_generation_call", id="ig_1", quality="high"), "input[0]"),
    (with_item(type="news", id="n_1", status="completed"), "input[0]"),
    (with_item(type="news", text="x", file_id="file_1"), "input[0].file_id"),
    (said({"type": "input_file", "file_id": "file_1"}), "input[0].content[0].file_id"),
    (said({"type": "input_image", "file_id": "file_1", "image_url": None}), "input[0].content[0].file_id"),
    (
        with_item(type="computer_call_output", call_id="c", output={"type": "computer_screenshot", "file_id": "f"}),
        "input[0].output.file_id",
    ),
    (
        with_item(type="function_call_output", output=[{"type": "input_image", "file_id": "f"}]),
        "input[0].output[0].file_id",
    ),
    (tool(type="code_interpreter", container={"type": "auto"}), "tools[0]"),
    (tool(type="file_search", vector_store_ids=["vs_1"]), "tools[0]"),
    (tool(type="file_search_2027_01_01"), "tools[0]"),
    (tool(type="mcp", server_label="s", tunnel_id="t"), "tools[0].tunnel_id"),
    (tool(type="image_generation", input_image_mask={"file_id": "f"}), "tools[0].input_image_mask.file_id"),
    (tool(type="shell", environment={"type": "container_auto"}), "tools[0].environment"),
    (tool(type="shell", environment={"container_id": "cntr_1"}), "tools[0].environment"),
    (with_item(type="additional_tools", role="developer", tools=[{"type": "file_search"}]), "input[0].tools[0]"),
    (with_item(type="tool_search_output", tools=[{"type": "code_interpreter"}]), "input[0].tools[0]"),
    (
        tool(type="namespace", name="n", tools=[{"type": "file_search"}]),
        "tools[0].tools[0]",
    ),
]


@pytest.mark.parametrize(("body", "reason", "path"), BAD, ids=range(len(BAD)))
def test_a_bad_body_is_refused_with_its_reason_and_path(body: bytes, reason: Reason, path: str | None) -> None:
    """The caller learns which field is wrong, and the error body can be made of it."""
    with pytest.raises(Refused) as caught:
        parse_responses(body, CAPS)
    assert (caught.value.reason, caught.value.fields.get("path")) == (reason, path)
    assert json.loads(error_body(reason, **caught.value.fields))["error"]["code"] == reason.value


@pytest.mark.parametrize(("body", "path"), STORED, ids=range(len(STORED)))
def test_nothing_is_kept_at_the_provider_and_nothing_kept_there_is_named(body: bytes, path: str) -> None:
    """Its account is that of all callers: nobody could tell whose it is."""
    with pytest.raises(Refused) as caught:
        parse_responses(body, CAPS)
    assert (caught.value.reason, caught.value.fields.get("path")) == (Reason.STORED_STATE, path)


@pytest.mark.parametrize(
    "body",
    [
        call_of(store=False, background=False, previous_response_id=None, conversation=None, prompt=None),
        with_item(type="message", id="msg_1", role="assistant", content=[{"type": "output_text", "text": "x"}]),
        with_item(type="reasoning", id="rs_1", summary=[], encrypted_content=SEALED),
        with_item(type="reasoning", id="rs_1", content=[{"type": "reasoning_text", "text": "x"}]),
        with_item(type="reasoning", summary=[{"type": "summary_text", "text": "x"}]),
        with_item(type="function_call_output", id="fc_1", call_id="c", output=""),
        with_item(type="image_generation_call", id="ig_1", result=SEALED),
        tool(type="shell", environment={"type": "local", "skills": [{"name": "x"}]}),
        tool(type="shell"),
        tool(type="mcp", server_label="s", server_url="https://x.example", tunnel_id=None),
        tool(type="web_search_2025_08_26"),
        tool(type="function", name="f", parameters={"properties": {"file_id": {"type": "string"}}}),
    ],
)  # fmt: skip
def test_what_says_everything_itself_passes(body: bytes) -> None:
    """Ids are no harm beside what they are the ids of."""
    assert parse_responses(body, CAPS).operation == "responses"


def test_nothing_is_stored_whatever_the_caller_leaves_out() -> None:
    """Without a word of it OpenAI keeps an answer for thirty days."""
    for body in (call_of(), call_of(store=None)):
        edited = apply(body, impose(parse_responses(body, CAPS)))
        assert json.loads(edited)["store"] is False
        assert json.loads(edited) == {**json.loads(body), "store": False}
    assert impose(parse_responses(call_of(store=False), CAPS)) == []


EVERYWHERE: dict[str, Any] = {
    "model": "m",
    "instructions": "T1",
    "input": [
        {"role": "developer", "content": "T2"},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "T3", "T-key-4": "T5"},
                {"type": "input_image", "image_url": "https://T6", "detail": "T7"},
                {"type": "input_file", "filename": "T8", "file_url": "https://T9"},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "T10"}},
                {"type": "T11", "T-key-12": {"deep": ["T13"]}},
            ],
            "T-key-14": "T15",
        },
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "T16"}],
            "content": [{"type": "reasoning_text", "text": "T17"}],
            "encrypted_content": "T18",
        },
        {
            "type": "message",
            "id": "T19",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "T20", "annotations": [{"url": "https://T21", "title": "T22"}]},
                {"type": "refusal", "refusal": "T23"},
            ],
        },
        {"type": "function_call", "call_id": "T24", "name": "T25", "arguments": '{"T-key-26":["T27"]}'},
        {"type": "function_call_output", "call_id": "x", "output": "T28"},
        {"type": "custom_tool_call", "call_id": "x", "name": "T29", "input": "T30"},
        {"type": "custom_tool_call_output", "call_id": "x", "output": [{"type": "input_text", "text": "T31"}]},
        {"type": "web_search_call", "id": "x", "action": {"type": "search", "query": "T32"}},
        {"type": "local_shell_call", "call_id": "x", "action": {"command": ["T33"], "env": {"T-key-34": "T35"}}},
        {"type": "local_shell_call_output", "id": "x", "output": "T36"},
        {"type": "shell_call_output", "call_id": "x", "output": [{"stdout": "T37", "stderr": "T38"}]},
        {"type": "computer_call_output", "call_id": "x", "output": {"type": "computer_screenshot", "image_url": "T39"}},
        {"type": "mcp_call", "id": "x", "name": "T40", "arguments": '{"a":"T41"}', "output": "T42"},
        {"type": "mcp_approval_request", "name": "T43", "arguments": "T44"},
        {"type": "mcp_list_tools", "server_label": "T45", "tools": [{"name": "T46", "description": "T47"}]},
        {"type": "apply_patch_call", "call_id": "x", "operation": {"diff": "T48", "path": "T49"}},
        {"type": "program", "call_id": "x", "code": "T50", "fingerprint": "T51"},
        {"type": "program_output", "call_id": "x", "result": "T52"},
        {"type": "image_generation_call", "id": "x", "result": SEALED, "revised_prompt": "T53"},
        {"type": "compaction", "encrypted_content": "T54"},
        {"type": "additional_tools", "role": "developer", "tools": [{"type": "custom", "name": "T55"}]},
        {"type": "T56", "T-key-57": "T58"},
    ],
    "tools": [
        {
            "type": "function",
            "name": "T59",
            "description": "T60",
            "parameters": {"properties": {"T-key-61": {"description": "T62", "enum": ["T63"]}}},
        },
        {"type": "mcp", "server_label": "T64", "server_url": "https://T65", "headers": {"T-key-66": "T67"}},
        {"type": "web_search_2025_08_26", "user_location": {"city": "T68"}},
        {
            "type": "namespace",
            "name": "T69",
            "description": "T70",
            "tools": [{"type": "function", "name": "T71"}, {"type": "custom", "name": "T72", "description": "T73"}],
        },
    ],
    "tool_choice": {"type": "function", "name": "T74"},
    "text": {"format": {"type": "json_schema", "name": "T75", "schema": {"description": "T76"}}},
    "metadata": {"T-key-77": "T78"},
    "user": "T79",
    "safety_identifier": "T80",
    "prompt_cache_key": "T81",
    "reasoning": {"effort": "T82"},
    "include": ["T83"],
    "client_metadata": {"T-key-84": "T85"},
}
MARKS = 85


def marks(value: Any) -> set[str]:
    """Every mark of EVERYWHERE, as it stands; in JSON inside a string, too."""
    if isinstance(value, dict):
        return {key for key in value if key.startswith("T-key")} | {
            one for each in value.values() for one in marks(each)
        }
    if isinstance(value, list):
        return {one for each in value for one in marks(each)}
    if isinstance(value, str) and value.startswith("{"):
        return marks(json.loads(value))
    return {value} if isinstance(value, str) and value.removeprefix("https://").startswith("T") else set()


@pytest.fixture(scope="module")
def everywhere() -> Any:
    """The call that EVERYWHERE makes."""
    return parse_responses(json.dumps(EVERYWHERE).encode(), WIDE)


def test_every_text_of_a_body_is_found_where_it_stands() -> None:
    """In every known and unknown place; each span cuts out its JSON string."""
    body = json.dumps(EVERYWHERE, ensure_ascii=False).encode()
    call = parse_responses(body, WIDE)
    found = {text.value: text for text in call.texts}
    assert len(marks(EVERYWHERE)) == MARKS
    assert marks(EVERYWHERE) <= set(found)
    plain = [text for text in call.texts if not text.nested]
    assert [json.loads(body[text.start : text.end]) for text in plain] == [text.value for text in plain]
    assert {found[key].form for key in found if key.startswith("T-key-")} == {"key"}
    assert {found["T27"].nested, found["T-key-26"].nested, found["T41"].nested} == {1}
    assert SEALED not in found


def test_who_speaks_decides_the_channel(everywhere: Any) -> None:
    """What a tool gave back is a tool's, and so is what describes tools."""
    channels = {text.value: text.channel for text in everywhere.texts}
    asked = [channels[f"T{n}"] for n in (1, 2)] + [channels[f"T{n}"] for n in (3, 7, 13, 15, 79, 85)]
    assert asked == ["system"] * 2 + ["user"] * 6
    assert {channels[f"T{n}"] for n in (16, 17, 20, 23, 25, 27, 30, 32, 33, 41, 48, 50, 58)} == {"assistant"}
    assert {channels[f"T{n}"] for n in (28, 31, 36, 37, 39, 42, 47, 52, 55, 60, 67, 71, 76)} == {"tool"}


def test_paths_are_made_of_known_names_and_indexes(everywhere: Any) -> None:
    """A path may be shown and recorded, so no name of the caller's is in it."""
    paths = {text.value: text.path for text in everywhere.texts}
    assert not [path for path in paths.values() if "T-key" in path or "T1" in path]
    assert paths["T1"] == "instructions"
    assert paths["T3"] == "input[1].content[0].text"
    assert paths["T16"] == "input[2].summary[0].text"
    assert paths["T27"] == "input[4].arguments"
    assert paths["T31"] == "input[7].output[0].text"
    assert paths["T55"] == "input[21].tools"
    assert paths["T85"] == "*"


def test_the_call_tells_policies_what_chat_would(everywhere: Any) -> None:
    """Messages with the instructions, roles, media, and every tool by its name, wherever it is offered."""
    assert everywhere.roles == {"system": 1, "developer": 1, "user": 1, "assistant": 1, "tool": 6}
    assert everywhere.messages == sum(everywhere.roles.values())
    assert (everywhere.images, everywhere.audio, everywhere.files) == (3, 1, 1)
    names = [tool.name for tool in everywhere.tools]
    assert sorted(names) == ["T55", "T59", "T69", "T71", "T72", "mcp", "web_search"]
    assert everywhere.called == ("T25", "T29", "web_search", "local_shell", "T40", "apply_patch", "image_generation")
    assert (everywhere.params.tool_choice, everywhere.params.forced_tool) == ("function", "T74")
    assert (everywhere.user, everywhere.params.response_format) == ("T79", "json_schema")
    one = parse_responses(call_of(max_output_tokens=9, temperature=0.5, safety_identifier="u"), CAPS)
    assert (one.messages, one.roles, one.user) == (1, {"user": 1}, "u")
    assert (one.params.max_tokens and one.params.max_tokens.value, one.params.temperature) == (9, 0.5)


def test_a_hosted_tool_is_called_what_it_is() -> None:
    """However a caller labels it, and with whatever date: a rule names it once."""
    for choice, forced in (({"type": "mcp", "server_label": "s", "name": "f"}, "mcp"), ("required", None)):
        call = parse_responses(call_of(tool_choice=choice), CAPS)
        assert call.params.forced_tool == forced
    call = parse_responses(call_of(tool_choice={"type": "web_search_2025_08_26"}), CAPS)
    assert (call.params.tool_choice, call.params.forced_tool) == ("web_search_2025_08_26", "web_search")
    allowed = parse_responses(call_of(tool_choice={"type": "allowed_tools", "mode": "auto", "tools": []}), CAPS)
    assert allowed.params.forced_tool is None


def test_a_stream_needs_no_asking_for_usage() -> None:
    """Every stream of this API states it."""
    call = parse_responses(call_of(stream=True, stream_options={"include_obfuscation": False}), CAPS)
    assert (call.stream, call.include_usage) == (True, True)


@pytest.mark.parametrize("asked", [{"top_logprobs": 2}, {"include": ["message.output_text.logprobs"]}])
def test_log_probabilities_are_known_to_be_asked_for(asked: dict[str, Any]) -> None:
    """In either way."""
    assert parse_responses(call_of(**asked), CAPS).params.logprobs
    assert not parse_responses(call_of(include=["reasoning.encrypted_content"], top_logprobs=0), CAPS).params.logprobs


def test_what_the_provider_has_encrypted_is_left_alone() -> None:
    """What is no such thing under its name is scanned, and may not change."""
    items = [
        {"type": "reasoning", "encrypted_content": SEALED},
        {"type": "reasoning", "encrypted_content": "words"},
        {"type": "compaction", "encrypted_content": b64encode(b"plain text " * 60).decode()},
        {"type": "program", "code": "x", "fingerprint": SEALED},
    ]
    call = parse_responses(call_of(input=items), CAPS)
    assert [call.texts[index].value for index in call.hints.signed] == ["words", items[2]["encrypted_content"]]
    assert SEALED not in {text.value for text in call.texts}


def test_an_image_that_was_made_is_an_image() -> None:
    """Text in its place is read as text."""
    call = parse_responses(with_item(type="image_generation_call", id="ig_1", result=SEALED), CAPS)
    assert (call.images, [text.path for text in call.texts if text.value == SEALED]) == (1, [])
    words = b64encode(b"mail jo@example.org " * 9).decode()
    call = parse_responses(with_item(type="image_generation_call", id="ig_1", result=words), CAPS)
    assert "mail jo@example.org " * 9 in {text.value for text in call.texts}


def test_the_parts_of_a_message_are_known_to_be_one_text() -> None:
    """Whatever stands between them; a part alone is no run."""
    parts = [{"type": "input_text", "text": "a"}, {"type": "input_image"}, {"type": "input_text", "text": "b"}]
    call = parse_responses(said(*parts), CAPS)
    assert [[call.texts[index].value for index in run] for run in call.hints.runs] == [["a", "b"]]


def test_the_conversation_keeps_its_name_as_it_grows() -> None:
    """Sticky routing goes by it, however the same is said."""
    first = parse_responses(call_of(instructions="s"), CAPS).conversation
    user, system = (
        {"role": "user", "content": "hi"},
        {"role": "system", "content": [{"type": "input_text", "text": "s"}]},
    )
    grown = [system, user, {"role": "assistant", "content": "a"}, {"role": "user", "content": "more"}]
    assert parse_responses(call_of(input=grown), CAPS).conversation == first
    assert parse_responses(call_of(), CAPS).conversation != first
    assert len(first) == 16


def test_null_is_as_good_as_absent_for_optional_fields() -> None:
    """Clients send them so."""
    optional = set(EVERYWHERE) - {"model", "input"} | {"store", "prompt", "background", "max_output_tokens"}
    call = parse_responses(call_of(**dict.fromkeys(optional)), CAPS)
    assert (call.stream, call.user, call.tools, call.messages) == (False, None, (), 1)


def test_answers_are_capped_as_in_chat() -> None:
    """In this API's word for it."""
    body = call_of(max_output_tokens=10)
    assert json.loads(apply(body, cap_max_tokens(parse_responses(body, CAPS), 4)))["max_output_tokens"] == 4
    assert cap_max_tokens(parse_responses(body, CAPS), 10) == []
    for body in (call_of(), call_of(max_output_tokens=None)):
        call = parse_responses(body, CAPS)
        edited = json.loads(apply(body, [*cap_max_tokens(call, 4), *impose(call)]))
        assert (edited["max_output_tokens"], edited["store"], edited["input"]) == (4, False, "hi")


def test_tools_are_dropped_wherever_they_are_offered() -> None:
    """In a namespace and in an item, too; what is forced and gone is forced no more."""
    body = json.dumps(EVERYWHERE).encode()
    call = parse_responses(body, WIDE)
    edited = json.loads(apply(body, drop_tools(call, {"T55", "T71", "mcp", "T74"})))
    assert [each.get("name", each["type"]) for each in edited["tools"]] == ["T59", "web_search_2025_08_26", "T69"]
    assert [each["name"] for each in edited["tools"][2]["tools"]] == ["T72"]
    assert edited["input"][21]["tools"] == []
    assert "tool_choice" not in edited
    everything = json.loads(apply(body, drop_tools(call, {tool.name for tool in call.tools})))
    assert "tools" not in everything
    assert json.loads(apply(body, drop_tools(call, {"T69", "T71"})))["tools"] == EVERYWHERE["tools"][:3]


def test_a_call_shows_no_text_and_survives_the_way_between_processes(everywhere: Any) -> None:
    """It may be logged, and it may be made elsewhere."""
    assert not [mark for mark in marks(EVERYWHERE) if f"'{mark}'" in repr(everywhere)]
    assert pickle.loads(pickle.dumps(everywhere)) == everywhere  # noqa: S301


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [*EVERYWHERE, "role", "content", "type", "output", "arguments", "summary", "id", "tools", "store", "result", "name"]
)
TYPES = st.sampled_from(
    [*{each.get("type", "message") for each in EVERYWHERE["input"]}, "input_text", "input_image", "function", "mcp"]
)


@given(st.dictionaries(NAMES, JSON_VALUES), st.lists(st.tuples(TYPES, st.dictionaries(NAMES, JSON_VALUES)), max_size=3))
def test_whatever_is_sent_it_is_parsed_or_refused(
    fields: dict[str, Any], items: list[tuple[str, dict[str, Any]]]
) -> None:
    """No other exception: that would be a 500 for a caller's fault."""
    given_ = [{**members, "type": type_} for type_, members in items]
    body = {**fields, "model": "m", "input": given_ or "x", "tools": given_}
    try:
        call = parse_responses(json.dumps(body).encode("utf-8", "surrogatepass"), CAPS)
    except Refused as refused:
        assert error_body(refused.reason, **refused.fields)
    else:
        assert call.operation == "responses"
