"""Server-sent events, cut anywhere."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from extproc.messages.sse import Event, EventReader

STREAM = (
    b"\xef\xbb\xbf: hello\n\ndata: one\r\n\r\ndata:two\rdata\rdata: \xf0\x9f\x98\x80\r\r"
    b"event: x\ndata:  y\nid: 7\n\n\ndata: last"
)
EVENTS = [Event(b"", b"one"), Event(b"", b"two\n\n\xf0\x9f\x98\x80"), Event(b"x", b" y"), Event(b"", b"last")]


def _read(reader: EventReader, chunks: list[bytes]) -> list[Event]:
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return events + reader.feed(b"", end=True)


def test_every_line_end_comment_and_field_is_understood() -> None:
    """LF, CRLF, CR, a BOM, several data lines, a value without space."""
    assert _read(EventReader(), [STREAM]) == EVENTS


def test_byte_by_byte_gives_the_same_events() -> None:
    """Also inside CRLF and inside a character."""
    assert _read(EventReader(), [STREAM[at : at + 1] for at in range(len(STREAM))]) == EVENTS


LINES = st.sampled_from([b"data: a", b"data:", b": c", b"event: e", b"", b"\xc3\xa9", b"data: \xc3\xa9", b"x" * 40])
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.tuples(LINES, ENDS)), st.lists(st.integers(0, 400)), st.sampled_from([20, 1 << 20]))
def test_any_chunking_gives_the_same_events(lines: list[tuple[bytes, bytes]], cuts: list[int], limit: int) -> None:
    """Where a network cuts has no meaning; neither has it for what is oversize."""
    stream = b"".join(line + end for line, end in lines)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    chunks = [stream[start:end] for start, end in itertools.pairwise(places)]
    whole, cut_up = EventReader(limit), EventReader(limit)
    assert _read(whole, [stream]) == _read(cut_up, chunks)
    assert whole.oversize == cut_up.oversize


def test_an_oversize_event_is_dropped_and_the_next_one_read() -> None:
    """Memory is bounded by the limit, not by the provider."""
    reader = EventReader(limit=100)
    chunks = [b"data: " + b"x" * 60] * 50 + [b"\ndata: z\n", b"\ndata: ok\n\n"]
    assert _read(reader, chunks) == [Event(b"", b"ok")]
    assert reader.oversize
    many = EventReader(limit=100)
    assert _read(many, [b"data: 123456789\n"] * 20 + [b"\ndata: ok\n\n"]) == [Event(b"", b"ok")]
    assert many.oversize


def test_an_event_s_repr_shows_no_data() -> None:
    """Answers do not belong in logs."""
    assert "secret" not in repr(Event(b"", b"secret"))
