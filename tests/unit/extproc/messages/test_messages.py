"""Messages bodies: what is refused, that every text is found, and that policies are told what they are told of chat."""

import json
import pickle
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.messages.edit import apply, cap_max_tokens, drop_tools
from extproc.messages.messages import parse_messages
from extproc.messages.refusal import Refused, error_body
from forebay.config.resolved import Caps
from forebay.outcomes import Reason

CAPS = Caps(messages=4, tools=2, n=3, max_tokens=1000, inputs=4, depth=32)
WIDE = replace(CAPS, messages=10, tools=10)
USER = {"role": "user", "content": "hi"}
NOISE = bytes(range(256)) * 4
CONTENT = "messages[0].content[0]"


def call_of(**fields: Any) -> bytes:
    """A call with these members beside the required ones."""
    return json.dumps({"model": "m", "max_tokens": 9, "messages": [USER], **fields}).encode()


def said(*blocks: Any) -> bytes:
    """A user's message of these blocks."""
    return call_of(messages=[{"role": "user", "content": list(blocks)}])


BAD: list[tuple[bytes, Reason, str | None]] = [
    (b"", Reason.EMPTY_BODY, None),
    (b"nope", Reason.MALFORMED_JSON, None),
    (b"[" * 100_000, Reason.TOO_DEEP, None),
    (b"[]", Reason.INVALID_TYPE, "body"),
    (b"{}", Reason.MISSING_FIELD, "model"),
    (b'{"model":"m"}', Reason.MISSING_FIELD, "messages"),
    (b'{"model":"m","messages":[]}', Reason.MISSING_FIELD, "max_tokens"),
    (b'{"model":"m","mod\\u0065l":"n","messages":[]}', Reason.DUPLICATE_KEY, None),
    (b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"\\ud800"}]}', Reason.INVALID_ENCODING, None),
    (call_of(model=1), Reason.INVALID_TYPE, "model"),
    (call_of(model=""), Reason.INVALID_VALUE, "model"),
    (call_of(messages=None), Reason.INVALID_TYPE, "messages"),
    (call_of(messages=[]), Reason.EMPTY_MESSAGES, None),
    (call_of(messages=[USER] * 5), Reason.CAP_EXCEEDED, "messages"),
    (call_of(messages=["hi"]), Reason.INVALID_TYPE, "messages[0]"),
    (call_of(messages=[{"content": "x"}]), Reason.MISSING_FIELD, "messages[0].role"),
    (call_of(messages=[{"role": "developer", "content": "x"}]), Reason.UNKNOWN_ROLE, "messages[0].role"),
    (call_of(messages=[{"role": "tool", "content": "x"}]), Reason.UNKNOWN_ROLE, "messages[0].role"),
    (call_of(messages=[{"role": "user"}]), Reason.MISSING_FIELD, "messages[0].content"),
    (call_of(messages=[{"role": "user", "content": None}]), Reason.INVALID_TYPE, "messages[0].content"),
    (call_of(messages=[{"role": "user", "content": 5}]), Reason.INVALID_TYPE, "messages[0].content"),
    (said(1, 2), Reason.TOKEN_IDS, "messages[0].content"),
    (said("x"), Reason.INVALID_TYPE, "messages[0].content[0]"),
    (said({"text": "x"}), Reason.MISSING_FIELD, "messages[0].content[0].type"),
    (said({"type": "text"}), Reason.MISSING_FIELD, "messages[0].content[0].text"),
    (said({"type": "text", "text": 1}), Reason.INVALID_TYPE, "messages[0].content[0].text"),
    (said({"type": "document"}), Reason.MISSING_FIELD, "messages[0].content[0].source"),
    (said({"type": "document", "source": "x"}), Reason.INVALID_TYPE, "messages[0].content[0].source"),
    (
        said({"type": "document", "source": {"type": "text"}}),
        Reason.MISSING_FIELD,
        "messages[0].content[0].source.data",
    ),
    (
        said({"type": "document", "source": {"type": "content", "content": 5}}),
        Reason.INVALID_TYPE,
        "messages[0].content[0].source.content",
    ),
    (said({"type": "tool_use", "input": {}}), Reason.MISSING_FIELD, "messages[0].content[0].name"),
    (said({"type": "tool_use", "name": "f", "input": "{}"}), Reason.INVALID_TYPE, "messages[0].content[0].input"),
    (
        said({"type": "tool_result", "content": [{"type": "text"}]}),
        Reason.MISSING_FIELD,
        "messages[0].content[0].content[0].text",
    ),
    (said({"type": "thinking", "thinking": 1}), Reason.INVALID_TYPE, "messages[0].content[0].thinking"),
    (said({"type": "thinking", "signature": {}}), Reason.INVALID_TYPE, "messages[0].content[0].signature"),
    (call_of(system=5), Reason.INVALID_TYPE, "system"),
    (call_of(system=[5]), Reason.TOKEN_IDS, "system"),
    (call_of(system=[{"type": "text"}]), Reason.MISSING_FIELD, "system[0].text"),
    (call_of(stream=1), Reason.INVALID_TYPE, "stream"),
    (call_of(max_tokens=None), Reason.INVALID_TYPE, "max_tokens"),
    (call_of(max_tokens=0), Reason.INVALID_VALUE, "max_tokens"),
    (call_of(max_tokens=1001), Reason.CAP_EXCEEDED, "max_tokens"),
    (call_of(max_tokens="9"), Reason.INVALID_TYPE, "max_tokens"),
    (call_of(temperature=1.1), Reason.INVALID_VALUE, "temperature"),
    (call_of(top_p=2), Reason.INVALID_VALUE, "top_p"),
    (call_of(top_k=4111111111111111), Reason.INVALID_VALUE, "top_k"),
    (call_of(stop_sequences="x"), Reason.INVALID_TYPE, "stop_sequences"),
    (call_of(stop_sequences=[1]), Reason.INVALID_TYPE, "stop_sequences[0]"),
    (call_of(metadata="x"), Reason.INVALID_TYPE, "metadata"),
    (call_of(metadata={"user_id": 1}), Reason.INVALID_TYPE, "metadata.user_id"),
    (call_of(thinking="on"), Reason.INVALID_TYPE, "thinking"),
    (call_of(thinking={}), Reason.MISSING_FIELD, "thinking.type"),
    (call_of(thinking={"type": "enabled", "budget_tokens": "x"}), Reason.INVALID_TYPE, "thinking.budget_tokens"),
    (call_of(tools={}), Reason.INVALID_TYPE, "tools"),
    (call_of(tools=[{"name": "f"}] * 3), Reason.CAP_EXCEEDED, "tools"),
    (call_of(tools=[{}]), Reason.MISSING_FIELD, "tools[0].name"),
    (call_of(tools=[{"name": 1, "type": "custom"}]), Reason.INVALID_TYPE, "tools[0].name"),
    (call_of(tool_choice="auto"), Reason.INVALID_TYPE, "tool_choice"),
    (call_of(tool_choice={"name": "f"}), Reason.MISSING_FIELD, "tool_choice.type"),
    (call_of(tool_choice={"type": "tool", "name": 1}), Reason.INVALID_TYPE, "tool_choice.name"),
    (call_of(prompt=[1, 2]), Reason.TOKEN_IDS, "prompt"),
    # what is kept at the provider, whose account all callers share
    (said({"type": "image", "source": {"type": "file", "file_id": "f"}}), Reason.STORED_STATE, f"{CONTENT}.file_id"),
    (
        said({"type": "document", "source": {"type": "file", "file_id": "f"}}),
        Reason.STORED_STATE,
        f"{CONTENT}.source.file_id",
    ),
    (said({"type": "container_upload", "file_id": "f"}), Reason.STORED_STATE, f"{CONTENT}.file_id"),
    (call_of(container="container_1"), Reason.STORED_STATE, "container"),
    (call_of(container={"id": "container_1"}), Reason.STORED_STATE, "container"),
]


