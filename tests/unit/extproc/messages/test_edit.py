"""Edits: exactly the bytes that must change."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.findings import Text
from extproc.messages.chat import parse_chat
from extproc.messages.edit import Edit, apply, ask_for_usage, cap_max_tokens, drop_tools, edits_for, escape, shift
from extproc.messages.embeddings import parse_embeddings
from forebay.config.resolved import Caps

CAPS = Caps(messages=9, tools=9, n=3, max_tokens=1000, inputs=3, depth=32)
USER = {"role": "user", "content": "hi"}
TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('\n"\\😀é/'), min_size=1, max_size=25)


def tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def chat(indent: int | None = None, **fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [USER], **fields}, indent=indent).encode()


def _replaced(value: str, spans: list[tuple[int, int, str]]) -> str:
    for start, end, new in reversed(spans):
        value = value[:start] + new + value[end:]
    return value


def _spans(length: int, cuts: list[int], news: list[str]) -> list[tuple[int, int, str]]:
    bounds = sorted(cut % (length + 1) for cut in cuts)
    pairs = zip(bounds[::2], bounds[1::2], strict=False)
    return [(start, end, new) for (start, end), new in zip(pairs, news, strict=False)]


@given(TEXT, st.lists(st.integers(0, 99), max_size=6), st.lists(TEXT, min_size=3, max_size=3), st.booleans())
def test_a_text_gets_exactly_its_replacements(value: str, cuts: list[int], news: list[str], ascii_only: bool) -> None:
    """One edit per replacement, and no byte outside the spans changes."""
    content = json.dumps(value, ensure_ascii=ascii_only).encode()
    body = b'{"k": ' + content + b', "z":1}'
    spans = _spans(len(value), cuts, news)
    edits = edits_for(Text("k", "user", value, 6, 6 + len(content)), body, spans)
    assert len(edits) == len(spans)
    assert json.loads(apply(body, edits)) == {"k": _replaced(value, spans), "z": 1}
    for edit, (start, end, _) in zip(edits, spans, strict=True):
        assert json.loads(b'"' + body[edit.start : edit.end] + b'"') == value[start:end]


@given(
    TEXT,
    st.lists(st.integers(0, 99), max_size=6),
    st.lists(TEXT, min_size=3, max_size=3),
    st.booleans(),
    st.booleans(),
)
def test_a_nested_text_is_replaced_at_its_depth(
    value: str, cuts: list[int], news: list[str], ascii_inside: bool, ascii_outside: bool
) -> None:
    """The argument's JSON stays JSON, whatever the value holds."""
    arguments = json.dumps({"a": "é", "xx": value + "~~~~~~~~", "b": 1}, ensure_ascii=ascii_inside)
    message = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}
    body = json.dumps({"model": "m", "messages": [message]}, ensure_ascii=ascii_outside).encode()
    (text,) = [text for text in parse_chat(body, CAPS).texts if text.value.endswith("~~~~~~~~")]
    spans = _spans(len(value), cuts, news)
    edited = json.loads(apply(body, edits_for(text, body, spans)))
    inner = json.loads(edited["messages"][0]["tool_calls"][0]["function"]["arguments"])
    assert inner == {"a": "é", "xx": _replaced(value, spans) + "~~~~~~~~", "b": 1}


def test_a_key_is_edited_like_a_string() -> None:
    """Secrets hide there too."""
    body = chat(metadata={"me@example.org": "v"})
    (key,) = [text for text in parse_chat(body, CAPS).texts if text.value == "me@example.org"]
    edited = apply(body, edits_for(key, body, [(0, 14, "[E]")]))
    assert json.loads(edited)["metadata"] == {"[E]": "v"}


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(0, 16, "[CARD]")], "[CARD]"),
        ([(4, 8, "[X]")], "4111[X]11111111"),
        ([(0, 4, "[X]"), (6, 8, '"')], '[X]11"11111111'),
        ([(1, 2, "a"), (3, 4, "b"), (15, 16, "c")], "4a1b" + "1" * 11 + "c"),
    ],
)
def test_a_number_becomes_a_string(spans: list[tuple[int, int, str]], expected: str) -> None:
    """A placeholder is no number; flat and nested."""
    arguments = '{"card":4111111111111111}'
    body = chat(
        messages=[{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}],
        extra={"card": 4111111111111111},
    )
    cards = [text for text in parse_chat(body, CAPS).texts if text.form == "number"]
    edited = json.loads(apply(body, [edit for text in cards for edit in edits_for(text, body, spans)]))
    assert edited["extra"] == {"card": expected}
    assert json.loads(edited["messages"][0]["tool_calls"][0]["function"]["arguments"]) == {"card": expected}


