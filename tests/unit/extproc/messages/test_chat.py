"""Chat bodies: what is refused, and that every text is found."""

import json
import pickle
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.messages.chat import parse_chat
from extproc.messages.refusal import Refused, error_body
from forebay.config.resolved import Caps
from forebay.outcomes import Reason

CAPS = Caps(messages=4, tools=2, n=3, max_tokens=1000, inputs=4, depth=32)
USER = {"role": "user", "content": "hi"}


def chat(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [USER], **fields}).encode()


def said(**fields: Any) -> bytes:
    return chat(messages=[{"role": "user", **fields}])


def assistant(**fields: Any) -> bytes:
    return chat(messages=[{"role": "assistant", **fields}])


TOOL = {"type": "function", "function": {"name": "f"}}

BAD: list[tuple[bytes, Reason, str | None]] = [
    (b"", Reason.EMPTY_BODY, None),
    (b"nope", Reason.MALFORMED_JSON, None),
    (b"[" * 100_000, Reason.TOO_DEEP, None),
    (b"[]", Reason.INVALID_TYPE, "body"),
    (b'"x"', Reason.INVALID_TYPE, "body"),
    (b"null", Reason.INVALID_TYPE, "body"),
    (b"{}", Reason.MISSING_FIELD, "model"),
    (b'{"model":"m","mod\\u0065l":"n","messages":[]}', Reason.DUPLICATE_KEY, None),
    (b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}', Reason.INVALID_ENCODING, None),
    (b'{"model":"m","messages":[{"role":"user","content":"x"}],"n":NaN}', Reason.MALFORMED_JSON, None),
    (b'{"model":"m"}', Reason.MISSING_FIELD, "messages"),
    (chat(model=None), Reason.INVALID_TYPE, "model"),
    (chat(model=1), Reason.INVALID_TYPE, "model"),
    (chat(model=["m"]), Reason.INVALID_TYPE, "model"),
    (chat(model=""), Reason.INVALID_VALUE, "model"),
    (chat(messages=None), Reason.INVALID_TYPE, "messages"),
    (chat(messages={}), Reason.INVALID_TYPE, "messages"),
    (chat(messages="hi"), Reason.INVALID_TYPE, "messages"),
    (chat(messages=[]), Reason.EMPTY_MESSAGES, None),
    (chat(messages=[USER] * 5), Reason.CAP_EXCEEDED, "messages"),
    (chat(messages=["hi"]), Reason.INVALID_TYPE, "messages[0]"),
    (chat(messages=[USER, None]), Reason.INVALID_TYPE, "messages[1]"),
    (chat(messages=[{"content": "x"}]), Reason.MISSING_FIELD, "messages[0].role"),
    (chat(messages=[{"role": 1, "content": "x"}]), Reason.INVALID_TYPE, "messages[0].role"),
    (chat(messages=[{"role": "root", "content": "x"}]), Reason.UNKNOWN_ROLE, "messages[0].role"),
    (chat(messages=[{"role": "User", "content": "x"}]), Reason.UNKNOWN_ROLE, "messages[0].role"),
    (said(), Reason.MISSING_FIELD, "messages[0].content"),
    (said(content=None), Reason.INVALID_TYPE, "messages[0].content"),
    (said(content=5), Reason.INVALID_TYPE, "messages[0].content"),
    (said(content={"text": "x"}), Reason.INVALID_TYPE, "messages[0].content"),
    (said(content=True), Reason.INVALID_TYPE, "messages[0].content"),
    (said(content=[1, 2, 3]), Reason.TOKEN_IDS, "messages[0].content"),
    (said(content=[[1, 2], [3]]), Reason.TOKEN_IDS, "messages[0].content"),
    (said(content=["x"]), Reason.INVALID_TYPE, "messages[0].content[0]"),
    (said(content=[{"text": "x"}]), Reason.MISSING_FIELD, "messages[0].content[0].type"),
    (said(content=[{"type": 1}]), Reason.INVALID_TYPE, "messages[0].content[0].type"),
    (said(content=[{"type": "text"}]), Reason.MISSING_FIELD, "messages[0].content[0].text"),
    (said(content=[{"type": "text", "text": 1}]), Reason.INVALID_TYPE, "messages[0].content[0].text"),
    (said(content=[{"type": "text", "text": None}]), Reason.INVALID_TYPE, "messages[0].content[0].text"),
    (said(content=[{"type": "text", "text": [1, 2]}]), Reason.TOKEN_IDS, "messages[0].content[0].text"),
    (said(content=[{"type": "refusal", "refusal": {}}]), Reason.INVALID_TYPE, "messages[0].content[0].refusal"),
    (said(content="x", name=1), Reason.INVALID_TYPE, "messages[0].name"),
    (assistant(refusal=1), Reason.INVALID_TYPE, "messages[0].refusal"),
    (assistant(tool_calls={}), Reason.INVALID_TYPE, "messages[0].tool_calls"),
    (assistant(tool_calls=["x"]), Reason.INVALID_TYPE, "messages[0].tool_calls[0]"),
    (assistant(tool_calls=[{"function": "x"}]), Reason.INVALID_TYPE, "messages[0].tool_calls[0].function"),
    (
        assistant(tool_calls=[{"function": {"name": "f", "arguments": {"a": 1}}}]),
        Reason.INVALID_TYPE,
        "messages[0].tool_calls[0].function.arguments",
    ),
    (assistant(function_call={"name": 1}), Reason.INVALID_TYPE, "messages[0].function_call.name"),
    (chat(stream="yes"), Reason.INVALID_TYPE, "stream"),
    (chat(stream=1), Reason.INVALID_TYPE, "stream"),
    (chat(stream_options=[]), Reason.INVALID_TYPE, "stream_options"),
    (chat(stream_options={"include_usage": 1}), Reason.INVALID_TYPE, "stream_options.include_usage"),
    (chat(n=4), Reason.CAP_EXCEEDED, "n"),
    (chat(n=0), Reason.INVALID_VALUE, "n"),
    (chat(n=-1), Reason.INVALID_VALUE, "n"),
    (chat(n=True), Reason.INVALID_TYPE, "n"),
    (chat(n=1.0), Reason.INVALID_TYPE, "n"),
    (chat(n="1"), Reason.INVALID_TYPE, "n"),
    (chat(max_tokens=1001), Reason.CAP_EXCEEDED, "max_tokens"),
    (chat(max_tokens=0), Reason.INVALID_VALUE, "max_tokens"),
    (chat(max_tokens=-5), Reason.INVALID_VALUE, "max_tokens"),
    (chat(max_tokens=10**30), Reason.INVALID_VALUE, "max_tokens"),
    (chat(max_tokens=True), Reason.INVALID_TYPE, "max_tokens"),
    (chat(max_completion_tokens=1001), Reason.CAP_EXCEEDED, "max_completion_tokens"),
    (chat(max_completion_tokens="9"), Reason.INVALID_TYPE, "max_completion_tokens"),
    (chat(temperature=-0.1), Reason.INVALID_VALUE, "temperature"),
    (chat(temperature=True), Reason.INVALID_TYPE, "temperature"),
    (chat(temperature="hot"), Reason.INVALID_TYPE, "temperature"),
    (chat(temperature=2.1), Reason.INVALID_VALUE, "temperature"),
    (chat(top_p=-1), Reason.INVALID_VALUE, "top_p"),
    (chat(top_p=4111111111111111), Reason.INVALID_VALUE, "top_p"),
    (chat(presence_penalty=-4111111111111111), Reason.INVALID_VALUE, "presence_penalty"),
    (chat(frequency_penalty=2.01), Reason.INVALID_VALUE, "frequency_penalty"),
    (chat(seed=2**63), Reason.INVALID_VALUE, "seed"),
    (chat(seed=4111111111111111.0), Reason.INVALID_TYPE, "seed"),
    (chat(top_logprobs=21), Reason.INVALID_VALUE, "top_logprobs"),
    (chat(logit_bias=[[1, 2]]), Reason.INVALID_TYPE, "logit_bias"),
    (chat(logit_bias={"1": "x"}), Reason.INVALID_TYPE, "logit_bias.*"),
    (chat(logit_bias={"1": None}), Reason.INVALID_TYPE, "logit_bias.*"),
    (chat(logit_bias={"1": 4111111111111111}), Reason.INVALID_VALUE, "logit_bias.*"),
    (chat(frequency_penalty=False), Reason.INVALID_TYPE, "frequency_penalty"),
    (chat(seed=1.5), Reason.INVALID_TYPE, "seed"),
    (chat(top_logprobs=-1), Reason.INVALID_VALUE, "top_logprobs"),
    (chat(logprobs=1), Reason.INVALID_TYPE, "logprobs"),
    (chat(stop=5), Reason.INVALID_TYPE, "stop"),
    (chat(stop=[5]), Reason.INVALID_TYPE, "stop[0]"),
    (chat(user=5), Reason.INVALID_TYPE, "user"),
    (chat(metadata="x"), Reason.INVALID_TYPE, "metadata"),
    (chat(prediction="x"), Reason.INVALID_TYPE, "prediction"),
    (chat(response_format="json"), Reason.INVALID_TYPE, "response_format"),
    (chat(response_format={}), Reason.MISSING_FIELD, "response_format.type"),
    (chat(tools={}), Reason.INVALID_TYPE, "tools"),
    (chat(tools=[TOOL] * 3), Reason.CAP_EXCEEDED, "tools"),
    (chat(tools=[TOOL, TOOL], functions=[{"name": "g"}]), Reason.CAP_EXCEEDED, "tools"),
    (chat(tools=["f"]), Reason.INVALID_TYPE, "tools[0]"),
    (chat(tools=[{"function": {}}]), Reason.MISSING_FIELD, "tools[0].type"),
    (chat(tools=[{"type": "function"}]), Reason.MISSING_FIELD, "tools[0].function"),
    (chat(tools=[{"type": "function", "function": {}}]), Reason.MISSING_FIELD, "tools[0].function.name"),
    (chat(tools=[{"type": "custom", "custom": {"name": 1}}]), Reason.INVALID_TYPE, "tools[0].custom.name"),
    (chat(functions=[{}]), Reason.MISSING_FIELD, "functions[0].name"),
    (chat(functions=[{"name": "f"}] * 3), Reason.CAP_EXCEEDED, "functions"),
    (chat(tool_choice=1), Reason.INVALID_TYPE, "tool_choice"),
    (chat(tool_choice={"type": "function", "function": {"name": 1}}), Reason.INVALID_TYPE, "tool_choice.name"),
    (chat(function_call=[]), Reason.INVALID_TYPE, "function_call"),
    (chat(prompt=[1, 2]), Reason.TOKEN_IDS, "prompt"),
    (chat(input_ids=[[1, 2]]), Reason.TOKEN_IDS, "input_ids"),
    (  # kept at the provider, whose account all callers share
        said(content=[{"type": "file", "file": {"file_id": "file_1"}}]),
        Reason.STORED_STATE,
        "messages[0].content[0].file_id",
    ),
]