@pytest.mark.parametrize(("body", "reason", "path"), BAD, ids=range(len(BAD)))
def test_a_bad_body_is_refused_with_its_reason_and_path(body: bytes, reason: Reason, path: str | None) -> None:
    """The caller learns which field is wrong, and the error body can be made of it."""
    with pytest.raises(Refused) as caught:
        parse_messages(body, CAPS)
    assert (caught.value.reason, caught.value.fields.get("path")) == (reason, path)
    assert json.loads(error_body(reason, "anthropic", "", **caught.value.fields))["type"] == "error"


EVERYWHERE: dict[str, Any] = {
    "model": "m",
    "max_tokens": 9,
    "system": [{"type": "text", "text": "T1", "cache_control": {"type": "T2"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "T3", "citations": [{"cited_text": "T4", "document_title": "T5"}]},
                {"type": "image", "source": {"type": "url", "url": "https://T6"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "T7"}},
                {"type": "document", "title": "T8", "context": "T9", "source": {"type": "url", "url": "https://T10"}},
                {
                    "type": "document",
                    "source": {"type": "content", "content": [{"type": "text", "text": "T11"}], "T-key-12": 1},
                },
                {"type": "document", "source": {"type": "content", "content": "T13"}},
                {"type": "T14", "T-key-15": {"deep": ["T16"]}},
                {
                    "type": "search_result",
                    "source": "T17",
                    "title": "T18",
                    "content": [{"type": "text", "text": "T19"}],
                },
            ],
            "T-key-20": "T21",
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "T22", "signature": "T23"},
                {"type": "redacted_thinking", "data": "T24", "T-key-25": 1},
                {"type": "text", "text": "T26"},
                {"type": "tool_use", "id": "T27", "name": "T28", "input": {"T-key-29": ["T30", {"a": "T31"}]}},
                {"type": "server_tool_use", "id": "x", "name": "T32", "input": {"query": "T33"}},
                {"type": "web_search_tool_result", "content": [{"type": "web_search_result", "title": "T34"}]},
                {"type": "web_search_tool_result", "content": {"type": "error", "error_code": "T35"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "T36", "content": "T37"},
                {
                    "type": "tool_result",
                    "is_error": True,
                    "content": [
                        {"type": "text", "text": "T38"},
                        {"type": "image", "source": {"type": "url", "url": "https://T39"}},
                        {"type": "document", "source": {"type": "text", "data": "T40"}},
                    ],
                },
                {"type": "tool_result"},
            ],
        },
    ],
    "tools": [
        {
            "name": "T41",
            "description": "T42",
            "input_schema": {"properties": {"T-key-43": {"description": "T44", "enum": ["T45"]}}},
        },
        {"type": "bash_20250124", "name": "T46"},
        {"type": "T47", "mcp_server_name": "T48"},
    ],
    "tool_choice": {"type": "tool", "name": "T49"},
    "stop_sequences": ["T50"],
    "metadata": {"user_id": "T51", "T-key-52": "T53"},
    "mcp_servers": [{"url": "https://T54", "authorization_token": "T55"}],
    "thinking": {"type": "enabled", "budget_tokens": 5, "T-key-56": "T57"},
    "service_tier": "T58",
}


