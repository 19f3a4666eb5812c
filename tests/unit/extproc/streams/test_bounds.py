"""What a hostile provider can make of one stream: so much memory, so much work at a time, and always a whole ending."""

import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import hostile
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.detectors.leakage import NOTHING
from extproc.messages.answer import Usage
from extproc.messages.refusal import error_body
from extproc.messages.sse import EventReader
from extproc.streams.chat import ChatDialect
from extproc.streams.dialect import Dialect
from extproc.streams.guarding import answer_guard
from extproc.streams.messages import MessagesDialect
from extproc.streams.responses import ResponsesDialect
from extproc.streams.restoring import Restoring
from extproc.streams.stops import Stop
from extproc.streams.stream import Stream
from forebay.config.resolved import Guards, InjectionGuard, OutputGuards
from forebay.outcomes import Reason

DIALECTS: dict[str, Callable[[], Dialect]] = {
    "chat": lambda: ChatDialect({"id": "c", "object": "x", "created": 1, "model": "m"}),
    "messages": lambda: MessagesDialect({"id": "m", "model": "m"}),
    "responses": lambda: ResponsesDialect({"id": "r", "created_at": 1, "model": "m"}),
}
ENDS = {"chat": b"data: [DONE]\n\n", "messages": b'data: {"type":"message_stop"}\n\n', "responses": b"}\n\n"}
VALUES = {"[EMAIL_ADDRESS_x7k2mq]": "jo@example.org"}
USED = Usage(1, 2, 0, 0)
MIB = 1 << 20
KEPT, AT_ONCE, ENDING = 24, 48, 4  # MiB of a stream between two events, while it reads one, and of what ends it
MOST_CALLS = 400_000  # of functions, in one slice; the worst shape known takes 367,167
GUARDS = Guards(
    "g", InjectionGuard("off", 100), "off", (), "off", 1.0, "closed", OutputGuards("redact", "redact", "off", "redact")
)


def stream(api: str) -> Stream:
    """A guarded one that restores."""
    return Stream(DIALECTS[api](), [answer_guard(GUARDS, NOTHING), Restoring(VALUES)], len)


def parsed(ending: bytes) -> list[Any]:
    """The JSON of an ending's events."""
    data = [event.data for event in EventReader().feed(ending, True)]
    return [orjson.loads(each) for each in data if each != b"[DONE]"]


STREAMS = [(api, name, sent) for api in DIALECTS for name, sent in hostile.streams(api)]


@pytest.mark.parametrize(("api", "name", "sent"), STREAMS, ids=[f"{api}-{name}" for api, name, _ in STREAMS])
def test_a_stream_has_a_ceiling(api: str, name: str, sent: list[bytes]) -> None:
    """In memory, whatever comes; and what ends it is no longer than a large event or two."""
    stream(api).feed(sent[0], False, 0)  # what is compiled and cached at the first use is not the stream's
    one = stream(api)
    tracemalloc.start()
    try:
        for number, event in enumerate(sent):
            one.begin(event, False, number)
            while one.unfinished:
                one.go_on()
        kept, at_once = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        ending = one.block(USED)
        assert tracemalloc.get_traced_memory()[1] - kept < ENDING * 4 * MIB
    finally:
        tracemalloc.stop()
    assert kept < KEPT * MIB
    assert at_once < AT_ONCE * MIB
    assert len(ending) < ENDING * MIB
    assert ending.endswith(ENDS[api])
    assert parsed(ending)


def calls(step: Callable[[], bytes]) -> int:
    """How many functions were called."""
    count = 0

    def note(frame: object, what: str, argument: object) -> None:
        nonlocal count
        count += what in ("call", "c_call")

    sys.setprofile(note)
    try:
        step()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("api", DIALECTS)
def test_no_slice_is_much_work(api: str) -> None:
    """Counted in calls, of the worst events there are: a clock would measure the machine."""
    for name, event in hostile.events(api):
        one = stream(api)
        most = calls(lambda one=one, event=event: one.begin(event, False, 0))  # type: ignore[misc]
        while one.unfinished:
            most = max(most, calls(one.go_on))
        if one.stop is None:
            most = max(most, calls(lambda one=one: one.release(1)))  # type: ignore[misc]
        most = max(most, calls(lambda one=one: one.block(USED)))  # type: ignore[misc]
        assert most < MOST_CALLS, (name, most)


def test_choices_without_end_stop_the_stream() -> None:
    """Each would have to be ended by an event of its own."""
    one = stream("chat")
    for first in range(0, 100_000, 1000):
        sent = {"choices": [{"index": first + index} for index in range(1000)]}
        one.feed(hostile.event(hostile.compact(sent)), False, 0)
    assert one.stop is Stop.TOO_MANY_CHANNELS
    assert len(one.fail(error_body(Reason.ANSWER_UNREADABLE))) < 1000


