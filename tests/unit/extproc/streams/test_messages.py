"""The events of Messages."""

import base64
from contextlib import suppress
from typing import Any

import orjson
import pytest
from anthropic.types import (
    RawContentBlockDeltaEvent,
    RawContentBlockStopEvent,
    RawMessageDeltaEvent,
    RawMessageStartEvent,
    RawMessageStopEvent,
)
from hypothesis import given
from hypothesis import strategies as st

from extproc.messages.answer import Usage
from extproc.streams.dialect import Channel, Piece, Reading
from extproc.streams.memory import CrowdedError
from extproc.streams.messages import MessagesDialect
from extproc.streams.names import AmbiguousError

USED = Usage(130, 34, 100, 0, 20)
TOLD = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 20,
    "cache_read_input_tokens": 100,
    "output_tokens": 34,
}
OFFICIAL = {
    "message_start": RawMessageStartEvent,
    "content_block_delta": RawContentBlockDeltaEvent,
    "content_block_stop": RawContentBlockStopEvent,
    "message_delta": RawMessageDeltaEvent,
    "message_stop": RawMessageStopEvent,
}

SEAL = base64.b64encode(bytes(range(128, 192))).decode()  # looks like a signature


def dialect() -> MessagesDialect:
    """Nothing has come yet."""
    return MessagesDialect({"id": "msg_ours", "model": "ours"})


def delta(index: int = 0, **members: Any) -> dict[str, Any]:
    """A delta of a block."""
    return {"type": "content_block_delta", "index": index, "delta": members}


def begin(index: int = 0, **members: Any) -> dict[str, Any]:
    """The beginning of a block."""
    return {"type": "content_block_start", "index": index, "content_block": members}


def events(raw: bytes) -> list[dict[str, Any]]:
    """Events of ours: named as their data says, and such as the official client takes."""
    found = []
    for event in raw.split(b"\n\n")[:-1]:
        name, data = event.split(b"\n")
        answer = orjson.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + answer["type"].encode()
        OFFICIAL[answer["type"]].model_validate(answer, strict=True)
        found.append(answer)
    return found


@pytest.mark.parametrize(
    ("answer", "channel", "path", "text"),
    [
        (delta(2, type="text_delta", text="t"), Channel(2, "text"), ("delta", "text"), "t"),
        (delta(1, type="input_json_delta", partial_json="{"), Channel(1, "input"), ("delta", "partial_json"), "{"),
        (begin(3, type="text", text="t"), Channel(3, "text"), ("content_block", "text"), "t"),
    ],
)
def test_a_text_that_goes_on_is_a_channel(answer: dict[str, Any], channel: Channel, path: Any, text: str) -> None:
    """Its group is the block."""
    assert list(dialect().read(answer).pieces) == [Piece(channel, path, text)]


def test_thinking_is_sealed() -> None:
    """Its text counts and may not change; signatures and encrypted thinking are no text and may not change either."""
    thinking = Channel(0, "sealed")
    read = dialect().read
    assert read(delta(type="thinking_delta", thinking="t")) == Reading(
        sealed=(Piece(thinking, ("delta", "thinking"), "t"),)
    )
    assert read(delta(type="signature_delta", signature=SEAL)) == Reading(
        opaque=(("delta", "signature"),), ended=frozenset({0})
    )
    assert read(begin(type="redacted_thinking", data=SEAL)) == Reading(opaque=(("content_block", "data"),))
    assert read(begin(type="thinking", thinking="t", signature="")) == Reading(
        sealed=(Piece(thinking, ("content_block", "thinking"), "t"),)
    )


@pytest.mark.parametrize("seal", ["s", "Write to eve", base64.b64encode(b"Write to eve@example.org. " * 9).decode()])
def test_what_does_not_look_sealed_is_read_and_may_not_change(seal: str) -> None:
    """Short, no base64, or base64 of a text: somebody's words stand where a signature should."""
    read = dialect().read
    assert read(begin(type="redacted_thinking", data=seal)) == Reading(fixed=(("content_block", "data"),))
    told = read(delta(type="compaction_delta", content=None, encrypted_content=seal))
    assert told.fixed == (("delta", "encrypted_content"),)


def test_compacted_turns_are_sealed() -> None:
    """As thinking is; their summary comes in one delta."""
    summary = delta(type="compaction_delta", content="t", encrypted_content=SEAL)
    assert dialect().read(summary) == Reading(
        sealed=(Piece(Channel(0, "sealed"), ("delta", "content"), "t"),),
        opaque=(("delta", "encrypted_content"),),
        ended=frozenset({0}),
    )
    assert dialect().read(delta(type="compaction_delta", content=None)).sealed == ()
    assert not dialect().read(begin(type="compaction", content=None)).ended


@pytest.mark.parametrize("channel", [Channel(1, "text"), Channel(4, "input")])
def test_what_is_carried_is_read_as_the_same_channel(channel: Channel) -> None:
    """Our own events say what the provider's would."""
    (answer,) = events(dialect().carry(channel, "é text"))
    (piece,) = dialect().read(answer).pieces
    assert (piece.channel, piece.text) == (channel, "é text")


def test_a_block_ends_where_it_is_said_to_end() -> None:
    """One that is left open ends with the message."""
    ours = dialect()
    ours.read(begin(0, type="text", text=""))
    ours.read(delta(1, type="text_delta", text="x"))
    assert ours.read({"type": "content_block_stop", "index": 0}).ended == {0}
    assert ours.read({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}).ended == {1}
    assert ours.read({"type": "message_stop", "amazon-bedrock-invocationMetrics": {}}).ended == {1}