@pytest.mark.parametrize(("body", "reason", "path"), BAD, ids=range(len(BAD)))
def test_a_bad_body_is_refused_with_its_reason_and_path(body: bytes, reason: Reason, path: str | None) -> None:
    """The caller learns which field is wrong, and the error object can be made of it."""
    with pytest.raises(Refused) as caught:
        parse_chat(body, CAPS)
    assert (caught.value.reason, caught.value.fields.get("path")) == (reason, path)
    assert json.loads(error_body(reason, **caught.value.fields))["error"]["code"] == reason.value


def test_a_refusal_holds_no_text_of_the_caller() -> None:
    """Roles, names and values of the caller stay out of it."""
    for body in (
        chat(messages=[{"role": "hunter2", "content": "x"}]),
        chat(tool_choice={"type": "hunter2", "hunter2": {"name": 1}}),
        chat(hunter2={"a": 1}, n="hunter2"),
    ):
        with pytest.raises(Refused) as caught:
            parse_chat(body, CAPS)
        assert (
            "hunter2" not in f"{caught.value}{caught.value!r}{error_body(caught.value.reason, **caught.value.fields)!r}"
        )


EVERYWHERE: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "T1", "name": "T2"},
        {"role": "developer", "content": [{"type": "text", "text": "T3", "cache_control": {"type": "T4"}}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "T5"},
                {"type": "image_url", "image_url": {"url": "https://T6", "detail": "T7"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "T8"}},
                {"type": "file", "file": {"filename": "T9", "file_data": "data:application/pdf;base64,AAAA"}},
                {"type": "T10", "T-key-11": {"deep": ["T12"]}},
                {"type": "refusal", "refusal": "T13"},
            ],
            "T-key-14": "T15",
        },
        {
            "role": "assistant",
            "content": None,
            "refusal": "T16",
            "reasoning_content": "T17",
            "thinking": [{"thinking": "T18"}],
            "tool_calls": [
                {"id": "T19", "type": "function", "function": {"name": "T20", "arguments": '{"T-key-21": ["T22"]}'}},
                {"id": "T23", "type": "custom", "custom": {"name": "T24", "input": "T25"}},
                {"function": {"name": "T26", "arguments": "T27 {not json"}},
            ],
            "function_call": {"name": "T28", "arguments": '{"a":"T29"}'},
        },
        {"role": "tool", "tool_call_id": "T30", "content": "T31"},
        {"role": "function", "name": "T32", "content": "T33"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "T34",
                "description": "T35",
                "parameters": {
                    "properties": {"T-key-36": {"description": "T37", "enum": ["T38"], "default": "T39"}},
                    "examples": [{"x": "T40"}],
                },
            },
        },
        {"type": "custom", "custom": {"name": "T41", "format": {"definition": "T42"}}},
    ],
    "functions": [{"name": "T43", "description": "T44"}],
    "function_call": {"name": "T45"},
    "tool_choice": {"type": "function", "function": {"name": "T46"}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "T47", "schema": {"description": "T48"}}},
    "prediction": {"type": "content", "content": [{"type": "text", "text": "T49"}]},
    "stop": ["T50"],
    "metadata": {"T-key-51": "T52"},
    "user": "T53",
    "T-key-54": [{"T-key-55": "T56"}],
    "service_tier": "T57",
    "stream_options": {"T-key-58": "T59"},
}


