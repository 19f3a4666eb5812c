"""What a broken peer is told: each rule that it can break, and nothing but its own stream or connection harmed."""

import struct

import pytest

from extproc.wire import events as e
from extproc.wire import frames
from extproc.wire.errors import Code
from extproc.wire.frames import frame

END = frames.END_STREAM
WHOLE = frames.END_HEADERS


def number(value):
    """Four bytes."""
    return struct.pack(">I", value)


def setting(name, value):
    """One entry of SETTINGS."""
    return frame(frames.SETTINGS, 0, 0, struct.pack(">HI", name, value))


# What is sent on a connection with stream 1 open, and the code of the GOAWAY.
OF_THE_CONNECTION = {
    "a frame that is too large": (b"\x00\x40\x01\x00\x00" + number(1), Code.FRAME_SIZE_ERROR),
    "DATA on stream 0": (frame(frames.DATA, 0, 0, b"x"), Code.PROTOCOL_ERROR),
    "DATA on an idle stream": (frame(frames.DATA, 0, 5, b"x"), Code.PROTOCOL_ERROR),
    "DATA with more padding than frame": (frame(frames.DATA, frames.PADDED, 1, b"\x05abc"), Code.PROTOCOL_ERROR),
    "padded DATA without a length": (frame(frames.DATA, frames.PADDED, 1), Code.FRAME_SIZE_ERROR),
    "HEADERS on stream 0": (frame(frames.HEADERS, WHOLE, 0), Code.PROTOCOL_ERROR),
    "HEADERS on an even stream": (frame(frames.HEADERS, WHOLE, 2), Code.PROTOCOL_ERROR),
    "HEADERS with more padding than frame": (frame(frames.HEADERS, WHOLE | 8, 3, b"\x09abc"), Code.PROTOCOL_ERROR),
    "HEADERS cut off in their priority": (frame(frames.HEADERS, WHOLE | 0x20, 3, b"abc"), Code.FRAME_SIZE_ERROR),
    "a header block that is none": (frame(frames.HEADERS, WHOLE, 3, b"\x20\xff\xff"), Code.COMPRESSION_ERROR),
    "a header block cut off": (frame(frames.HEADERS, WHOLE, 3, b"\x20\x00\x05ab"), Code.COMPRESSION_ERROR),
    "an entry of a table we do not have": (frame(frames.HEADERS, WHOLE, 3, b"\x20\xbe"), Code.COMPRESSION_ERROR),
    "PRIORITY on stream 0": (frame(frames.PRIORITY, 0, 0, bytes(5)), Code.PROTOCOL_ERROR),
    "PRIORITY of a wrong size": (frame(frames.PRIORITY, 0, 1, bytes(4)), Code.FRAME_SIZE_ERROR),
    "a stream that depends on itself": (frame(frames.PRIORITY, 0, 1, number(1) + b"\x00"), Code.PROTOCOL_ERROR),
    "RST_STREAM on stream 0": (frame(frames.RST_STREAM, 0, 0, bytes(4)), Code.PROTOCOL_ERROR),
    "RST_STREAM on an idle stream": (frame(frames.RST_STREAM, 0, 5, bytes(4)), Code.PROTOCOL_ERROR),
    "RST_STREAM of a wrong size": (frame(frames.RST_STREAM, 0, 1, bytes(3)), Code.FRAME_SIZE_ERROR),
    "SETTINGS on a stream": (frame(frames.SETTINGS, 0, 1), Code.PROTOCOL_ERROR),
    "SETTINGS of a wrong size": (frame(frames.SETTINGS, 0, 0, bytes(5)), Code.FRAME_SIZE_ERROR),
    "an acknowledgement with a payload": (frame(frames.SETTINGS, 1, 0, bytes(6)), Code.FRAME_SIZE_ERROR),
    "a push that is neither on nor off": (setting(2, 2), Code.PROTOCOL_ERROR),
    "a window out of range": (setting(4, 2**31), Code.FLOW_CONTROL_ERROR),
    "a frame size out of range": (setting(5, 100), Code.PROTOCOL_ERROR),
    "PUSH_PROMISE from a client": (frame(frames.PUSH_PROMISE, WHOLE, 1, bytes(4)), Code.PROTOCOL_ERROR),
    "PING on a stream": (frame(frames.PING, 0, 1, bytes(8)), Code.PROTOCOL_ERROR),
    "PING of a wrong size": (frame(frames.PING, 0, 0, bytes(7)), Code.FRAME_SIZE_ERROR),
    "GOAWAY on a stream": (frame(frames.GOAWAY, 0, 1, bytes(8)), Code.PROTOCOL_ERROR),
    "GOAWAY cut off": (frame(frames.GOAWAY, 0, 0, bytes(7)), Code.FRAME_SIZE_ERROR),
    "WINDOW_UPDATE by nothing": (frame(frames.WINDOW_UPDATE, 0, 0, bytes(4)), Code.PROTOCOL_ERROR),
    "WINDOW_UPDATE of a wrong size": (frame(frames.WINDOW_UPDATE, 0, 0, bytes(3)), Code.FRAME_SIZE_ERROR),
    "WINDOW_UPDATE on an idle stream": (frame(frames.WINDOW_UPDATE, 0, 5, number(1)), Code.PROTOCOL_ERROR),
    "a window beyond 2^31-1": (frame(frames.WINDOW_UPDATE, 0, 0, number(2**31 - 1)), Code.FLOW_CONTROL_ERROR),
    "SETTINGS that widen a window beyond 2^31-1": (
        frame(frames.WINDOW_UPDATE, 0, 1, number(2**31 - 1 - 65_535)) + setting(4, 65_536),
        Code.FLOW_CONTROL_ERROR,
    ),
    "CONTINUATION of nothing": (frame(frames.CONTINUATION, WHOLE, 1), Code.PROTOCOL_ERROR),
    "a frame within a header block": (
        frame(frames.HEADERS, 0, 3) + frame(frames.PING, 0, 0, bytes(8)),
        Code.PROTOCOL_ERROR,
    ),
    "CONTINUATION of another stream": (
        frame(frames.HEADERS, 0, 3) + frame(frames.CONTINUATION, WHOLE, 5),
        Code.PROTOCOL_ERROR,
    ),
    "an unknown frame within a header block": (frame(frames.HEADERS, 0, 3) + frame(0x33, 0, 0), Code.PROTOCOL_ERROR),
}


