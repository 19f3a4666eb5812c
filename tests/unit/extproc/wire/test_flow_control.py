"""Windows in both directions, and what is held while they are closed."""

import struct

import h2.events
import pytest

from extproc.wire import events as e
from extproc.wire import frames
from extproc.wire.errors import Code
from extproc.wire.frames import frame
from extproc.wire.limits import Limits
from extproc.wire.sending import Sent


def window(stream_id, increment):
    """WINDOW_UPDATE of the peer's."""
    return frames.window_update(stream_id, increment)


def initial_window(size):
    """SETTINGS_INITIAL_WINDOW_SIZE of the peer's."""
    return frame(frames.SETTINGS, 0, 0, struct.pack(">HI", 4, size))


def sent_on(peer, stream_id):
    """Bytes of DATA in what was said."""
    return sum(len(payload) for kind, _, stream, payload in peer.answered if (kind, stream) == (frames.DATA, stream_id))


def answer(peer, stream_id, size):
    """Send a message; `said` is what went out of it."""
    sent = peer.connection.send(stream_id, bytes(size))
    peer.said = peer.connection.data_to_send()
    return sent


def test_a_message_waits_for_the_streams_window(by_hand):
    """It goes out as far as the window is open, and the rest when it opens."""
    peer = by_hand()
    peer.send(initial_window(10), peer.headers(1))
    assert answer(peer, 1, 20) is Sent.WAITING
    assert (sent_on(peer, 1), peer.connection.unsent) == (10, 15)
    assert peer.send(window(1, 14)) == []
    assert sent_on(peer, 1) == 14
    assert peer.send(window(1, 1)) == [e.StreamWritable(1)]
    assert (sent_on(peer, 1), peer.connection.unsent) == (1, 0)


def test_the_end_waits_behind_the_message(by_hand):
    """Trailers never overtake what they follow, and then nothing is told."""
    peer = by_hand()
    peer.send(initial_window(0), peer.headers(1, frames.END_STREAM))
    answer(peer, 1, 3)
    peer.connection.end(1)
    assert peer.connection.data_to_send() == b""
    assert peer.send(window(1, 100)) == []
    assert [kind for kind, *_ in peer.answered] == [frames.DATA, frames.HEADERS]
    assert peer.connection.open_streams == 0


def test_a_window_may_become_negative(by_hand):
    """SETTINGS take back what was used already: nothing goes out until it is above zero again."""
    peer = by_hand()
    peer.send(initial_window(100), peer.headers(1))
    assert answer(peer, 1, 75) is Sent.DONE
    peer.send(initial_window(50))
    assert answer(peer, 1, 5) is Sent.WAITING
    peer.send(window(1, 30))
    assert peer.said == b""
    assert peer.send(initial_window(60)) == [e.StreamWritable(1)]
    assert sent_on(peer, 1) == 10


def test_streams_share_the_connections_window_by_turns(by_hand):
    """A frame each, so that a large answer does not starve a small one."""
    peer = by_hand()
    peer.send(initial_window(2**20), peer.headers(1), peer.headers(3), peer.headers(5))
    assert answer(peer, 1, 65_530) is Sent.DONE
    for stream in (3, 5):
        assert answer(peer, stream, 20_000) is Sent.WAITING
        assert sent_on(peer, stream) == 0
    peer.send(window(0, 2 * 16_384))
    assert (sent_on(peer, 3), sent_on(peer, 5)) == (16_384, 16_384)
    assert peer.send(window(0, 10_000)) == [e.StreamWritable(3), e.StreamWritable(5)]


def test_a_stream_reset_while_it_waits_gives_its_turn_away(by_hand):
    """What waited is forgotten, and counts no more."""
    peer = by_hand()
    peer.send(initial_window(2**20), peer.headers(1), peer.headers(3))
    answer(peer, 1, 100_000)
    answer(peer, 3, 1_000)
    peer.send(frame(frames.RST_STREAM, 0, 1, bytes(4)))
    assert peer.connection.unsent == 1_005
    assert peer.send(window(0, 5_000)) == [e.StreamWritable(3)]
    assert peer.connection.unsent == 0


@pytest.mark.parametrize("limits", [{"stream_unsent": 1_000}, {"unsent": 1_000}])
def test_a_peer_that_opens_no_window_costs_no_more_than_the_bound(by_hand, limits):
    """Past the bound the stream is reset, and what waited is gone."""
    peer = by_hand(**limits)
    peer.send(initial_window(0), peer.headers(1))
    assert answer(peer, 1, 900) is Sent.WAITING
    assert answer(peer, 1, 100) is Sent.GONE
    assert peer.answered == [(frames.RST_STREAM, 0, 1, struct.pack(">I", Code.ENHANCE_YOUR_CALM))]
    assert (peer.connection.unsent, peer.connection.open_streams) == (0, 0)