def marks(value: Any) -> set[str]:
    """Every mark of EVERYWHERE, as it stands."""
    if isinstance(value, dict):
        return {key for key in value if key.startswith("T-key")} | {
            one for each in value.values() for one in marks(each)
        }
    if isinstance(value, list):
        return {one for each in value for one in marks(each)}
    return {value} if isinstance(value, str) and value.removeprefix("https://").startswith("T") else set()


def test_every_text_of_a_body_is_found_where_it_stands() -> None:
    """In every known and unknown place; each span cuts out its JSON string."""
    body = json.dumps(EVERYWHERE, ensure_ascii=False).encode()
    call = parse_messages(body, WIDE)
    found = {text.value: text for text in call.texts}
    assert len(marks(EVERYWHERE)) == 58
    assert marks(EVERYWHERE) <= set(found)
    assert [json.loads(body[text.start : text.end]) for text in call.texts] == [text.value for text in call.texts]
    assert {found[key].form for key in found if key.startswith("T-key-")} == {"key"}


def test_who_speaks_decides_the_channel() -> None:
    """A tool's result is a tool's, whoever's turn it stands in."""
    channels = {text.value: text.channel for text in parse_messages(json.dumps(EVERYWHERE).encode(), WIDE).texts}
    asked = [channels[f"T{n}"] for n in (1, 2, 3, 7, 11, 51, 22, 26, 28, 31, 19, 34, 37, 38, 40, 42)]
    assert asked == ["system"] * 2 + ["user"] * 4 + ["assistant"] * 4 + ["tool"] * 6


