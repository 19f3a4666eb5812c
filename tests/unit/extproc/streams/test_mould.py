"""Events recognised instead of parsed: what becomes of a stream is the same, whatever its events are."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extproc.findings import Stretch
from extproc.streams.chat import ChatDialect
from extproc.streams.guarding import Finder, Guarding
from extproc.streams.line import Line
from extproc.streams.messages import MessagesDialect
from extproc.streams.mould import Mould
from extproc.streams.responses import ResponsesDialect
from extproc.streams.restoring import Restoring
from extproc.streams.stream import Stream

A = "[EMAIL_ADDRESS_x7k2mq]"
COMMENT = b":\n\n"  # leaves no mould


def chat(text: str, **more: Any) -> dict[str, Any]:
    """A chunk, as providers write it."""
    choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": None}
    return {"id": "c-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice], **more}


def messages(text: str, **more: Any) -> dict[str, Any]:
    """The same in the other dialect."""
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}, **more}


def responses(text: str, **more: Any) -> dict[str, Any]:
    """The same in the dialect that numbers its events, where the API has the number."""
    about = {"item_id": "m-1", "output_index": 0, "content_index": 0}
    number = {"sequence_number": more.pop("sequence_number", 3)}
    return {"type": "response.output_text.delta", **number, **about, "delta": text, "logprobs": [], **more}


def ended(text: str, **_: Any) -> dict[str, Any]:
    """The end of such a text: what is held of it goes out before, in an event of ours."""
    about = {"item_id": "m-1", "output_index": 0, "content_index": 0}
    return {"type": "response.output_text.done", "sequence_number": 9, **about, "text": text, "logprobs": []}


def compact(event: dict[str, Any]) -> bytes:
    """As most write it."""
    return b"data: " + orjson.dumps(event) + b"\n\n"


def spaced(event: dict[str, Any]) -> bytes:
    """As Python's own library does."""
    name = str(event.get("type", "message")).encode()
    return b"event: " + name + b"\r\ndata: " + json.dumps(event).encode() + b"\r\n\r\n"


def stream(dialect: Any = ChatDialect) -> Stream:
    """Guarded and restored."""

    def find(text: str) -> list[Stretch]:
        return [Stretch(at, at + 7, "secret", "WORD", 9) for at in range(len(text)) if text.startswith("secret7", at)]

    return Stream(dialect({}), [Guarding([Finder(find, "redact")]), Restoring({A: 'eve "e" \n'})], len)


def both(events: list[bytes], dialect: Any = ChatDialect) -> None:
    """The stream with its moulds and one that is kept from having any say the same, event by event."""
    moulded, careful = stream(dialect), stream(dialect)
    for number, event in enumerate(events):
        assert careful.feed(COMMENT, False, number) == (b"" if careful.stop else COMMENT)
        assert moulded.feed(event, False, number) == careful.feed(event, False, number), event
        assert (moulded.stop, moulded.said, moulded.held, moulded.held_since) == (
            careful.stop,
            careful.said,
            careful.held,
            careful.held_since,
        )


PIECES = st.sampled_from(
    [
        "",
        "a",
        "Dear ",
        A[:9],
        A[9:],
        A,
        "secret",
        "7",
        "secret7 ",
        '"',
        "\\",
        "\n",
        "é",
        "🦊",
        "\u2028",
        "</x>",
        ":",
        ",",
    ]
)
EVENTS = st.builds(
    lambda text, shape, write, more: write(shape(text, **more)),
    PIECES | st.text(max_size=8),
    st.sampled_from([chat, messages, responses, responses, ended]),
    st.sampled_from([compact, spaced]),
    st.sampled_from(
        [
            {},
            {},
            {},
            {"obfuscation": "x1"},
            {"obfuscation": "y-22"},
            {"note": "secret7"},
            {"n": 1},
            {"sequence_number": 4},
            {"sequence_number": 11, "obfuscation": "z"},
            {"sequence_number": "4"},
            {"sequence_number": 4.5},
            {"sequence_number": True},
            {"more": {"sequence_number": 5}},
        ]
    ),
)


@given(st.lists(EVENTS, max_size=12), st.sampled_from([ChatDialect, MessagesDialect, ResponsesDialect]))
def test_a_stream_is_the_same_with_and_without(events: list[bytes], dialect: Any) -> None:
    """Texts, bytes, counts, what is held and since when."""
    both(events, dialect)