def test_every_text_of_a_body_is_found_where_it_stands() -> None:
    """Sixty texts in every known and unknown place; each span cuts out its JSON string, nested ones their fragment."""
    body = json.dumps(EVERYWHERE).encode()
    call = parse_chat(body, replace(CAPS, messages=10, tools=10))
    found = {text.value: text for text in call.texts}
    marks = {f"T{n}" for n in range(1, 60)} | {f"T-key-{n}" for n in range(1, 60)} | {"https://T6", "T27 {not json"}
    expected = {mark for mark in marks if json.dumps(mark)[1:-1] in body.decode() and f"{mark}" in _strings(EVERYWHERE)}
    assert expected <= set(found)
    assert len(expected) == 59
    for text in call.texts:
        cut = body[text.start : text.end].decode()
        assert json.loads(json.loads(f'"{cut}"') if text.nested else cut) == text.value
    assert {found["T22"].nested, found["T-key-21"].nested, found["T29"].nested} == {1}
    assert {found[key].form for key in found if key.startswith("T-key-")} == {"key"}


def _strings(value: Any) -> set[str]:
    """Every string and key, also of JSON inside strings."""
    if isinstance(value, dict):
        return set(value) | {found for child in value.values() for found in _strings(child)}
    if isinstance(value, list):
        return {found for child in value for found in _strings(child)}
    if isinstance(value, str) and value.startswith("{"):
        return _strings(json.loads(value))
    return {value} if isinstance(value, str) else set()


