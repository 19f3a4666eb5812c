"""What answers of Messages say: usage with its caches, every text, and why they ended."""

import itertools
import json
from typing import Any

import pytest
from anthropic.types import Message, MessageDeltaUsage
from hypothesis import given
from hypothesis import strategies as st

from extproc.messages.answer import MAX_TOKENS, AnswerWatch, Usage
from extproc.messages.messages_answer import FINISHES, MessagesReader, MessagesUsage, stated

USAGE = {"input_tokens": 10, "output_tokens": 7, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20}
ANSWER: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [
        {"type": "thinking", "thinking": "hmm", "signature": "EqQB"},
        {"type": "text", "text": "one two"},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": "three"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": USAGE,
}
EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {**ANSWER, "content": [], "usage": {**USAGE, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "one"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " é"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "name": "f", "input": {}}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
    {"type": "content_block_stop", "index": 1},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}},
    {"type": "message_stop"},
]
STREAM = b"".join(b"event: %s\ndata: %s\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in EVENTS)


def watch(content_type: str, bound: int = 1 << 20) -> AnswerWatch:
    """A watch over Messages that counts words."""
    return AnswerWatch(content_type, lambda text: len(text.split()), bound, MessagesReader())


def test_thinking_is_part_of_the_output() -> None:
    """Where the provider says how much of it was."""
    usage = {**USAGE, "output_tokens_details": {"thinking_tokens": 4}}
    assert MessagesReader().read({**ANSWER, "usage": usage}).usage == Usage(130, 7, 100, 4, 20)


def test_a_whole_answer_is_counted() -> None:
    """Both caches are part of the input; thinking, text, the tool's name and its input are what the model wrote."""
    Message.model_validate(ANSWER)
    counting = watch("application/json")
    counting.feed(json.dumps(ANSWER).encode(), True)
    assert counting.usage == Usage(130, 7, 100, 0, 20)
    assert counting.output_characters == len('hmmone twof{"a":"three"}')
    assert counting.finish_reasons == ("tool_calls",)


@given(st.lists(st.integers(1, len(STREAM) - 1)))
def test_a_stream_is_counted_however_it_is_cut(cuts: list[int]) -> None:
    """The input is said at its beginning, the output at its end."""
    counting = watch("text/event-stream")
    for start, end in itertools.pairwise(sorted({0, *cuts, len(STREAM)})):
        counting.feed(STREAM[start:end], end == len(STREAM))
    assert counting.usage == Usage(130, 7, 100, 0, 20)
    assert (counting.output_characters, counting.finish_reasons) == (len("one éf{}"), ("tool_calls",))


def test_a_stream_that_breaks_off_has_no_usage_yet() -> None:
    """What it says at its beginning of its output is not what it came to: we count."""
    counting = watch("text/event-stream")
    counting.feed(STREAM[: STREAM.index(b"event: content_block_stop")], True)
    assert counting.usage is None
    assert counting.estimate(5) == Usage(5, 2, 0, 0)


@pytest.mark.parametrize(("said", "meant"), [*FINISHES.items(), ("pause_turn", "other"), (None, None), ("", None)])
def test_a_stop_reason_is_told_in_the_words_of_chat(said: str | None, meant: str | None) -> None:
    """Which are those of OpenTelemetry, too."""
    reasons = MessagesReader().read({**ANSWER, "stop_reason": said}).finish_reasons
    assert list(reasons) == ([meant] if meant else [])


@pytest.mark.parametrize(
    "usage",
    [
        None,
        5,
        {},
        {"input_tokens": 1},
        {**USAGE, "output_tokens": -1},
        {**USAGE, "output_tokens_details": {"thinking_tokens": -1}},
        {**USAGE, "cache_read_input_tokens": "x"},
    ],
)
def test_usage_that_makes_no_sense_was_not_said(usage: object) -> None:
    """Nothing a provider sends is trusted."""
    assert MessagesReader().read({**ANSWER, "usage": usage}).usage is None


def test_caches_that_are_null_are_empty() -> None:
    """As some answers have them."""
    usage = {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": None}
    assert MessagesReader().read({**ANSWER, "usage": usage}).usage == Usage(1, 2, 0, 0, 0)


def test_an_answer_over_the_bound_is_estimated_by_its_length() -> None:
    """If it is one with text in it."""
    body = json.dumps({**ANSWER, "content": [{"type": "text", "text": "x" * 1000}]}).encode()
    counting = watch("application/json", bound=500)
    for at in range(0, len(body), 100):
        counting.feed(body[at : at + 100], at + 100 >= len(body))
    assert (counting.usage, counting.estimate(1).output_tokens) == (None, len(body) // 4)


HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "message", "usage", "content", "content_block", "delta", "stop_reason", "input"]),
            inner | st.sampled_from(["message", "message_start", "message_delta", "text"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(HOSTILE, st.sampled_from(["application/json", "text/event-stream"]))
def test_no_answer_breaks_the_watch(answer: object, content_type: str) -> None:
    """Types a provider should not send are passed over."""
    counting = watch(content_type)
    counting.feed(b"data: " if "event" in content_type else b"", False)
    counting.feed(json.dumps(answer).encode(), True)
    assert counting.output_tokens >= 0


@given(*[st.integers(0, MAX_TOKENS)] * 5)
def test_usage_that_is_stated_is_read_again(fresh: int, written: int, cached: int, thought: int, stored: int) -> None:
    """The same numbers, in the shape that ends a stream."""
    usage = Usage(fresh + cached + stored, written, cached, thought, stored)
    told = stated(usage)
    MessageDeltaUsage.model_validate(told, strict=True)
    reading = MessagesUsage()
    reading.note(told)
    assert reading.total() == usage
