"""Calls as an independent client sees them."""

import h2.events
import pytest

from extproc.wire import events as e
from extproc.wire.errors import Code, Status
from extproc.wire.grpc_messages import PREFIX
from extproc.wire.sending import Sent


def prefixed(*messages):
    """Messages as they stand in DATA."""
    return b"".join(PREFIX.pack(0, len(each)) + each for each in messages)


def test_a_call_is_served_from_head_to_trailers(client):
    """Open, message, answer, half-close, OK: nothing is left of it."""
    peer = client()
    stream = peer.call(b"hello")
    opened, message = peer.talk()
    assert (opened.stream_id, opened.request.path, opened.request.timeout) == (stream, "/a.Service/Method", None)
    assert message == e.MessageReceived(stream, b"hello")
    peer.connection.taken(stream, 5)
    assert peer.connection.send(stream, b"world") is Sent.DONE
    peer.h2.end_stream(stream)
    assert peer.talk() == [e.StreamHalfClosed(stream)]
    peer.connection.end(stream)
    assert peer.talk() == []
    (head,) = peer.heard(h2.events.ResponseReceived, stream)
    assert dict(head.headers) == {b":status": b"200", b"content-type": b"application/grpc"}
    assert peer.body(stream) == prefixed(b"world")
    assert peer.status(stream) == (b"0", None)
    assert (peer.connection.open_streams, peer.connection.held) == (0, 0)


def test_many_streams_come_in_one_read(client):
    """One read may bring many calls; one write answers them all."""
    peer = client()
    streams = [peer.call(b"%d" % number, end=True) for number in range(50)]
    events = peer.talk()
    assert [each.stream_id for each in events if isinstance(each, e.MessageReceived)] == streams
    for stream in streams:
        peer.connection.send(stream, b"answer")
        peer.connection.end(stream)
    peer.talk()
    assert all(peer.status(stream) == (b"0", None) for stream in streams)
    assert peer.connection.open_streams == 0


def test_a_large_message_goes_both_ways(client):
    """Three megabytes over many frames and windows, as they were."""
    peer = client()
    message = bytes(range(256)) * 12_000
    stream = peer.call(message, end=True)
    peer.talk()
    (got,) = [each for each in peer.events if isinstance(each, e.MessageReceived)]
    assert got.message == message
    peer.connection.taken(stream, len(message))
    assert peer.connection.send(stream, message) is Sent.WAITING
    peer.connection.end(stream)
    for _ in range(2000):
        if peer.connection.open_streams == 0:
            break
        peer.talk()
        unread = len(peer.body(stream)) - getattr(peer, "read", 0)
        peer.read = len(peer.body(stream))
        if unread and peer.connection.open_streams:
            peer.h2.acknowledge_received_data(unread, stream)
    assert peer.body(stream) == prefixed(message)
    assert peer.status(stream) == (b"0", None)
    assert peer.connection.unsent == 0


def test_messages_of_one_frame_are_separate(client):
    """A frame may hold several messages and the beginning of another."""
    peer = client()
    stream = peer.call()
    peer.h2.send_data(stream, prefixed(b"a", b"", b"bc") + prefixed(b"def")[:6])
    assert [each.message for each in peer.talk()[1:]] == [b"a", b"", b"bc"]
    peer.h2.send_data(stream, b"ef")
    assert [each.message for each in peer.talk()] == [b"def"]


def test_an_early_end_with_ok_leaves_the_peer_to_close(client):
    """Released: what the peer still sends is ignored, and its end frees the stream."""
    peer = client()
    stream = peer.call(b"one")
    peer.talk()
    peer.connection.send(stream, b"answer")
    peer.connection.end(stream)
    peer.talk()
    assert peer.status(stream) == (b"0", None)
    assert peer.connection.send(stream, b"more") is Sent.GONE
    peer.say(stream, b"two", end=True)
    assert peer.talk() == []
    assert peer.connection.open_streams == 0


def test_an_error_tells_the_peer_to_stop(client):
    """Status and text as trailers, then RST_STREAM with NO_ERROR, and frames on their way are ignored."""
    peer = client()
    stream = peer.call(b"one")
    peer.talk()
    peer.connection.end(stream, Status.INTERNAL, "50 % naïve\n")
    said = peer.connection.data_to_send()
    peer.say(stream, b"two")
    late = peer.h2.data_to_send()
    assert peer.connection.receive(late) == []
    peer.seen += peer.h2.receive_data(said)
    assert peer.status(stream) == (b"13", b"50 %25 na%C3%AFve%0A")
    (reset,) = peer.heard(h2.events.StreamReset, stream)
    assert reset.error_code == Code.NO_ERROR
    assert not peer.connection.lost


def test_a_call_is_ended_only_once(client):
    """A second end, a message after it or a reset change nothing."""
    peer = client()
    stream = peer.call(end=True)
    peer.talk()
    peer.connection.end(stream)
    peer.connection.end(stream, Status.INTERNAL)
    peer.connection.reset(stream, Code.CANCEL)
    assert peer.connection.send(stream, b"late") is Sent.GONE
    peer.talk()
    assert peer.status(stream) == (b"0", None)
    assert len(peer.heard(h2.events.StreamEnded, stream)) == 1