def test_who_speaks_decides_the_channel() -> None:
    """Guards weigh a system prompt and a tool's result differently."""
    call = parse_chat(json.dumps(EVERYWHERE).encode(), replace(CAPS, messages=10, tools=10))
    channels = {text.value: text.channel for text in call.texts}
    assert [channels[f"T{n}"] for n in (1, 2, 3, 5, 16, 22, 31, 33, 35, 44, 53)] == (
        ["system", "system", "system", "user", "assistant", "assistant", "tool", "tool", "tool", "tool", "user"]
    )


def test_paths_are_made_of_known_names_and_indexes() -> None:
    """A path may be shown and recorded, so no name of the caller's is in it."""
    call = parse_chat(json.dumps(EVERYWHERE).encode(), replace(CAPS, messages=10, tools=10))
    paths = {text.value: text.path for text in call.texts}
    assert not [path for path in paths.values() if "T-key" in path or "T1" in path]
    assert paths["T5"] == "messages[2].content[0].text"
    assert paths["T22"] == "messages[3].tool_calls[0].function.arguments"
    assert paths["T15"] == "messages[2].*"
    assert paths["T56"] == "*"


def test_the_call_counts_and_names_what_policies_ask_for() -> None:
    """Messages, roles, media, tools, parameters."""
    call = parse_chat(json.dumps(EVERYWHERE).encode(), replace(CAPS, messages=10, tools=10))
    assert call.messages == 6
    assert call.roles == {"system": 1, "developer": 1, "user": 1, "assistant": 1, "tool": 1, "function": 1}
    assert (call.images, call.audio, call.files) == (2, 1, 1)
    assert [(tool.name, tool.field) for tool in call.tools] == [
        ("T34", "tools"),
        ("T41", "tools"),
        ("T43", "functions"),
    ]
    assert (call.params.tool_choice, call.params.forced_tool) == ("function", "T46")
    assert call.params.response_format == "json_schema"
    assert call.body_bytes == len(json.dumps(EVERYWHERE))


