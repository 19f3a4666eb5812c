"""Server-sent events with their bytes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.messages import sse as plain
from extproc.streams.sse import Event, EventReader, EventTooLargeError

STREAM = (
    b"\xef\xbb\xbf: hello\n\ndata: one\r\n\r\ndata:two\rdata\rdata: \xf0\x9f\x98\x80\r\r"
    b"event: x\ndata:  y\nid: 7\n\n\ndata: last"
)


def read(stream: bytes, cuts: list[int], limit: int = 1 << 20) -> tuple[list[Event], bool]:
    """The events, and whether one was too large."""
    reader, places = EventReader(limit), [0, *cuts, len(stream)]
    events: list[Event] = []
    try:
        for start, end in itertools.pairwise(places):
            events.extend(reader.feed(stream[start:end]))
        events.extend(reader.feed(b"", end=True))
    except EventTooLargeError:
        return events, True
    return events, False


def test_every_line_end_comment_and_field_is_understood() -> None:
    """LF, CRLF, CR, a BOM, several data lines, a value without space; a comment is an event without data."""
    events, _ = read(STREAM, [])
    assert [(event.name, event.data) for event in events] == [
        (b"", None),
        (b"", b"one"),
        (b"", b"two\n\n\xf0\x9f\x98\x80"),
        (b"x", b" y"),
        (b"", None),
        (b"", b"last"),
    ]
    assert b"".join(event.raw for event in events) == STREAM
    assert [event.complete for event in events] == [True] * 5 + [False]


LINES = st.sampled_from(
    [b"data: a", b"data:", b"data", b": c", b"event: e", b"", b"\xc3\xa9", b"data: \xc3\xa9", b"x" * 40]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.tuples(LINES, ENDS)), st.lists(st.integers(0, 400)), st.sampled_from([20, 1 << 20]))
def test_any_chunking_gives_the_same_events(lines: list[tuple[bytes, bytes]], cuts: list[int], limit: int) -> None:
    """Byte for byte, also inside CRLF; and too large is too large however it comes."""
    stream = b"".join(line + end for line, end in lines)
    whole = read(stream, [], limit)
    assert read(stream, sorted(cut for cut in cuts if cut < len(stream)), limit) == whole
    if not whole[1]:
        assert b"".join(event.raw for event in whole[0]) == stream


@given(st.lists(st.tuples(LINES, ENDS)))
def test_the_data_is_what_the_plain_reader_reads(lines: list[tuple[bytes, bytes]]) -> None:
    """Two readers of one format must not differ."""
    stream = b"".join(line + end for line, end in lines)
    events = [(event.name, event.data) for event in read(stream, [])[0] if event.data is not None]
    assert events == [(event.name, event.data) for event in plain.EventReader().feed(stream, end=True)]


@given(st.lists(st.tuples(LINES, ENDS)))
def test_data_is_exchanged_in_its_place(lines: list[tuple[bytes, bytes]]) -> None:
    """All other bytes stay, and so do the lines."""
    for event in read(b"".join(line + end for line, end in lines), [])[0]:
        if event.data is None:
            continue
        assert event.with_data(event.data) == event.raw
        if b"" in event.data.split(b"\n"):
            continue  # a field without colon has no place for a value
        (new, *_), _ = read(event.with_data(event.data.replace(b"a", b"bb")), [])
        assert new.data == event.data.replace(b"a", b"bb")


def test_data_with_another_number_of_lines_is_refused() -> None:
    """There would be no telling where they go."""
    (event, *_), _ = read(b"data: a\ndata: b\n\n", [])
    with pytest.raises(ValueError, match="argument"):
        event.with_data(b"a")


def test_an_event_over_the_limit_is_an_error() -> None:
    """After the events before it, and without the whole of it in memory."""
    reader = EventReader(limit=30)
    events = []
    with pytest.raises(EventTooLargeError, match="more than 30 bytes"):
        for event in reader.feed(b"data: 1\n\ndata: " + b"x" * 30):
            events.append(event.data)  # noqa: PERF401 - what came before the error counts
    assert events == [b"1"]


def test_an_event_s_repr_shows_no_data() -> None:
    """Answers do not belong in logs."""
    assert "secret" not in repr(read(b"data: secret\n\n", [])[0])