def test_a_reset_of_ours_is_seen(client):
    """The code reaches the peer; nothing is left."""
    peer = client()
    stream = peer.call(b"one")
    peer.talk()
    peer.connection.reset(stream, Code.CANCEL)
    peer.talk()
    (reset,) = peer.heard(h2.events.StreamReset, stream)
    assert (reset.error_code, peer.connection.open_streams, peer.connection.held) == (Code.CANCEL, 0, 0)


def test_a_reset_by_the_peer_is_told_once(client):
    """With its code; commands for the stream then do nothing."""
    peer = client()
    stream = peer.call(b"one")
    peer.talk()
    peer.h2.reset_stream(stream, Code.CANCEL)
    assert peer.talk() == [e.StreamReset(stream, Code.CANCEL)]
    peer.connection.end(stream)
    peer.connection.taken(stream, 3)
    assert peer.connection.data_to_send() == b""
    assert peer.connection.held == 0


def test_trailers_end_a_request(client):
    """gRPC clients send none, HTTP/2 allows them."""
    peer = client()
    stream = peer.call(b"one")
    peer.h2.send_headers(stream, [(b"x-done", b"yes")], end_stream=True)
    assert peer.talk()[-1] == e.StreamHalfClosed(stream)


def test_a_ping_is_answered(client):
    """With its own bytes."""
    peer = client()
    peer.h2.ping(b"12345678")
    peer.talk()
    assert [each.ping_data for each in peer.seen if isinstance(each, h2.events.PingAckReceived)] == [b"12345678"]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({b":path": b"/a.Service/Other"}, (b"12", b"no such method")),
        ({b":method": b"PUT"}, (b"12", b"gRPC calls are made by POST")),
        ({b"grpc-encoding": b"gzip"}, (b"12", b"compressed messages are not accepted")),
        ({b"grpc-timeout": b"soon"}, (b"13", b"the grpc-timeout cannot be read")),
        ({b"content-type": b"application/json"}, (b"13", b"the content-type is not application/grpc")),
    ],
)
def test_a_call_not_served_here_is_refused_at_once(client, changed, expected):
    """With a status, without an event; the connection goes on."""
    peer = client()
    from_conftest = {
        b":method": b"POST",
        b":scheme": b"http",
        b":path": b"/a.Service/Method",
        b":authority": b"x",
        b"content-type": b"application/grpc",
    }
    stream = peer.call(headers=list({**from_conftest, **changed}.items()))
    assert peer.talk() == []
    assert peer.status(stream) == expected
    (head,) = peer.heard(h2.events.ResponseReceived, stream)
    assert dict(head.headers)[b":status"] == (b"415" if b"content-type" in changed else b"200")
    assert peer.connection.open_streams == 0
    assert isinstance(_next_call(peer), e.StreamOpened)


def _next_call(peer):
    peer.call()
    return peer.talk()[0]


def test_a_drain_serves_what_is_open_or_on_its_way(client, by_hand):
    """First GOAWAY refuses none; after the ping's answer the last stream is named, and later ones are ignored."""
    peer = by_hand()
    peer.send(peer.headers(1))
    peer.connection.drain()
    peer.said = peer.connection.data_to_send()
    (first, ping) = peer.answered
    assert (first[0], first[3][:4]) == (7, b"\x7f\xff\xff\xff")
    assert [type(each) for each in peer.send(peer.headers(3))] == [e.StreamOpened]
    assert not peer.connection.drained
    peer.send(b"\x00\x00\x08\x06\x01\x00\x00\x00\x00" + ping[3])
    assert (peer.answered[0][0], peer.answered[0][3][:4]) == (7, b"\x00\x00\x00\x03")
    assert (
        peer.send(peer.headers(5), peer.message(5, b"late"), b"\x00\x00\x04\x03\x00\x00\x00\x00\x05" + bytes(4)) == []
    )
    for stream in (1, 3):
        peer.connection.end(stream)
        assert not peer.connection.drained
        peer.send(peer.data(stream, b"", 1))
    assert peer.connection.drained


def test_a_second_drain_waits_for_no_ping(by_hand):
    """A peer that does not answer is told the last stream all the same."""
    peer = by_hand()
    peer.connection.drain()
    assert not peer.connection.drained
    peer.connection.drain()
    assert peer.connection.drained


def test_a_peer_that_leaves_keeps_its_open_calls(client):
    """GOAWAY from the peer is told; streams go on."""
    peer = client()
    stream = peer.call(b"one")
    peer.talk()
    assert peer.connection.receive(b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + bytes(8)) == [e.PeerLeaving(0)]
    assert peer.connection.send(stream, b"answer") is Sent.DONE


def test_bytes_after_the_end_mean_nothing(by_hand):
    """A lost connection hears no more and has nothing more to say."""
    peer = by_hand()
    peer.lost_with(b"\xff" * 9)
    assert peer.send(peer.headers(1)) == []
    assert (peer.said, peer.connection.lost, peer.connection.held) == (b"", True, 0)