@pytest.mark.parametrize("name", OF_THE_CONNECTION)
def test_a_broken_rule_costs_the_connection(by_hand, name):
    """GOAWAY with the right code, once, after the events of what came before."""
    peer = by_hand()
    sent, code = OF_THE_CONNECTION[name]
    assert [type(each) for each in peer.send(peer.headers(1))] == [e.StreamOpened]
    assert peer.lost_with(sent).code == code
    assert peer.connection.open_streams == 0


@pytest.mark.parametrize(
    "sent",
    [b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.1", b"\x16\x03\x01", frames.PREFACE + frame(frames.PING, 0, 0, bytes(8)),
     frames.PREFACE + frame(frames.SETTINGS, frames.ACK, 0)],
)  # fmt: skip
def test_a_peer_must_greet_by_the_preface(by_hand, sent):
    """The preface, then SETTINGS, and nothing else."""
    peer = by_hand(greeted=False)
    assert peer.lost_with(sent).code == Code.PROTOCOL_ERROR
    assert not peer.connection.greeted


# What is done to stream 1, and the code of the RST_STREAM.
OF_THE_STREAM = {
    "more DATA than its content-length": (frame(frames.DATA, 0, 1, bytes(9)), Code.PROTOCOL_ERROR),
    "less DATA than its content-length": (frame(frames.DATA, END, 1, bytes(5)), Code.PROTOCOL_ERROR),
    "WINDOW_UPDATE by nothing": (frame(frames.WINDOW_UPDATE, 0, 1, bytes(4)), Code.PROTOCOL_ERROR),
    "a window beyond 2^31-1": (frame(frames.WINDOW_UPDATE, 0, 1, number(2**31 - 1)), Code.FLOW_CONTROL_ERROR),
    "trailers that do not end it": (frame(frames.HEADERS, WHOLE, 1, b"\x20\x00\x01a\x01b"), Code.PROTOCOL_ERROR),
    "pseudo-headers as trailers": (frame(frames.HEADERS, WHOLE | END, 1, b"\x20\x82"), Code.PROTOCOL_ERROR),
}


@pytest.mark.parametrize("name", OF_THE_STREAM)
def test_a_broken_rule_costs_the_stream(by_hand, name):
    """RST_STREAM with the right code, one event; the next stream is served."""
    peer = by_hand()
    sent, code = OF_THE_STREAM[name]
    length = (b"content-length", b"8")
    peer.send(peer.headers(1, headers=(*_call(), length)))
    events = [each for each in peer.send(sent) if not isinstance(each, e.MessageReceived)]
    assert events == [e.StreamReset(1, code)]
    assert peer.answered[-1] == (frames.RST_STREAM, 0, 1, number(code))
    assert [type(each) for each in peer.send(peer.headers(3))] == [e.StreamOpened]