@pytest.mark.parametrize("api", DIALECTS)
def test_an_event_deeper_than_the_parser_goes_is_refused(api: str) -> None:
    """Though it is spelled as `orjson` spells it, which reads deeper than it writes."""
    for where in hostile.VALUES[api]:
        within = where.count("{") + where.count("[")
        fine, deep = stream(api), stream(api)
        fine.feed(hostile.event(where % ("[" * (200 - within) + "]" * (200 - within))), False, 0)
        deep.feed(hostile.event(where % ("[" * (201 - within) + "]" * (201 - within))), False, 0)
        assert (fine.stop, deep.stop) == (None, Stop.UNREADABLE)


@pytest.mark.parametrize("size", [1 << 10, 100 << 10])
def test_places_that_are_long_to_tell_end_the_stream(size: int) -> None:
    """A long key over many strings, or many strings very deep; a long key over a few is fine."""
    for api, where in [(api, where) for api, wheres in hostile.VALUES.items() for where in wheres[:1]]:
        fine, long = stream(api), stream(api)
        fine.feed(hostile.event(where % hostile.compact({"k" * size: ["a"] * 8})), False, 0)
        long.feed(hostile.event(where % hostile.compact({"k" * size: ["a"] * (1 << 13)})), False, 0)
        assert (fine.stop, long.stop) == (None, Stop.UNREADABLE)


def test_what_many_texts_hold_is_let_go_bit_by_bit() -> None:
    """A deadline lets go a slice of it; the rest is overdue until it is let go, too."""
    one = Stream(DIALECTS["chat"](), [Restoring(VALUES)], len)
    for index in range(100):
        sent = {"choices": [{"index": index, "delta": {"content": "[EMAIL_"}}]}
        one.feed(hostile.event(hostile.compact(sent)), False, index)
    out, turns = [one.release(500)], 1
    assert one.held_since is not None
    while one.held_since is not None:
        out.append(one.release(500))
        turns += 1
    assert 4 < turns < 12
    assert (one.unfinished, b"".join(out).count(b"[EMAIL_")) == (False, 100)


KEYS = ["type", "index", "id", "output_index", "content_index", "item_id", "delta", "text", "content", "item", "part",
        "response", "sequence_number", "choices", "content_block", "usage", "message", "finish_reason", "model",
        "tool_calls", "function", "arguments", "output", "status", "summary", "annotations"]  # fmt: skip
TYPES = ["message", "text", "text_delta", "content_block_start", "content_block_delta", "content_block_stop",
         "message_start", "message_delta", "output_text", "reasoning", "response.created", "response.completed",
         "response.output_item.added", "response.output_item.done", "response.content_part.added", "stop",
         "response.content_part.done", "response.output_text.delta", "response.x.delta"]  # fmt: skip
LEAVES = (
    st.none() | st.booleans() | st.sampled_from([0, 1, -1, 2**53, 2**63, 2**64 - 1, 0.5, -0.0, 1e300])
    | st.sampled_from(TYPES) | st.sampled_from(["", "x", "漢😀", "\u2028", "[EMAIL_ADDRESS_x7k2mq]", "a@example.net "])
)  # fmt: skip


def deepened(value: object, depth: int, key: str) -> object:
    """The value within so many lists and objects."""
    for step in range(depth):
        value = {key: value} if step % 2 else [value]
    return value


ODD = st.recursive(
    LEAVES | st.builds(deepened, LEAVES, st.integers(100, 300), st.sampled_from(KEYS)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
        | st.builds(lambda holder, type_: {**holder, "type": type_}, st.dictionaries(st.sampled_from(KEYS), inner),
                    st.sampled_from(TYPES))
    ),
    max_leaves=12,
)  # fmt: skip
EVENTS = st.builds(
    lambda members, type_: {**members, "type": type_},
    st.dictionaries(st.sampled_from(KEYS), ODD),
    st.sampled_from(TYPES),
)


@given(st.sampled_from(list(DIALECTS)), st.lists(EVENTS, max_size=5), st.booleans())
def test_every_end_is_a_whole_one(api: str, sent: list[dict[str, Any]], failed: bool) -> None:
    """However deep and odd what came is: no event makes reading it, or writing what was read, an error."""
    one = stream(api)
    for number, answer in enumerate(sent):
        one.feed(hostile.event(orjson_or_json(answer)), False, number)
    if one.stop is None:
        one.release(9)
    ending = one.fail(error_body(Reason.ANSWER_UNREADABLE)) if failed else one.block(USED)
    told = parsed(ending)
    assert (ending.endswith(ENDS[api]) and (told or api == "chat")) or failed
    assert not failed or "error" in told[-1]


def orjson_or_json(answer: dict[str, Any]) -> bytes:
    """As providers write it, where that can be written."""
    try:
        return orjson.dumps(answer)
    except orjson.JSONEncodeError:
        return hostile.compact(answer).encode()
