"""Server-sent events with their bytes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.messages import sse as plain
from extproc.streams.sse import Event, EventReader, EventTooLargeError, LineError

STREAM = (
    b"\xef\xbb\xbf: hello\n\ndata: one\r\n\r\ndata:two\rdata\rdata: \xf0\x9f\x98\x80\r\r"
    b"event: x\ndata:  y\nid: 7\n\n:\n\n\ndata: last"
)


def read(stream: bytes, cuts: list[int], limit: int = 1 << 20) -> tuple[list[Event], bool]:
    """The events, and whether one was at fault."""
    reader, places = EventReader(limit), [0, *cuts, len(stream)]
    events: list[Event] = []
    try:
        for start, end in itertools.pairwise(places):
            events.extend(reader.feed(stream[start:end]))
        events.extend(reader.feed(b"", end=True))
    except (EventTooLargeError, LineError):
        return events, True
    return events, False


def test_every_line_end_comment_and_field_is_understood() -> None:
    """LF, CRLF, CR, a BOM, several data lines, a value without space; a comment is an event without data."""
    events, _ = read(STREAM, [])
    assert [(event.name, event.data) for event in events] == [
        (b"", None),
        (b"", b"one"),
        (b"", b"two  \xf0\x9f\x98\x80"),
        (b"x", b" y"),
        (b"", None),
        (b"", None),
        (b"", b"last"),
    ]
    assert [event.complete for event in events] == [True] * 6 + [False]


def test_what_clients_read_differently_goes_out_plainer() -> None:
    """The mark not at all, a comment as a colon, data in one line; everything else as it came."""
    events, _ = read(STREAM, [])
    assert b"".join(event.raw for event in events) == (
        b":\n\ndata: one\r\n\r\ndata: two  \xf0\x9f\x98\x80\n\nevent: x\ndata:  y\nid: 7\n\n:\n\n\ndata: last"
    )
    (event,), _ = read(b"id: 1\n: note\ndata: {\nevent: e\nretry: 7\ndata: }\n", [])
    assert (event.raw, event.complete) == (b"id: 1\n:\nevent: e\nretry: 7\ndata: { }\n", False)
    assert event.with_data(b"[]") == b"id: 1\n:\nevent: e\nretry: 7\ndata: []\n"
    assert [event.raw for event in read(b"\xef\xbb\xbfdata: x", [])[0]] == [b"data: x\n"]


@pytest.mark.parametrize(
    "line",
    [
        b"\xef\xbb\xbfdata: x", b" data: x", b"\tdata: x", b"DATA: x", b"data : x", b'{"choices":[]}', b"text",
        b"x-unknown: 1",
        b"error: x", b"event: eve@example.org", b"event: a b", b"event:", b"event: " + b"x" * 65, b"event: a\nevent: b",
        b"id: eve@example.org", b"id: " + b"7" * 65, b"retry: x", b"retry: 1234567890", b"\xc2\xa0data: x", b"\x00",
    ],
)  # fmt: skip
def test_a_line_that_some_client_reads_otherwise_is_an_error(line: bytes) -> None:
    """After the events before it, wherever it is cut, and as a last line without end, too."""
    for stream in (b"data: 1\n\n" + line + b"\n\n", b"data: 1\n\n" + line, b"data: 1\n\ndata: 2\n" + line + b"\n\n"):
        for size in (1, len(stream)):
            reader = EventReader()
            events = []
            with pytest.raises(LineError):
                for at in range(0, len(stream) + 1, size):
                    for event in reader.feed(stream[at : at + size], at + size > len(stream)):
                        events.append(event.data)  # noqa: PERF401 - what came before the error counts
            assert events == [b"1"]


def test_the_lines_of_providers_pass() -> None:
    """Comments that keep a connection alive, ids, times to wait, names."""
    for line in (
        b"id:",
        b"id: 7",
        b"id: 1700000000000-0",
        b"id: evt_a.b:c/d+e==",
        b"retry: 3000",
        b"event: ping",
        b":",
        b"data",
    ):
        assert [event.raw for event in read(line + b"\n\n", [])[0]] == [line + b"\n\n"]
    for comment in (b": OPENROUTER PROCESSING", b": ping - 2026-01-01", b": keep-alive", b":ok"):
        assert [event.raw for event in read(comment + b"\n\n", [])[0]] == [b":\n\n"]


LINES = st.sampled_from(
    [
        b"data: a",
        b"data:",
        b"data",
        b": c",
        b"event: e",
        b"",
        b"id: 7",
        b"data: \xc3\xa9",
        b"data: " + b"x" * 40,
        b"odd",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.tuples(LINES, ENDS)), st.lists(st.integers(0, 400)), st.sampled_from([20, 1 << 20]))
def test_any_chunking_gives_the_same_events(lines: list[tuple[bytes, bytes]], cuts: list[int], limit: int) -> None:
    """Byte for byte, also inside CRLF; and what is at fault is at fault however it comes."""
    stream = b"".join(line + end for line, end in lines)
    whole = read(stream, [], limit)
    assert read(stream, sorted(cut for cut in cuts if cut < len(stream)), limit) == whole


@given(st.lists(st.tuples(LINES, ENDS)))
def test_the_data_is_what_the_plain_reader_reads(lines: list[tuple[bytes, bytes]]) -> None:
    """Two readers of one format must not differ; and neither reads anything else in what goes out."""
    found, stopped = read(b"".join(line + end for line, end in lines), [])
    if stopped:
        return
    events = [(event.name, event.data) for event in found if event.data is not None]
    stream = b"".join(line + end for line, end in lines)
    assert events == [(e.name, e.data.replace(b"\n", b" ")) for e in plain.EventReader().feed(stream, end=True)]
    out = b"".join(event.raw for event in found)
    assert events == [(e.name, e.data) for e in plain.EventReader().feed(out, end=True)]
    assert read(out, [])[0] == [event for event in found if event.raw]


@given(st.lists(st.tuples(LINES, ENDS)))
def test_data_is_exchanged_in_its_place(lines: list[tuple[bytes, bytes]]) -> None:
    """All other bytes stay."""
    for event in read(b"".join(line + end for line, end in lines), [])[0]:
        if not event.data:
            continue
        assert event.with_data(event.data) == event.raw
        (new, *_), _ = read(event.with_data(event.data.replace(b"a", b"bb")), [])
        assert (new.name, new.data) == (event.name, event.data.replace(b"a", b"bb"))


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