def test_parameters_are_read_with_their_places() -> None:
    """The model's span and the bound's are where edits go."""
    body = chat(model="modèle", max_tokens=7, n=2, temperature=1, stream=True, stream_options={"include_usage": True})
    call = parse_chat(body, CAPS)
    start, length = call.model_span
    assert json.loads(body[start : start + length]) == call.model == "modèle"
    bound = call.params.max_tokens
    assert bound is not None
    assert body[bound.start : bound.end] == b"7"
    assert (call.params.n, call.params.temperature, call.stream, call.include_usage) == (2, 1.0, True, True)


def test_null_is_as_good_as_absent_for_optional_fields() -> None:
    """Clients send them so."""
    names = ("stream", "stream_options", "n", "max_tokens", "temperature", "stop", "user", "metadata", "tools")
    names += ("functions", "tool_choice", "response_format", "prediction", "seed", "top_p", "logprobs")
    call = parse_chat(chat(**dict.fromkeys(names)), CAPS)
    assert (call.stream, call.user, call.tools, call.params.n) == (False, None, (), None)


def test_unknown_fields_pass_and_are_scanned() -> None:
    """Forward compatibility, without a way around the guard."""
    call = parse_chat(chat(reasoning_effort="low", verbosity="deep", x=[1, 2]), CAPS)
    assert [text.value for text in call.texts] == ["hi", "reasoning_effort", "verbosity", "deep"]


def test_the_text_parts_of_a_message_are_known_to_be_one_text() -> None:
    """Whatever stands between them; a part alone is no run."""
    parts = [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "u"}},
        {"type": "text", "text": "b"},
    ]
    call = parse_chat(chat(messages=[{"role": "user", "content": parts}, {"role": "user", "content": parts[:1]}]), CAPS)
    assert [[call.texts[index].value for index in run] for run in call.hints.runs] == [["a", "b"]]


def test_a_long_number_in_a_free_place_is_a_text() -> None:
    """A card number needs no quotes."""
    body = assistant(tool_calls=[{"function": {"name": "pay", "arguments": '{"card": 4111111111111111, "n": 12}'}}])
    call = parse_chat(body, CAPS)
    (card,) = [text for text in call.texts if text.form == "number"]
    assert (card.value, card.nested, body[card.start : card.end]) == ("4111111111111111", 1, b"4111111111111111")


def test_the_conversation_keeps_its_name_as_it_grows() -> None:
    """Sticky routing goes by it; another opening is another conversation."""
    opening = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    first = parse_chat(chat(messages=opening), CAPS).conversation
    grown = [*opening, {"role": "assistant", "content": "a"}, {"role": "user", "content": "v"}]
    assert parse_chat(chat(messages=grown, temperature=1), CAPS).conversation == first
    other = [opening[0], {"role": "user", "content": "other"}]
    assert parse_chat(chat(messages=other), CAPS).conversation != first
    moved = [{"role": "system", "content": [{"type": "text", "text": "s", "cache_control": {"type": "x"}}]}, opening[1]]
    assert parse_chat(chat(messages=moved), CAPS).conversation == first
    assert len(first) == 16


def test_a_call_shows_no_text_and_survives_the_way_between_processes() -> None:
    """It may be logged, and it may be made elsewhere."""
    call = parse_chat(json.dumps(EVERYWHERE).encode(), replace(CAPS, messages=10, tools=10))
    assert not [mark for mark in _strings(EVERYWHERE) if mark.startswith("T") and f"'{mark}'" in repr(call)]
    assert pickle.loads(pickle.dumps(call)) == call  # noqa: S301


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([*EVERYWHERE, "n", "max_tokens", "role", "content", "type", "text", "function", "arguments"])


@given(st.dictionaries(NAMES, JSON_VALUES), st.dictionaries(NAMES, JSON_VALUES))
def test_whatever_is_sent_it_is_parsed_or_refused(fields: dict[str, Any], message: dict[str, Any]) -> None:
    """No other exception: that would be a 500 for a caller's fault."""
    body = {**fields, "model": "m", "messages": [{"role": "user", "content": "x", **message}]}
    try:
        call = parse_chat(json.dumps(body).encode("utf-8", "surrogatepass"), CAPS)
    except Refused as refused:
        assert error_body(refused.reason, **refused.fields)
    else:
        assert call.messages == 1