@pytest.mark.parametrize("spans", [[(2, 1, "")], [(0, 2, ""), (1, 3, "")], [(2, 3, ""), (0, 1, "")], [(0, 9, "")]])
def test_spans_that_make_no_sense_are_an_error(spans: list[tuple[int, int, str]]) -> None:
    """A detector that gives them is broken, and the guard is closed on that."""
    with pytest.raises(ValueError, match=r"overlap|beyond"):
        edits_for(Text("k", "user", "abc", 0, 5), b'"abc"', spans)


def test_edits_may_come_in_any_order_but_not_overlap() -> None:
    """They are collected from many texts."""
    assert apply(b"abcdef", [Edit(4, 5, b"X"), Edit(0, 1, b""), Edit(2, 2, b"--")]) == b"b--cdXf"
    for edits in ([Edit(0, 3, b""), Edit(2, 4, b"")], [Edit(0, 9, b"")], [Edit(3, 2, b"")], [Edit(-1, 2, b"")]):
        with pytest.raises(ValueError, match="overlap"):
            apply(b"abcdef", edits)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3), st.binary(max_size=4)), max_size=6), st.integers(0, 39)
)
def test_shift_follows_a_byte_that_stays(raw: list[tuple[int, int, bytes]], offset: int) -> None:
    """Whatever is edited before and after it."""
    body = bytes(range(100, 140))
    edits, at = [], 0
    for start, length, new in sorted(raw):
        if start >= at and not start <= offset < start + length and start + length <= len(body):
            edits.append(Edit(start, start + length, new.translate(None, body)))
            at = start + length + 1
    assert apply(body, edits)[shift(offset, edits)] == body[offset]


def test_a_byte_that_is_edited_away_has_no_new_place() -> None:
    """Asking for it is a defect."""
    with pytest.raises(ValueError, match="away"):
        shift(3, [Edit(3, 4, b"x")])


def test_escape_adds_one_layer_per_depth() -> None:
    """As JSON in a string in a string has it."""
    assert [escape('"', depth) for depth in (0, 1, 2)] == [b'"', b'\\"', b'\\\\\\"']


NAMES = ["a", "b", "c", "d"]


@given(st.sets(st.sampled_from([*NAMES, "unknown"])), st.sampled_from([None, 1]), st.booleans())
def test_dropped_tools_leave_valid_lists(names: set[str], indent: int | None, choice_first: bool) -> None:
    """Commas stay right; with the last tool goes the list and what depends on it."""
    fields: dict[str, Any] = {"tools": [tool(name) for name in NAMES], "parallel_tool_calls": True, "temperature": 1}
    choice = {"tool_choice": {"type": "function", "function": {"name": "b"}}}
    fields = {**choice, **fields} if choice_first else {**fields, **choice}
    body = chat(indent, **fields)
    call = parse_chat(body, CAPS)
    edits = drop_tools(call, names)
    edited = json.loads(apply(body, edits))
    kept = [name for name in NAMES if name not in names]
    assert [element["function"]["name"] for element in edited.get("tools", [])] == kept
    assert ("tools" in edited, "parallel_tool_calls" in edited) == (bool(kept), bool(kept))
    assert ("tool_choice" in edited) == ("b" in kept)
    assert edited["temperature"] == 1
    start = shift(call.model_span[0], edits)
    assert apply(body, edits)[start : start + call.model_span[1]] == b'"m"'