def _call():
    return (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/a.Service/Method"),
        (b"content-type", b"application/grpc"),
    )


@pytest.mark.parametrize(
    "headers",
    [
        (*_call(), (b"Upper", b"x")),
        (*_call(), (b"connection", b"close")),
        (*_call(), (b"te", b"gzip")),
        (*_call(), (b"a b", b"x")),
        (*_call(), (b"", b"x")),
        (*_call(), (b"x", b" padded ")),
        (*_call(), (b"x", b"a\nb")),
        (*_call(), (b":path", b"/again")),
        (*_call(), (b":late", b"x")),
        ((b":unknown", b"x"), *_call()),
        ((b":status", b"200"), *_call()),
        (_call()[0], *_call()),
        _call()[1:],
        (_call()[0], *_call()[2:]),
        (*_call()[:2], *_call()[3:]),
        (*_call()[:2], (b":path", b""), *_call()[3:]),
        (*_call(), (b"content-length", b"1"), (b"content-length", b"2")),
        (*_call(), (b"content-length", b"-1")),
    ],
)
def test_a_malformed_request_costs_the_stream(by_hand, headers):
    """RFC 9113 §8.1.1: PROTOCOL_ERROR, and no call begins."""
    peer = by_hand()
    assert peer.send(peer.headers(1, headers=headers)) == []
    assert peer.answered == [(frames.RST_STREAM, 0, 1, number(Code.PROTOCOL_ERROR))]
    assert [type(each) for each in peer.send(peer.headers(3))] == [e.StreamOpened]


def test_priority_fields_are_checked_and_ignored(by_hand):
    """HEADERS may carry them; a stream that depends on itself is reset."""
    peer = by_hand()
    block = peer.headers(1)[9:]
    fine = frame(frames.HEADERS, WHOLE | frames.HAS_PRIORITY | frames.PADDED, 1, b"\x03" + bytes(5) + block + bytes(3))
    assert [type(each) for each in peer.send(fine, frame(frames.PRIORITY, 0, 7, bytes(5)))] == [e.StreamOpened]
    assert peer.send(frame(frames.HEADERS, WHOLE | frames.HAS_PRIORITY, 3, number(3) + b"\x00" + block)) == []
    assert peer.answered == [(frames.RST_STREAM, 0, 3, number(Code.PROTOCOL_ERROR))]


def test_an_unknown_frame_is_ignored(by_hand):
    """RFC 9113 §5.5."""
    peer = by_hand()
    assert peer.send(frame(0x99, 0xFF, 77, b"whatever")) == []
    assert peer.said == b""


@pytest.mark.parametrize("kind", [frames.DATA, frames.HEADERS])
def test_a_half_closed_stream_takes_no_more(by_hand, kind):
    """After END_STREAM: STREAM_CLOSED, for the stream."""
    peer = by_hand()
    peer.send(peer.headers(1, END))
    again = peer.headers(1) if kind == frames.HEADERS else peer.data(1, b"x")
    assert peer.send(again) == [e.StreamReset(1, Code.STREAM_CLOSED)]


@pytest.mark.parametrize("kind", [frames.DATA, frames.HEADERS])
def test_a_closed_stream_takes_no_more(by_hand, kind):
    """After both sides have ended it: STREAM_CLOSED, for the connection."""
    peer = by_hand()
    peer.send(peer.headers(1, END))
    peer.connection.end(1)
    again = peer.headers(1) if kind == frames.HEADERS else peer.data(1, b"x")
    assert peer.lost_with(again).code == Code.STREAM_CLOSED


def test_late_control_frames_on_a_closed_stream_are_ignored(by_hand):
    """RST_STREAM, WINDOW_UPDATE and PRIORITY may cross our end."""
    peer = by_hand()
    peer.send(peer.headers(1, END))
    peer.connection.end(1)
    late = [frame(frames.RST_STREAM, 0, 1, bytes(4)), frame(frames.WINDOW_UPDATE, 0, 1, bytes(4))]
    assert peer.send(*late, frame(frames.PRIORITY, 0, 1, bytes(5))) == []
    assert not peer.connection.lost


def test_frames_on_their_way_to_a_stream_we_reset_are_ignored(by_hand):
    """DATA, trailers and END_STREAM may cross our RST_STREAM."""
    peer = by_hand()
    peer.send(peer.headers(1))
    peer.connection.reset(1, Code.CANCEL)
    assert peer.send(peer.message(1, b"late"), peer.headers(1, END)) == []
    assert not peer.connection.lost