@given(
    st.lists(st.tuples(st.integers(0, 150), st.integers(0, 3), st.binary(max_size=3)), min_size=1, max_size=2),
    st.sampled_from([compact, spaced]),
)
@example([(0, 0, b"x")], compact)
@example([(110, 0, b'","content":"')], compact)
@example([(110, 0, b'"}},{"')], compact)
@example([(110, 0, b"\n\ndata: ")], compact)
@example([(110, 0, b"\xff")], compact)
@example([(110, 0, b"\\ud800")], spaced)
@example([(110, 0, b"\\u0061")], spaced)
def test_bytes_that_differ_elsewhere_are_read_with_care(damages: list[tuple[int, int, bytes]], write: Any) -> None:
    """An event damaged anywhere after a good one."""
    good = write(chat("Dear "))
    raw = good
    for at, length, put in damages:
        raw = raw[:at] + put + raw[at + length :]
    if not raw.endswith((b"\n\n", b"\r\n\r\n")):
        raw += b"\n\n"  # an event that goes on would take in what `both` sends between two
    both([good, raw, good, write(chat("more"))])


def test_most_events_of_a_stream_fit_the_mould_of_the_first() -> None:
    """With another padding each, too."""
    line = Line([])
    for padding in ({}, {"obfuscation": "abc"}):
        raw = compact(chat("Dear ", **padding))
        at = raw.index(b'"Dear "')
        place = (raw.index(b'"abc"'), raw.index(b'"abc"') + 5) if padding else None
        mould = Mould(line, raw, (at, at + 7), None, place)
        other = compact(chat('"}],"é\n', **({"obfuscation": "x"} if padding else {})))
        found = mould.read(other)
        assert found is not None
        assert found.text == '"}],"é\n'
        assert orjson.loads(other[found.start - 1 : found.stop + 1]) == found.text
        assert mould.read(raw[:-1]) is None
        assert mould.read(b"") is None
        assert [mould.read(raw[:cut] + raw[cut + gone :]) for cut, gone in ((at, 7), (at + 1, 6), (at, 8))] == [
            None
        ] * 3


@given(st.integers(0, 10**15 - 1), st.text(max_size=8), st.integers(0, 10**16), st.text(max_size=8))
def test_an_event_of_another_number_fits_and_is_poured_with_a_third(
    number: int, text: str, other: int, new: str
) -> None:
    """Whatever digits they have."""
    good = compact(responses("Dear "))
    digits, at = good.index(b"3,"), good.index(b'"Dear "')
    mould = Mould(Line([]), good, (at, at + 7), (digits, digits + 1))
    raw = compact(responses(text, sequence_number=number))
    found = mould.read(raw)
    assert found is not None
    assert (found.text, found.number) == (text, number)
    assert found.poured(raw, new, other) == compact(responses(new, sequence_number=other))


@pytest.mark.parametrize("spelled", [b"", b"-1", b"1.5", b"01", b"1e3", b" 1", b"1 ", b"null", b'"1"', b"1" * 16])
def test_what_is_no_plain_number_is_read_with_care(spelled: bytes) -> None:
    """As bytes that fit nowhere, and as a stream."""
    good = compact(responses("Dear "))
    digits, at = good.index(b"3,"), good.index(b'"Dear "')
    raw = good.replace(b":3,", b":%b," % spelled)
    assert Mould(Line([]), good, (at, at + 7), (digits, digits + 1)).read(raw) is None
    both([good, raw, good], ResponsesDialect)


def test_behind_an_event_of_ours_numbers_go_on_from_it() -> None:
    """A text that was held comes out in an event of ours; the deltas of the next one are recognised all the same."""
    held = [compact(responses(text, sequence_number=number)) for number, text in enumerate(["Dear ", A[:9]], 3)]
    after = [
        compact(responses(text, sequence_number=number) | {"content_index": 1})
        for number, text in enumerate(["My ", "dear ", "friend"], 10)
    ]
    both([*held, compact(ended("Dear " + A[:9])), *after], ResponsesDialect)
    one = stream(ResponsesDialect)
    out = [one.feed(event, False, 1) for event in [*held, compact(ended("Dear " + A[:9])), *after]]
    assert [orjson.loads(event[6:])["sequence_number"] for event in out[3:]] == [11, 12, 13]


@pytest.mark.parametrize("note", ["about eve", "é"])
def test_a_string_beside_the_text_that_changes_is_seen_each_time(note: str) -> None:
    """Only what need not be looked at again is not."""
    one = stream()
    for _ in range(3):
        assert one.feed(compact(chat("word ", note=note)), False, 1) == compact(chat("word ", note=note))
    assert one.feed(compact(chat("word ", note="secret7")), False, 1) == compact(chat("word ", note="[WORD]"))