def test_paths_are_made_of_known_names_and_indexes() -> None:
    """A path may be shown and recorded, so no name of the caller's is in it."""
    paths = {text.value: text.path for text in parse_messages(json.dumps(EVERYWHERE).encode(), WIDE).texts}
    assert not [path for path in paths.values() if "T-key" in path or "T1" in path]
    assert paths["T1"] == "system[0].text"
    assert paths["T11"] == "messages[0].content[5].source.content[0].text"
    assert paths["T31"] == "messages[1].content[3].input"
    assert paths["T38"] == "messages[2].content[1].content[0].text"
    assert paths["T58"] == "*"


def test_the_call_tells_policies_what_chat_would() -> None:
    """Messages with the system prompt, roles, media, tools, and the choice among them in the words of chat."""
    call = parse_messages(json.dumps(EVERYWHERE).encode(), WIDE)
    assert (call.operation, call.messages, call.roles) == ("messages", 4, {"system": 1, "user": 2, "assistant": 1})
    assert (call.images, call.audio, call.files) == (3, 0, 5)
    assert [tool.name for tool in call.tools] == ["T41", "T46", "T47"]
    assert call.called == ("T28", "T32")
    assert (call.params.tool_choice, call.params.forced_tool, call.user) == ("function", "T49", "T51")
    for given_, told in (("auto", "auto"), ("any", "required"), ("none", "none"), ("new", "new")):
        assert parse_messages(call_of(tool_choice={"type": given_}), CAPS).params.tool_choice == told


def test_a_stream_needs_no_asking_for_usage() -> None:
    """Every stream of this API states it."""
    call = parse_messages(call_of(stream=True, temperature=1), CAPS)
    assert (call.stream, call.include_usage, call.params.temperature) == (True, True, 1.0)


def test_thinking_is_scanned_but_may_not_change() -> None:
    """Its text, and a signature that could be words; one that is nothing but base64 is not looked into."""
    sealed = b64encode(NOISE[200:248]).decode()
    blocks = [
        {"type": "thinking", "thinking": "thought", "signature": sealed},
        {"type": "redacted_thinking", "data": b64encode(NOISE).decode()},
        {"type": "thinking", "thinking": "", "signature": sealed[:63]},
        {"type": "redacted_thinking", "data": b64encode(b"plain text " * 60).decode()},
    ]
    call = parse_messages(call_of(messages=[{"role": "assistant", "content": blocks}]), CAPS)
    assert [call.texts[index].value for index in call.hints.signed] == ["thought", sealed[:63], blocks[3]["data"]]
    assert sealed not in {text.value for text in call.texts}


def test_compacted_turns_may_not_change_either() -> None:
    """Their summary is signed; one that failed is empty."""
    blocks = [
        {"type": "compaction", "content": "summary", "signature": "words", "encrypted_content": None},
        {"type": "compaction", "content": None},
    ]
    call = parse_messages(call_of(messages=[{"role": "assistant", "content": blocks}]), CAPS)
    assert [call.texts[index].value for index in call.hints.signed] == ["summary", "words"]


def test_a_system_prompt_may_stand_between_the_messages() -> None:
    """It is guarded as one."""
    call = parse_messages(call_of(system="a", messages=[USER, {"role": "system", "content": "b"}]), CAPS)
    assert (call.messages, call.roles) == (3, {"system": 2, "user": 1})
    assert {text.value: text.channel for text in call.texts} == {"a": "system", "hi": "user", "b": "system"}


def test_what_the_provider_has_encrypted_is_left_alone() -> None:
    """In results and citations it comes back as it went; what is no such thing under its name is scanned."""
    sealed = b64encode(NOISE).decode()
    result = {"type": "web_search_result", "title": "t", "encrypted_content": sealed}
    blocks = [
        {"type": "web_search_tool_result", "content": [result, {**result, "encrypted_content": "words"}]},
        {
            "type": "text",
            "text": "x",
            "citations": [{"cited_text": "c", "encrypted_index": sealed, "encrypted_x": "y"}],
        },
    ]
    call = parse_messages(call_of(messages=[{"role": "assistant", "content": blocks}]), CAPS)
    found = {text.value: text.path for text in call.texts}
    assert sealed not in found
    assert {"t", "words", "c", "y"} <= set(found)
    assert found["c"] == "messages[0].content[1].citations[0].*"
    with pytest.raises(Refused):
        parse_messages(said({"type": "text", "text": "x", "citations": ["x"]}), CAPS)