def test_our_window_opens_as_messages_are_taken(by_hand):
    """What waits for its handler holds the stream's window back, not the connection's."""
    peer = by_hand(stream_window=65_536, connection_window=65_536)
    part = peer.message(1, bytes(15_000))
    peer.send(peer.headers(1), part, part, part)
    updates = [(stream, payload) for kind, _, stream, payload in peer.answered if kind == frames.WINDOW_UPDATE]
    assert [stream for stream, _ in updates] == [0]
    for left in (2, 1):
        peer.connection.taken(1, 15_000)
        assert peer.connection.data_to_send() == b"", left
    peer.connection.taken(1, 15_000)
    assert peer.connection.data_to_send() == frames.window_update(1, 3 * 15_005)


def test_the_window_opens_within_a_long_message(by_hand):
    """Or it could never become whole."""
    peer = by_hand(stream_window=65_536)
    peer.send(peer.headers(1), peer.data(1, b"\x00\x00\x02\x00\x00" + bytes(16_000)))
    peer.send(peer.data(1, bytes(16_384)), peer.data(1, bytes(1_000)))
    assert [stream for kind, _, stream, _ in peer.answered if kind == frames.WINDOW_UPDATE] == [1]


def test_padding_counts_as_data(by_hand):
    """RFC 9113 §6.9.1: the whole payload is flow-controlled."""
    peer = by_hand(stream_window=65_535)
    padded = frame(frames.DATA, frames.PADDED, 1, bytes((255,)) + bytes(16_000 + 255))
    peer.send(peer.headers(1), peer.data(1, b"\x00\x00\xff\x00\x00"))
    peer.send(padded, padded)
    peer.send(padded)
    assert (frames.WINDOW_UPDATE, 0, 1, struct.pack(">I", 5 + 3 * 16_256)) in peer.answered


def test_a_peer_that_ignores_our_window_is_stopped(by_hand):
    """FLOW_CONTROL_ERROR for the stream whose messages nobody took."""
    peer = by_hand(stream_window=65_535)
    peer.send(peer.headers(1), peer.message(1, b"not taken"))
    pieces = [peer.data(1, bytes(16_000)) for _ in range(5)]
    assert e.StreamReset(1, Code.FLOW_CONTROL_ERROR) in peer.send(*pieces)
    assert peer.connection.held == 0


def test_what_is_held_for_all_calls_has_a_bound(by_hand):
    """The call that goes over it ends with RESOURCE_EXHAUSTED; the others go on."""
    peer = by_hand(received=10_000)
    events = peer.send(*(peer.headers(stream) + peer.message(stream, bytes(4_000)) for stream in (1, 3, 5)))
    assert events[-1] == e.StreamReset(5, Code.NO_ERROR)
    assert b"grpc-status\x018" in peer.said
    assert peer.connection.held <= 10_000
    peer.connection.taken(1, 4_000)
    assert isinstance(peer.send(peer.message(3, bytes(3_000)))[0], e.MessageReceived)


def test_a_slow_drip_costs_what_it_weighs(by_hand):
    """A message that comes byte by byte is kept as its bytes, not as as many objects."""
    peer = by_hand()
    peer.send(peer.headers(1), peer.data(1, b"\x00\x00\x00\xff\xff"))
    for _ in range(1_000):
        peer.send(peer.data(1, b"x"))
    assert 1_000 <= peer.connection.held <= 1_010


@pytest.mark.parametrize("bad", [{"stream_window": 1_000}, {"connection_window": 2**31}])
def test_a_window_that_peers_could_overrun_is_refused(bad):
    """Before our SETTINGS arrive a peer may use 65,535 bytes."""
    with pytest.raises(ValueError, match="a window holds"):
        Limits(**bad)


def test_an_independent_client_is_held_back_by_an_unread_stream(client):
    """It may send what the window allows and not a byte more, until the messages are taken."""
    peer = client(stream_window=65_535)
    stream = peer.call(bytes(15_000), bytes(15_000), bytes(15_000))
    peer.talk()
    assert peer.h2.local_flow_control_window(stream) == 65_535 - 45_015
    for _ in range(3):
        peer.connection.taken(stream, 15_000)
    peer.talk()
    assert peer.h2.local_flow_control_window(stream) == 65_535
    assert peer.heard(h2.events.WindowUpdated, stream)
