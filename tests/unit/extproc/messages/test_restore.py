"""Placeholders back into values."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.messages.refusal import Refused
from extproc.messages.restore import MAX_RESTORED, MAX_VALUES, restore
from extproc.streams.restoring import MAX_RESTORED as MAX_REPLACEMENTS
from extproc.streams.restoring import Restoring
from forebay.outcomes import Reason

A, B = "[EMAIL_ADDRESS_x7k2mq]", "[PERSON_aaaaaa]"
VALUES = {A: 'o"brien\n@é.org', B: A}


def answer(**message: Any) -> bytes:
    return json.dumps({"choices": [{"message": message}], A: "key"}).encode()


def _message(body: bytes) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(body)["choices"][0]["message"]
    return message


def test_every_string_of_the_answer_is_restored() -> None:
    """Content, refusal, reasoning and parts; keys stay."""
    body, count = restore(answer(content=f"to {A}, {A}", refusal=A, reasoning_content=A, parts=[{"text": A}]), VALUES)
    value = VALUES[A]
    assert count == 5
    assert _message(body) == {
        "content": f"to {value}, {value}",
        "refusal": value,
        "reasoning_content": value,
        "parts": [{"text": value}],
    }
    assert A in json.loads(body)


def test_tool_arguments_stay_json() -> None:
    """The value is escaped twice there, and keys inside stay too."""
    arguments = json.dumps({"to": A, "cc": [A], A: 1})
    body, count = restore(answer(tool_calls=[{"function": {"arguments": arguments}}]), VALUES)
    restored = json.loads(_message(body)["tool_calls"][0]["function"]["arguments"])
    assert (restored, count) == ({"to": VALUES[A], "cc": [VALUES[A]], A: 1}, 2)


def test_structured_output_stays_json() -> None:
    """It is JSON in a string as well."""
    body, _ = restore(answer(content=json.dumps({"email": A})), VALUES)
    assert json.loads(_message(body)["content"]) == {"email": VALUES[A]}


def test_text_that_begins_like_json_is_still_text() -> None:
    """A placeholder itself begins with a bracket."""
    body, count = restore(answer(content=f"{A} said", refusal=f"{{broken {A}"), VALUES)
    assert (_message(body), count) == ({"content": f"{VALUES[A]} said", "refusal": f"{{broken {VALUES[A]}"}, 2)


def test_a_restored_value_is_not_looked_at_again() -> None:
    """Else one caller's text could pull in another value."""
    body, count = restore(answer(content=B), VALUES)
    assert (_message(body)["content"], count) == (A, 1)


@pytest.mark.parametrize(
    "text", ["[EMAIL_ADDRESS_x7k2mr]", "EMAIL_ADDRESS_x7k2mq", "[email_address_x7k2mq]", A[:-1], ""]
)
def test_what_only_looks_alike_stays(text: str) -> None:
    """Only exact keys are restored."""
    body = answer(content=text)
    assert restore(body, VALUES) == (body, 0)


def test_a_placeholder_spelled_with_escapes_is_found() -> None:
    """JSON allows any spelling."""
    body = answer(content=A).replace(b'"content": "[', b'"content": "\\u005b')
    assert _message(restore(body, VALUES)[0])["content"] == VALUES[A]


def test_a_target_keeps_its_placeholder_unless_links_are_allowed() -> None:
    """Fetching it would carry the value away; the same as in a stream."""
    body = answer(content=f"see https://a.example/?q={A} and {A}")
    restored, count = restore(body, VALUES)
    assert (_message(restored)["content"], count) == (f"see https://a.example/?q={A} and {VALUES[A]}", 1)
    assert restore(body, VALUES, links=True)[1] == 2


def test_a_key_that_is_no_placeholder_is_a_defect() -> None:
    """Nothing but placeholders can be asked for."""
    with pytest.raises(ValueError, match="placeholder"):
        restore(b"{}", {"<A>": "1"})


PIECES = st.sampled_from([A, B, "x", "é", "\n", '"', "😀", "[", "]", " "])


@given(st.lists(PIECES).map("".join), st.lists(PIECES).map("".join), st.booleans(), st.sampled_from([None, 1]))
def test_only_placeholders_change(content: str, argument: str, ascii_only: bool, indent: int | None) -> None:
    """Text by text what plain replacement would give; without placeholders, byte for byte the same."""
    inner = json.dumps({"k": argument}, ensure_ascii=ascii_only)
    body = json.dumps({"a": "x" + content, "b": inner}, ensure_ascii=ascii_only, indent=indent).encode()
    restored, count = restore(body, {A: VALUES[A]})
    parsed = json.loads(restored)
    assert parsed["a"] == "x" + content.replace(A, VALUES[A])
    assert json.loads(parsed["b"]) == {"k": argument.replace(A, VALUES[A])}
    assert count == content.count(A) + argument.count(A)
    if not count:
        assert restored == body