def test_a_document_that_says_it_is_text_is_text() -> None:
    """However much its data looks like base64 of something else."""
    data = "A" * 600
    for source, seen in (({"type": "text", "data": data}, True), ({"type": "base64", "data": data}, False)):
        call = parse_messages(said({"type": "document", "source": source}), CAPS)
        assert (data in {text.value for text in call.texts}) == seen


def test_the_text_blocks_of_a_message_are_known_to_be_one_text() -> None:
    """Whatever stands between them, thinking left out; a block alone is no run."""
    blocks = [{"type": "text", "text": "a"}, {"type": "thinking", "thinking": "t"}, {"type": "text", "text": "b"}]
    call = parse_messages(said(*blocks), CAPS)
    assert [[call.texts[index].value for index in run] for run in call.hints.runs] == [["a", "b"]]


def test_the_conversation_keeps_its_name_as_it_grows() -> None:
    """Sticky routing goes by it, wherever in the body the system prompt stands."""
    first = parse_messages(call_of(system="s"), CAPS).conversation
    grown = call_of(
        messages=[USER, {"role": "assistant", "content": "a"}, USER], system=[{"type": "text", "text": "s"}]
    )
    assert parse_messages(grown, CAPS).conversation == first
    assert parse_messages(call_of(), CAPS).conversation != first
    assert parse_messages(call_of(messages=[USER, {"role": "system", "content": "s"}]), CAPS).conversation == first
    assert len(first) == 16


def test_null_is_as_good_as_absent_for_optional_fields() -> None:
    """Clients send them so."""
    names = ("system", "stream", "temperature", "stop_sequences", "metadata", "tools", "tool_choice", "thinking")
    call = parse_messages(call_of(**dict.fromkeys(names)), CAPS)
    assert (call.stream, call.user, call.tools, call.messages) == (False, None, (), 1)


def test_tools_are_dropped_and_answers_capped_as_in_chat() -> None:
    """What a policy demands is done to this body, too."""
    body = call_of(tools=[{"name": "f"}, {"name": "g"}], tool_choice={"type": "tool", "name": "f"})
    call = parse_messages(body, CAPS)
    assert json.loads(apply(body, drop_tools(call, {"f"})))["tools"] == [{"name": "g"}]
    assert "tool_choice" not in json.loads(apply(body, drop_tools(call, {"f"})))
    assert json.loads(apply(body, cap_max_tokens(call, 4)))["max_tokens"] == 4
    assert cap_max_tokens(call, 10) == []


def test_a_call_shows_no_text_and_survives_the_way_between_processes() -> None:
    """It may be logged, and it may be made elsewhere."""
    call = parse_messages(json.dumps(EVERYWHERE).encode(), WIDE)
    assert not [mark for mark in marks(EVERYWHERE) if f"'{mark}'" in repr(call)]
    assert pickle.loads(pickle.dumps(call)) == call  # noqa: S301


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([*EVERYWHERE, "role", "content", "type", "text", "source", "data", "input", "name"])
TYPES = st.sampled_from(["text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking", "x"])


@given(st.dictionaries(NAMES, JSON_VALUES), st.lists(st.tuples(TYPES, st.dictionaries(NAMES, JSON_VALUES)), max_size=3))
def test_whatever_is_sent_it_is_parsed_or_refused(
    fields: dict[str, Any], blocks: list[tuple[str, dict[str, Any]]]
) -> None:
    """No other exception: that would be a 500 for a caller's fault."""
    content = [{**members, "type": type_} for type_, members in blocks]
    body = {**fields, "model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": content}]}
    try:
        call = parse_messages(json.dumps(body).encode("utf-8", "surrogatepass"), CAPS)
    except Refused as refused:
        assert error_body(refused.reason, **refused.fields)
    else:
        assert call.messages >= 1