def test_the_older_functions_can_be_dropped_too() -> None:
    """Both lists, in one go."""
    body = json.dumps(
        {"functions": [{"name": "a"}, {"name": "b"}], "function_call": {"name": "a"}, "model": "m", "messages": [USER]}
    ).encode()
    call = parse_chat(body, CAPS)
    assert json.loads(apply(body, drop_tools(call, ["a"]))) == {
        "functions": [{"name": "b"}],
        "model": "m",
        "messages": [USER],
    }
    assert json.loads(apply(body, drop_tools(call, ["a", "b"]))) == {"model": "m", "messages": [USER]}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"max_tokens": 50}),
        ({"max_tokens": None}, {"max_tokens": 50}),
        ({"max_tokens": 49}, {"max_tokens": 49}),
        ({"max_tokens": 900}, {"max_tokens": 50}),
        ({"max_completion_tokens": 900}, {"max_completion_tokens": 50}),
        ({"max_completion_tokens": None}, {"max_tokens": 50}),
        ({"max_tokens": 900, "max_completion_tokens": 20}, {"max_tokens": 50, "max_completion_tokens": 20}),
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_the_answer_s_length_is_capped(fields: dict[str, Any], expected: dict[str, int], indent: int | None) -> None:
    """Stated bounds come down, a missing one is put in, and the model's place is still known."""
    for body in (chat(indent, **fields), json.dumps({**fields, **json.loads(chat())}, indent=indent).encode()):
        call = parse_chat(body, CAPS)
        edits = cap_max_tokens(call, 50)
        edited = apply(body, edits)
        assert json.loads(edited) == {"model": "m", "messages": [USER], **expected}
        start = shift(call.model_span[0], edits)
        assert edited[start : start + call.model_span[1]] == b'"m"'


def test_the_name_of_an_added_bound_can_be_chosen() -> None:
    """Reasoning models refuse the older one."""
    body = chat()
    edited = apply(body, cap_max_tokens(parse_chat(body, CAPS), 5, "max_completion_tokens"))
    assert json.loads(edited)["max_completion_tokens"] == 5


def test_embeddings_have_no_length_to_cap() -> None:
    """There is nothing to generate."""
    assert cap_max_tokens(parse_embeddings(b'{"model":"m","input":"x"}', CAPS), 5) == []


@pytest.mark.parametrize("options", [{}, {"stream_options": None}, {"stream_options": {"include_usage": False}}])
@pytest.mark.parametrize("dropped", [["a"], ["a", "b"]])
@pytest.mark.parametrize("bound", [900, None])
def test_redactions_drops_caps_and_usage_fit_together(
    options: dict[str, Any], dropped: list[str], bound: int | None
) -> None:
    """All of them are applied at once, wherever they stand."""
    mail = [{"role": "user", "content": "mail me@x.org"}]
    body = chat(max_tokens=bound, tools=[tool("a"), tool("b")], **options, stream=True, messages=mail)
    call = parse_chat(body, CAPS)
    (text,) = [text for text in call.texts if text.path == "messages[0].content"]
    edits = [*cap_max_tokens(call, 5), *drop_tools(call, dropped), *edits_for(text, body, [(5, 13, "[E]")])]
    edited = json.loads(apply(body, [*edits, *ask_for_usage(call)]))
    assert edited["stream_options"] == {"include_usage": True}
    assert edited["messages"] == [{"role": "user", "content": "mail [E]"}]
    assert (edited["max_tokens"], len(edited.get("tools", []))) == (5, 2 - len(dropped))


def test_only_a_stream_that_does_not_say_so_itself_is_asked_for_its_usage() -> None:
    """Providers refuse `stream_options` without `stream`."""
    assert ask_for_usage(parse_chat(chat(stream=True, stream_options={"include_usage": True}), CAPS)) == []
    assert ask_for_usage(parse_chat(chat(stream_options={}), CAPS)) == []
