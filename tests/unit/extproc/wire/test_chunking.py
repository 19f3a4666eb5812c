"""The same conversation in any pieces is the same; and bytes that are no conversation at all do no harm."""

import struct
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.wire import events as e
from extproc.wire import frames
from extproc.wire.connection import Connection
from extproc.wire.frames import frame
from extproc.wire.grpc_messages import PREFIX
from extproc.wire.header_blocks import encoded
from extproc.wire.limits import Limits

PATH = "/s/m"
HEAD = b"\x20" + encoded(
    [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/s/m"), (b"content-type", b"application/grpc")]
)
GREETING = frames.PREFACE + frame(frames.SETTINGS, 0, 0) + frame(frames.SETTINGS, frames.ACK, 0)
LIMITS = Limits(
    streams=8, message=2_000, received=4_000, stream_unsent=1_000, unsent=2_000, control_frames=50, resets=20
)


def setting(name, value):
    """SETTINGS with one entry."""
    return frame(frames.SETTINGS, 0, 0, struct.pack(">HI", name, value))


def continued(cut):
    """A call whose block goes on in a second frame."""
    first, rest = frame(frames.HEADERS, 0, 11, HEAD[:cut]), HEAD[cut:]
    return first + frame(frames.CONTINUATION, frames.END_HEADERS, 11, rest)


streams = st.sampled_from([0, 1, 1, 1, 3, 3, 5, 7, 9, 2])
flags = st.sampled_from([0, 0, 0, 1, 4, 5, 5, 8, 0x20, 0xFF])
messages = st.binary(max_size=60).map(lambda each: PREFIX.pack(0, len(each)) + each)
ends = st.sampled_from([0, 0, frames.END_STREAM])
few = st.binary(max_size=60)
likely = st.one_of(
    st.builds(lambda stream, end: frame(frames.HEADERS, frames.END_HEADERS | end, stream, HEAD), streams, ends),
    st.builds(lambda stream, end, data: frame(frames.DATA, end, stream, data), streams, ends, messages),
    st.builds(lambda stream, data: frame(frames.DATA, 0, stream, data), streams, few),
    st.builds(frames.window_update, streams, st.integers(0, 2**31 - 1)),
    st.builds(lambda stream: frame(frames.RST_STREAM, 0, stream, bytes(4)), streams),
    st.builds(setting, st.integers(0, 7), st.sampled_from([0, 1, 70_000, 2**31])),
    st.just(frame(frames.PING, 0, 0, bytes(8))),
    st.builds(continued, st.integers(0, 30)),
)
anything = st.builds(frame, st.integers(0, 12), flags, streams, st.binary(max_size=40))
conversations = st.lists(st.one_of(likely, likely, likely, anything), max_size=30).map(b"".join)


class Answering:
    """Answers every message with itself twice over, ends each half-closed call, and watches over what is said."""

    def __init__(self):
        self.connection = Connection([PATH], LIMITS)
        self.events = []
        self.said = b""
        self.open = set()

    def feed(self, data):
        """One read."""
        for event in self.connection.receive(data):
            self.events.append(event)
            match event:
                case e.StreamOpened(stream, _):
                    assert stream not in self.open
                    self.open.add(stream)
                case e.MessageReceived(stream, message):
                    assert stream in self.open
                    self.connection.taken(stream, len(message))
                    self.connection.send(stream, message * 2)
                case e.StreamHalfClosed(stream):
                    assert stream in self.open
                    self.connection.end(stream)
                    self.open.discard(stream)
                case e.StreamReset(stream, _):
                    self.open.discard(stream)
        self.said += self.connection.data_to_send()
        assert self.connection.held <= LIMITS.received + frames.MAX_PAYLOAD + 2 * LIMITS.streams
        assert self.connection.unsent <= LIMITS.unsent
        assert self.connection.open_streams <= LIMITS.streams


def cut(data, places):
    """The same bytes in pieces."""
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[begin:end] for begin, end in pairwise(edges)]


@given(conversations, st.lists(st.integers(0, 5_000), max_size=40))
@settings(max_examples=300)
def test_pieces_make_no_difference(conversation, places):
    """The same events and the same bytes back, however the bytes are cut.

    Nothing is answered here: an answer that is made later may find its stream over, and rightly so.
    """
    heard, said = [], []
    for pieces in ([GREETING + conversation], cut(GREETING + conversation, places)):
        connection = Connection([PATH], LIMITS)
        heard.append([event for piece in pieces for event in connection.receive(piece)])
        said.append(connection.data_to_send())
    assert heard[0] == heard[1]
    assert said[0] == said[1]


@given(conversations)
@settings(max_examples=300)
def test_no_stream_is_ended_twice(conversation):
    """At most one END_STREAM and one RST_STREAM of ours per stream, and nothing of it afterwards."""
    peer = Answering()
    peer.feed(GREETING + conversation)
    ended, reset = set(), set()
    position = 0
    while position < len(peer.said):
        upper, lower, kind, flag, stream = frames.HEAD.unpack_from(peer.said, position)
        position += frames.HEAD_SIZE + (upper << 8 | lower)
        if kind in {frames.DATA, frames.HEADERS}:
            assert stream not in ended | reset
            if flag & frames.END_STREAM:
                ended.add(stream)
        elif kind == frames.RST_STREAM:
            assert stream not in reset
            reset.add(stream)


@given(st.binary(max_size=400), st.booleans())
@settings(max_examples=300)
def test_random_bytes_do_no_harm(data, greeted):
    """Nothing is raised; the bounds hold; the connection goes on or is lost with a code that is not ours."""
    peer = Answering()
    peer.feed((GREETING if greeted else b"") + data)
    peer.feed(data)
    for event in peer.events:
        if isinstance(event, e.ConnectionLost):
            assert event.code.name != "INTERNAL_ERROR"