@pytest.mark.parametrize("body", [b"", b"oops", b"{", b'"\xff"', b'{"a":"\\ud800"}', b'{"a":"\\n","a":1}', b"[" * 9999])
def test_an_answer_that_cannot_be_read_is_refused(body: bytes) -> None:
    """Better an error than somebody's placeholder taken for the truth."""
    with pytest.raises(Refused) as caught:
        restore(body, VALUES)
    assert caught.value.reason is Reason.ANSWER_UNREADABLE


@pytest.mark.parametrize(
    ("body", "values"),
    [
        (json.dumps([A] * (MAX_REPLACEMENTS + 1)).encode(), {A: "x"}),
        (json.dumps(A * (MAX_REPLACEMENTS + 1)).encode(), {A: "x"}),
        (json.dumps([A] * 100).encode(), {A: "x" * (MAX_RESTORED // 100 + 1)}),
        (json.dumps(A * 9).encode(), {A: "\n" * (MAX_RESTORED // 18 + 1)}),
        (b"[" + b"1," * MAX_VALUES + json.dumps(A).encode() + b"]", {A: "x"}),
    ],
    ids=["replacements", "replacements in one text", "size", "size once escaped", "values"],
)
def test_an_answer_beyond_the_bounds_is_refused(body: bytes, values: dict[str, str]) -> None:
    """A provider that repeats one placeholder must not make the gateway write gigabytes."""
    with pytest.raises(Refused) as caught:
        restore(body, values)
    assert caught.value.reason is Reason.ANSWER_UNREADABLE


def test_an_answer_at_the_bound_is_restored() -> None:
    """As many placeholders as are allowed."""
    body, count = restore(json.dumps([A] * MAX_REPLACEMENTS).encode(), {A: "x"})
    assert (count, json.loads(body)) == (MAX_REPLACEMENTS, ["x"] * MAX_REPLACEMENTS)


def message(*blocks: dict[str, Any]) -> bytes:
    """An answer of Messages."""
    return json.dumps({"type": "message", "content": list(blocks), "stop_sequence": A}, ensure_ascii=False).encode()


def blocks_of(body: bytes) -> list[dict[str, Any]]:
    """Its blocks."""
    content: list[dict[str, Any]] = json.loads(body)["content"]
    return content


def test_texts_and_inputs_of_a_message_are_restored() -> None:
    """A tool's input is an object; its keys stay, and so do bytes that no value replaces."""
    body = message(
        {"type": "text", "text": f"é to {A}"},
        {"type": "tool_use", "name": "send", "input": {"to": [A], A: {"é😀": f"x {A}"}}},
    )
    restored, count = restore(body, VALUES, operation="messages")
    assert [block.get("text", block.get("input")) for block in blocks_of(restored)] == [
        f"é to {VALUES[A]}",
        {"to": [VALUES[A]], A: {"é😀": f"x {VALUES[A]}"}},
    ]
    assert (count, json.loads(restored)["stop_sequence"]) == (4, VALUES[A])


def test_a_tools_input_is_restored_as_a_stream_would_bring_it() -> None:
    """One JSON text: a value inside JSON inside its string is escaped as often as in the pieces of that text."""
    inner = {"payload": json.dumps({"to": A}), "link": f"https://a.example/{A}"}
    restored, _ = restore(message({"type": "tool_use", "input": inner}), VALUES, operation="messages")
    raw = json.dumps(inner)
    streamed = Restoring(VALUES).whole(raw)
    assert streamed.encode() in restored
    assert A in blocks_of(restored)[0]["input"]["link"]


def test_a_signed_block_is_not_touched() -> None:
    """Nothing in it; an object that is called so elsewhere is no block."""
    sealed = {"type": "thinking", "thinking": f"mail {A}", "signature": A}
    hidden = {"type": "redacted_thinking", "data": A}
    body = message(sealed, hidden, {"type": "tool_use", "input": {"type": "thinking", "thinking": A}})
    restored, count = restore(body, VALUES, operation="messages")
    assert blocks_of(restored)[:2] == [sealed, hidden]
    assert (count, blocks_of(restored)[2]["input"]["thinking"]) == (2, VALUES[A])


@pytest.mark.parametrize("body", [b"[]", b'{"content":5}', b'{"content":[1,{"type":[]},{"input":[]}]}', b'"x"'])
def test_an_answer_that_is_no_message_is_restored_all_the_same(body: bytes) -> None:
    """An error, say."""
    assert restore(body, VALUES, operation="messages") == (body, 0)