def test_a_skipped_stream_cannot_be_opened_later(by_hand):
    """RFC 9113 §5.1.1: ids only grow."""
    peer = by_hand()
    peer.send(peer.headers(5))
    assert peer.lost_with(peer.headers(3)).code == Code.PROTOCOL_ERROR


def test_too_many_streams_are_refused(by_hand):
    """REFUSED_STREAM, which a peer may safely retry; the others go on."""
    peer = by_hand(streams=2)
    events = peer.send(*(peer.headers(stream) for stream in (1, 3, 5)))
    assert [each.stream_id for each in events] == [1, 3]
    assert peer.answered[-1] == (frames.RST_STREAM, 0, 5, number(Code.REFUSED_STREAM))
    peer.send(frame(frames.RST_STREAM, 0, 1, bytes(4)))
    assert [type(each) for each in peer.send(peer.headers(7))] == [e.StreamOpened]


def test_a_block_over_many_frames_is_one_block(by_hand):
    """CONTINUATION, empty ones included."""
    peer = by_hand()
    block = peer.headers(1)[9:]
    pieces = [frame(frames.HEADERS, END, 1, block[:10]), frame(frames.CONTINUATION, 0, 1)]
    opened, closed = peer.send(*pieces, frame(frames.CONTINUATION, WHOLE, 1, block[10:]))
    assert (type(opened), closed) == (e.StreamOpened, e.StreamHalfClosed(1))


@pytest.mark.parametrize("pieces", [[b""] * 40, [bytes(16_000)] * 3])
def test_a_flood_of_continuations_is_cut_off(by_hand, pieces):
    """Their number is bounded, and their size, before anything is decoded."""
    peer = by_hand()
    sent = (frame(frames.CONTINUATION, 0, 1, each) for each in pieces)
    assert peer.lost_with(frame(frames.HEADERS, 0, 1), *sent).code == Code.ENHANCE_YOUR_CALM


def test_a_header_list_has_a_limit(by_hand):
    """A small block may stand for a large list."""
    peer = by_hand(header_list=2_000)
    assert peer.lost_with(peer.headers(1, headers=[(b"x", b"y" * 3_000)])).code == Code.ENHANCE_YOUR_CALM


@pytest.mark.parametrize(
    ("payload", "status"),
    [(b"\x01\x00\x00\x00\x01x", b"12"), (b"\x02\x00\x00\x00\x01x", b"13"), (b"\x00\x00\x00\x20\x00", b"8")],
)
def test_a_message_that_cannot_be_taken_ends_its_call(by_hand, payload, status):
    """Compressed, with a strange flag, or too large: a status of gRPC's, and messages before it still count."""
    peer = by_hand(message=1000)
    opened, message, reset = peer.send(peer.headers(1), peer.data(1, b"\x00\x00\x00\x00\x02ok" + payload))
    assert (type(opened), message, reset) == (e.StreamOpened, e.MessageReceived(1, b"ok"), e.StreamReset(1, 0))
    head, stop = peer.answered[-2:]
    assert head[:3] == (frames.HEADERS, WHOLE | END, 1)
    assert b"grpc-status" + bytes((len(status),)) + status in head[3]
    assert stop == (frames.RST_STREAM, 0, 1, number(Code.NO_ERROR))
    assert peer.connection.held == 0


def test_an_end_within_a_message_ends_the_call(by_hand):
    """What is not whole is not handled."""
    peer = by_hand()
    peer.send(peer.headers(1))
    assert peer.send(peer.data(1, b"\x00\x00\x00", END)) == [e.StreamReset(1, 0)]
    assert b"grpc-status\x0213" in peer.said
    assert peer.connection.open_streams == 0


def test_a_smaller_table_of_the_peers_is_acknowledged_in_our_next_block(by_hand):
    """RFC 9113 §4.3.1: the first header block after it says that we use none."""
    peer = by_hand()
    peer.send(setting(1, 0), peer.headers(1, END), peer.headers(3, END))
    peer.connection.end(1)
    peer.connection.end(3)
    peer.said = peer.connection.data_to_send()
    first, second = (payload for _, _, _, payload in peer.answered)
    assert first == b"\x20" + second


def test_a_table_that_does_not_shrink_costs_the_connection(by_hand):
    """RFC 9113 §4.3.1: the first block after the acknowledgement must say that the table is empty now."""
    peer = by_hand()
    assert peer.lost_with(frame(frames.HEADERS, WHOLE, 1, peer.headers(1)[10:])).code == Code.COMPRESSION_ERROR
