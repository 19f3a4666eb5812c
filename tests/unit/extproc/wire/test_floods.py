"""Work done for nothing has an end; time forgives it."""

import struct

import pytest

from extproc.wire import frames
from extproc.wire.errors import Code
from extproc.wire.frames import frame

FLOODS = {
    "PING": frame(frames.PING, 0, 0, bytes(8)),
    "PING acknowledged": frame(frames.PING, frames.ACK, 0, bytes(8)),
    "SETTINGS": frame(frames.SETTINGS, 0, 0),
    "PRIORITY": frame(frames.PRIORITY, 0, 1, bytes(5)),
    "empty DATA": frame(frames.DATA, 0, 1),
    "DATA of padding": frame(frames.DATA, frames.PADDED, 1, b"\x02ab"),
    "GOAWAY": frame(frames.GOAWAY, 0, 0, bytes(8)),
    "unknown frames": frame(0x55, 0, 0, b"x"),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_cut_off(by_hand, name):
    """ENHANCE_YOUR_CALM at the first frame beyond the bound."""
    peer = by_hand(control_frames=20)
    peer.send(peer.headers(1), FLOODS[name] * 18)
    assert not peer.connection.lost
    assert peer.lost_with(FLOODS[name] * 3).code == Code.ENHANCE_YOUR_CALM


@pytest.mark.parametrize("name", FLOODS)
def test_a_trickle_is_forgiven(by_hand, name):
    """The same number over some seconds is no flood."""
    peer = by_hand(control_frames=20)
    peer.send(peer.headers(1))
    for _ in range(10):
        peer.connection.forgive()
        peer.send(FLOODS[name] * 15)
    assert not peer.connection.lost


def opened_and_reset(peer, stream):
    """A stream that is opened for nothing."""
    return peer.headers(stream) + frame(frames.RST_STREAM, 0, stream, bytes(4))


def test_rapid_resets_are_cut_off(by_hand):
    """Streams that are reset before they had an answer are opened for nothing."""
    peer = by_hand(resets=10)
    peer.send(*(opened_and_reset(peer, stream) for stream in range(1, 21, 2)))
    assert peer.lost_with(opened_and_reset(peer, 21)).code == Code.ENHANCE_YOUR_CALM


def test_resets_that_the_peer_provokes_count_too(by_hand):
    """Whatever makes us reset a stream costs as much as its own reset."""
    peer = by_hand(resets=10)
    provoked = [peer.headers(n) + frame(frames.WINDOW_UPDATE, 0, n, bytes(4)) for n in range(1, 23, 2)]
    assert peer.lost_with(*provoked).code == Code.ENHANCE_YOUR_CALM


def test_a_reset_after_an_answer_is_ordinary(by_hand):
    """Envoy resets streams that it needs no more."""
    peer = by_hand(resets=5)
    for stream in range(1, 101, 2):
        peer.send(peer.headers(stream), peer.message(stream, b"x"))
        peer.connection.send(stream, b"answer")
        peer.send(frame(frames.RST_STREAM, 0, stream, bytes(4)))
    assert not peer.connection.lost


def test_refused_calls_are_counted(by_hand):
    """A call of an unknown path costs an answer each."""
    peer = by_hand(resets=10)
    headers = ((b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/x"), (b"content-type", b"application/grpc"))
    sent = [peer.headers(stream, headers=headers) for stream in range(1, 25, 2)]
    assert peer.lost_with(*sent).code == Code.ENHANCE_YOUR_CALM


def test_a_change_of_all_windows_costs_by_the_stream(by_hand):
    """One SETTINGS frame of six bytes touches every stream."""
    peer = by_hand(control_frames=30)
    for stream in range(1, 1281, 2):
        peer.send(peer.headers(stream))
    change = [frame(frames.SETTINGS, 0, 0, struct.pack(">HI", 4, size)) for size in (1, 2, 3)]
    assert peer.lost_with(*change).code == Code.ENHANCE_YOUR_CALM


def test_each_change_in_a_settings_frame_costs(by_hand):
    """One frame has room for thousands, and a few streams are touched by every one of them."""
    peer = by_hand(control_frames=30)
    changes = b"".join(struct.pack(">HI", 4, 65_535 + number % 2) for number in range(31))
    assert peer.lost_with(frame(frames.SETTINGS, 0, 0, changes)).code == Code.ENHANCE_YOUR_CALM
