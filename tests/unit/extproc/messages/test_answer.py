"""Answers as they pass."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.messages.answer import MAX_TOKENS, AnswerWatch, Usage, read_usage, stated

CHAT_USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "total_tokens": 15,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


COUNTS = st.integers(0, MAX_TOKENS // 2)


def words(text: str) -> int:
    return len(text.split())


def test_usage_of_chat_and_embeddings_is_read() -> None:
    """Details are optional, null too; embeddings have no output."""
    assert read_usage(CHAT_USAGE) == Usage(10, 5, 4, 2)
    assert read_usage({"prompt_tokens": 8, "total_tokens": 8}) == Usage(8, 0, 0, 0)
    assert read_usage({"prompt_tokens": 8, "completion_tokens": 1, "prompt_tokens_details": None}) == Usage(8, 1, 0, 0)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "10",
        {},
        {"prompt_tokens": None, "completion_tokens": 1},
        {"prompt_tokens": True, "completion_tokens": 1},
        {"prompt_tokens": -1, "completion_tokens": 1},
        {"prompt_tokens": 1.0, "completion_tokens": 1},
        {"prompt_tokens": "1", "completion_tokens": 1},
        {"prompt_tokens": 10**12, "completion_tokens": 1},
        {"prompt_tokens": 1, "completion_tokens": []},
        {"prompt_tokens": 1, "prompt_tokens_details": []},
        {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": -1}},
        {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}},
        {"prompt_tokens": 1, "completion_tokens_details": {"reasoning_tokens": "x"}},
    ],
)
def test_usage_that_makes_no_sense_counts_as_not_said(value: object) -> None:
    """It would be billed."""
    assert read_usage(value) is None


ANSWER = {
    "choices": [
        {"message": {"role": "assistant", "content": "one two"}, "finish_reason": "stop"},
        {
            "message": {
                "content": None,
                "refusal": "three",
                "reasoning_content": "four",
                "tool_calls": [{"function": {"name": "five", "arguments": "six"}}],
            },
            "finish_reason": "made-up",
        },
    ],
    "usage": CHAT_USAGE,
}


def test_a_json_answer_is_counted_at_its_end() -> None:
    """Every channel of every choice."""
    watch = AnswerWatch("application/json; charset=utf-8", words)
    body = json.dumps(ANSWER).encode()
    watch.feed(body[:20], False)
    assert watch.usage is None
    watch.feed(body[20:], True)
    assert (watch.usage, watch.output_tokens) == (Usage(10, 5, 4, 2), 6)
    assert watch.output_characters == len("one twothreefourfivesix")
    assert watch.finish_reasons == ("stop", "other")
    assert watch.first_content_at_chunk == 1
    watch.feed(body, True)
    assert watch.output_tokens == 6


def _stream(*chunks: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


def _delta(**delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}], "usage": None}


STREAM = _stream(
    _delta(role="assistant", content=""),
    _delta(reasoning_content="hmm"),
    _delta(content="one"),
    _delta(content=" é"),
    _delta(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": ""}}]),
    _delta(tool_calls=[{"index": 0, "function": {"arguments": "{}"}}]),
    {"choices": [{"delta": {}, "finish_reason": "tool_calls"}]},
    {"choices": [], "usage": CHAT_USAGE},
)


@given(st.lists(st.integers(1, len(STREAM) - 1)))
def test_a_stream_is_counted_however_it_is_cut(cuts: list[int]) -> None:
    """Usage comes in the last event, whose choices are empty."""
    watch = AnswerWatch("text/event-stream", words)
    bounds = sorted({0, *cuts, len(STREAM)})
    for start, end in itertools.pairwise(bounds):
        watch.feed(STREAM[start:end], end == len(STREAM))
    assert watch.usage == Usage(10, 5, 4, 2)
    assert (watch.output_tokens, watch.output_characters) == (5, len("hmmone éf{}"))
    assert watch.finish_reasons == ("tool_calls",)


def test_the_first_content_is_noticed_in_its_chunk() -> None:
    """Time to first token is measured there; a role alone is no content."""
    watch = AnswerWatch("text/event-stream", words)
    for event in STREAM.split(b"\n\n"):
        watch.feed(event + b"\n\n", False)
    assert watch.first_content_at_chunk == 1


def test_a_stream_without_usage_is_estimated() -> None:
    """By our own count."""
    watch = AnswerWatch("text/event-stream", words)
    watch.feed(_stream(_delta(content="one two")), True)
    assert watch.usage is None
    assert watch.estimate(7) == Usage(7, 2, 0, 0)


def test_an_answer_over_the_bound_is_not_kept() -> None:
    """No usage then; text is estimated by its length, vectors are no output."""
    body = json.dumps({"choices": [{"message": {"content": "x" * 1000}}], "usage": CHAT_USAGE}).encode()
    watch = AnswerWatch("application/json", words, bound=500)
    for at in range(0, len(body), 100):
        watch.feed(body[at : at + 100], at + 100 >= len(body))
    assert (watch.usage, watch.oversize, watch.output_tokens) == (None, True, 0)
    assert watch.estimate(1).output_tokens == len(body) // 4
    vectors = AnswerWatch("application/json", words, bound=500)
    vectors.feed(b'{"data":[{"embedding":[' + b"0," * 500, True)
    assert vectors.estimate(1) == Usage(1, 0, 0, 0)


def test_an_oversize_event_does_not_hide_the_usage_after_it() -> None:
    """It is dropped, and said so."""
    watch = AnswerWatch("text/event-stream", words)
    watch.feed(_stream(_delta(content="x" * (2 << 20)), {"choices": [], "usage": CHAT_USAGE}), True)
    assert (watch.oversize, watch.usage) == (True, Usage(10, 5, 4, 2))


HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "delta", "message", "usage", "content", "tool_calls", "function", "finish_reason"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(HOSTILE, st.sampled_from(["application/json", "text/event-stream"]))
def test_no_answer_breaks_the_watch(answer: object, content_type: str) -> None:
    """Types a provider should not send are passed over."""
    watch = AnswerWatch(content_type, words)
    watch.feed(b"data: " if "event" in content_type else b"", False)
    watch.feed(json.dumps(answer).encode(), True)
    assert watch.output_tokens >= 0


@pytest.mark.parametrize("body", [b"", b"not json", b"[" * 5000, b"\xff", b'{"choices":'])
def test_an_unreadable_answer_counts_nothing(body: bytes) -> None:
    """It passes all the same: it is the caller's to judge."""
    watch = AnswerWatch("application/json", words)
    watch.feed(body, True)
    assert (watch.usage, watch.output_tokens) == (None, 0)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_usage_that_is_stated_is_read_again(fresh: int, written: int, cached: int, thought: int) -> None:
    """The same numbers."""
    usage = Usage(fresh + cached, written, cached, thought)
    assert read_usage(stated(usage)) == usage
