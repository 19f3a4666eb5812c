"""What answers of Responses say: usage with its cache, every text once, and why they ended."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseUsage

from extproc.messages.answer import MAX_TOKENS, AnswerWatch, Usage, Words
from extproc.messages.responses_answer import ResponsesReader, filtered, finishes, read_usage, stated

USAGE = {
    "input_tokens": 130,
    "input_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 20},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 4},
    "total_tokens": 137,
}
ANSWER: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt-5-mini",
    "instructions": "never counted",
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "output": [
        {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hmm"}]},
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [
                {"type": "output_text", "text": "one two", "annotations": []},
                {"type": "refusal", "refusal": "no"},
            ],
        },
        {"id": "fc_1", "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    ],
    "usage": USAGE,
}
WHERE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
EVENTS: list[dict[str, Any]] = [
    {"type": "response.created", "response": {**ANSWER, "status": "in_progress", "output": [], "usage": None}},
    {"type": "response.output_item.added", "output_index": 0, "item": {"type": "function_call", "name": "f"}},
    {"type": "response.output_text.delta", **WHERE, "delta": "one"},
    {"type": "response.output_text.delta", **WHERE, "delta": " é"},
    {"type": "response.output_text.done", **WHERE, "text": "one é"},
    {"type": "response.output_item.done", "output_index": 0, "item": ANSWER["output"][1]},
    {"type": "response.completed", "response": ANSWER},
]
STREAM = b"".join(b"event: %s\ndata: %s\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in EVENTS)


def watch(content_type: str, bound: int = 1 << 20) -> AnswerWatch:
    """A watch over Responses that counts words."""
    return AnswerWatch(content_type, lambda text: len(text.split()), bound, ResponsesReader())


def test_a_whole_answer_is_counted() -> None:
    """What the model wrote, and not what it was asked."""
    Response.model_validate(ANSWER)
    counting = watch("application/json")
    counting.feed(json.dumps(ANSWER).encode(), True)
    assert counting.usage == Usage(130, 7, 100, 4, 20)
    assert counting.output_characters == len("hmmone twonof{}")
    assert counting.finish_reasons == ("tool_calls",)


@given(st.lists(st.integers(1, len(STREAM) - 1)))
def test_a_stream_is_counted_however_it_is_cut(cuts: list[int]) -> None:
    """Each text once, though it is said three times more."""
    counting = watch("text/event-stream")
    for start, end in itertools.pairwise(sorted({0, *cuts, len(STREAM)})):
        counting.feed(STREAM[start:end], end == len(STREAM))
    assert counting.usage == Usage(130, 7, 100, 4, 20)
    assert (counting.output_characters, counting.finish_reasons) == (len("fone é"), ("tool_calls",))


def test_a_stream_that_breaks_off_is_estimated() -> None:
    """Its usage comes with its end."""
    counting = watch("text/event-stream")
    counting.feed(STREAM[: STREAM.index(b"event: response.output_text.done")], True)
    assert counting.usage is None
    assert counting.estimate(5) == Usage(5, 3, 0, 0)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        5,
        {},
        {"input_tokens": 1},
        {**USAGE, "output_tokens": -1},
        {**USAGE, "input_tokens_details": {"cached_tokens": 131}},
        {**USAGE, "input_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 31}},
        {**USAGE, "output_tokens_details": {"reasoning_tokens": "x"}},
    ],
)
def test_usage_that_makes_no_sense_was_not_said(usage: object) -> None:
    """Nothing a provider sends is trusted."""
    assert read_usage(usage) is None


def test_details_may_be_left_out() -> None:
    """As some servers do."""
    assert read_usage({"input_tokens": 1, "output_tokens": 2, "input_tokens_details": None}) == Usage(1, 2, 0, 0)


@pytest.mark.parametrize(
    ("response", "told"),
    [
        ({"status": "completed", "output": [{"type": "message"}, 5]}, ("stop",)),
        ({"status": "completed", "output": [{"type": "custom_tool_call"}]}, ("tool_calls",)),
        ({"status": "completed", "output": [{"type": "web_search_call"}]}, ("stop",)),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, ("length",)),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, ("content_filter",)),
        ({"status": "incomplete", "incomplete_details": {"reason": "new"}}, ("other",)),
        ({"status": "incomplete", "incomplete_details": None}, ("other",)),
        ({"status": "failed"}, ("other",)),
        ({"status": "queued"}, ()),
        ({}, ()),
    ],
)
def test_a_status_is_told_in_the_words_of_chat(response: dict[str, Any], told: tuple[str, ...]) -> None:
    """Which are those of OpenTelemetry, too."""
    assert finishes(response) == told


def test_an_answer_over_the_bound_is_estimated_by_its_length() -> None:
    """If it is one with text in it."""
    body = json.dumps(ANSWER).encode()
    counting = watch("application/json", bound=300)
    for at in range(0, len(body), 100):
        counting.feed(body[at : at + 100], at + 100 >= len(body))
    assert (counting.usage, counting.estimate(1).output_tokens) == (None, len(body) // 4)


def test_a_filtered_answer_says_nothing_but_what_it_cost() -> None:
    """In the form that the official client knows."""
    made = filtered(ANSWER)
    Response.model_validate(made)
    assert (made["usage"], made["output"], made["incomplete_details"]) == (USAGE, [], {"reason": "content_filter"})
    assert "instructions" not in made


ANYTHING = st.recursive(
    st.none() | st.integers() | st.text(max_size=3), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)
MEMBERS = st.sampled_from(["object", "type", "response", "output", "usage", "delta", "item", "status", "content"])


@given(st.dictionaries(MEMBERS, ANYTHING | st.sampled_from(["response", "completed", "incomplete"])))
def test_nothing_a_provider_sends_is_an_error(answer: dict[str, Any]) -> None:
    """What is not understood was not said."""
    for said in (answer, {"response": {**answer, "output": [answer]}}):
        assert isinstance(ResponsesReader().read(said), Words)


COUNTS = st.integers(0, MAX_TOKENS // 3)


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_usage_that_is_stated_is_read_again(fresh: int, written: int, cached: int, thought: int, stored: int) -> None:
    """The same numbers, in the API's whole shape."""
    usage = Usage(fresh + cached + stored, written, cached, thought, stored)
    told = stated(usage)
    ResponseUsage.model_validate(told, strict=True)
    assert read_usage(told) == usage