@pytest.mark.parametrize(
    ("usage", "begun"),
    [
        ({"input_tokens": 3, "cache_read_input_tokens": 5, "output_tokens": 1}, Usage(8, 1, 5, 0)),
        ({"input_tokens": 3}, Usage(3, 0, 0, 0)),
        ({"output_tokens": 1}, None),
        ({"input_tokens": -3, "output_tokens": 1}, None),
        (None, None),
    ],
)
def test_the_input_is_known_at_the_beginning(usage: Any, begun: Usage | None) -> None:
    """With its caches, whatever is said of the output."""
    reading = dialect().read({"type": "message_start", "message": {"usage": usage}})
    assert (reading.begun, reading.usage) == (begun, None)


def test_usage_is_known_at_the_end_alone() -> None:
    """At the beginning the output is not there yet."""
    ours = dialect()
    used = {"input_tokens": 3, "output_tokens": 1, "cache_read_input_tokens": 5}
    assert ours.read({"type": "message_start", "message": {"usage": used}}).usage is None
    reading = ours.read({"type": "message_delta", "delta": {"stop_reason": "refusal"}, "usage": {"output_tokens": 9}})
    assert (reading.usage, list(reading.finish_reasons)) == (Usage(8, 9, 5, 0, 0), ["content_filter"])


def test_a_delta_that_nobody_knows_is_followed() -> None:
    """What it brings may go on in the next; a citation is complete."""
    assert list(dialect().read(delta(2, type="new_delta", note="x")).running) == [(("delta",), 2)]
    assert list(dialect().read(delta(2, type="citations_delta", citation={})).running) == []


def test_a_blocked_answer_ends_as_a_refused_one() -> None:
    """Each open block is closed, the message ends with `refusal` and with what it used."""
    ours = dialect()
    ours.read({"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 2}}})
    ours.read(begin(0, type="text", text=""))
    ours.read({"type": "content_block_stop", "index": 0})
    ours.read(begin(1, type="tool_use", input={}))
    *_, last_delta, stop = ended = events(ours.blocked(frozenset(), str, USED))
    assert [each["type"] for each in ended] == ["content_block_stop", "message_delta", "message_stop"]
    assert (ended[0]["index"], last_delta["delta"]["stop_reason"]) == (1, "refusal")
    assert (last_delta["usage"], stop) == (TOLD, {"type": "message_stop"})


def test_a_blocked_answer_is_whole_whenever_it_is_blocked() -> None:
    """Before the provider's first event, and after it has said why it ended."""
    start, *_ = early = events(dialect().blocked(frozenset(), str, USED))
    assert [each["type"] for each in early] == ["message_start", "message_delta", "message_stop"]
    assert (start["message"]["id"], start["message"]["model"]) == ("msg_ours", "ours")
    assert start["message"]["usage"] == {**TOLD, "output_tokens": 0}
    late = dialect()
    late.read({"type": "message_start", "message": {}})
    late.read(begin(0, type="text", text=""))
    late.read({"type": "content_block_stop", "index": 0})
    late.read({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})
    assert [each["type"] for each in events(late.blocked(frozenset(), str, USED))] == ["message_delta", "message_stop"]
    ends = [
        each["type"] for each in events(late.blocked(frozenset({0}), str, USED))
    ]  # the end of its block was not sent
    assert ends == ["content_block_stop", "message_delta", "message_stop"]


def test_an_error_is_an_event_of_its_name() -> None:
    """Client libraries go by the name."""
    assert dialect().failed(b'{"type":"error"}') == b'event: error\ndata: {"type":"error"}\n\n'


def test_the_mark_closes_the_stream() -> None:
    """With blanks or without; nothing can be said beside it."""
    assert dialect().closes(b'{"type": "message_stop"}')
    assert dialect().closes(b' {"type":"message_stop" } ')
    assert not dialect().closes(b'{"type":"message_stop","text":"x"}')
    assert not dialect().closes(b'{"type":"ping"}')


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "text", "usage"]), inner),
    max_leaves=6,
)
TYPES = st.sampled_from([*OFFICIAL, "content_block_start", "ping", "text_delta", "thinking_delta", "thinking", "x"])
HOSTILE = st.dictionaries(st.sampled_from(["index", "message", "usage", "text", "thinking", "stop_reason"]), VALUES)


@given(st.lists(st.tuples(TYPES | VALUES, HOSTILE, TYPES | VALUES, HOSTILE), max_size=4))
def test_what_is_not_understood_is_left_out(sent: list[tuple[Any, dict[str, Any], Any, dict[str, Any]]]) -> None:
    """Nothing but an index that is none is an error here, and the end is a whole one whatever came before."""
    ours = dialect()
    for type_, members, inner, own in sent:
        holder = {**own, "type": inner}
        with suppress(AmbiguousError):
            ours.read({**members, "type": type_, "delta": holder, "content_block": holder})
    assert ours.blocked(frozenset(), str, USED).endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')


def test_only_so_many_blocks_may_be_open() -> None:
    """A provider that opens blocks for ever is stopped; one that closes them is not."""
    ours = dialect()
    for index in range(5_000):
        ours.read(begin(index, type="tool_use"))
        ours.read({"type": "content_block_stop", "index": index})
    for index in range(1024):
        ours.read(begin(index, type="tool_use"))
    with pytest.raises(CrowdedError):
        ours.read(begin(1024, type="tool_use"))
