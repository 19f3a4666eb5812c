"""A peer for a Connection: the `h2` package as an independent client, or frames by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest

from extproc.wire import frames
from extproc.wire.connection import Connection
from extproc.wire.events import ConnectionLost, Event
from extproc.wire.grpc_messages import PREFIX
from extproc.wire.header_blocks import encoded
from extproc.wire.limits import Limits

PATH = "/a.Service/Method"
CALL = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", PATH.encode()),
    (b":authority", b"extproc"),
    (b"te", b"trailers"),
    (b"content-type", b"application/grpc"),
)
NO_TABLE = b"\x20"


class ByHand:
    """Frames of one's own making."""

    def __init__(self, limits: Limits, *, greeted: bool = True) -> None:
        self.connection = Connection([PATH], limits)
        self.said = self.connection.data_to_send()
        if greeted:
            settings = frames.frame(frames.SETTINGS, 0, 0) + frames.frame(frames.SETTINGS, frames.ACK, 0)
            assert self.send(frames.PREFACE + settings) == []

    def send(self, *pieces: bytes) -> list[Event]:
        """The events of these bytes; `said` is what was answered, frame by frame."""
        events = self.connection.receive(b"".join(pieces))
        self.said = self.connection.data_to_send()
        return events

    def headers(self, stream_id: int, flags: int = 0, headers: Any = CALL) -> bytes:
        """HEADERS of a call."""
        return frames.frame(frames.HEADERS, frames.END_HEADERS | flags, stream_id, NO_TABLE + encoded(headers))

    def data(self, stream_id: int, payload: bytes, flags: int = 0) -> bytes:
        """DATA."""
        return frames.frame(frames.DATA, flags, stream_id, payload)

    def message(self, stream_id: int, message: bytes, flags: int = 0) -> bytes:
        """DATA with one gRPC message."""
        return self.data(stream_id, PREFIX.pack(0, len(message)) + message, flags)

    @property
    def answered(self) -> list[tuple[int, int, int, bytes]]:
        """`said` as (kind, flags, stream, payload)."""
        return list(split(self.said))

    def lost_with(self, *pieces: bytes) -> ConnectionLost:
        """The connection must be lost by these bytes, with a GOAWAY of the same code."""
        last = self.send(*pieces)[-1]
        assert isinstance(last, ConnectionLost)
        kind, _, _, payload = self.answered[-1]
        assert kind == frames.GOAWAY
        assert payload[4:8] == last.code.to_bytes(4, "big")
        return last


def split(data: bytes) -> Any:
    """The frames in some bytes."""
    position = 0
    while position < len(data):
        upper, lower, kind, flags, stream_id = frames.HEAD.unpack_from(data, position)
        start = position + frames.HEAD_SIZE
        position = start + (upper << 8 | lower)
        yield kind, flags, stream_id, data[start:position]


class Client:
    """`h2` as the client; both sides pass bytes on until nobody has more to say."""

    def __init__(self, limits: Limits) -> None:
        self.connection = Connection([PATH], limits)
        config = h2.config.H2Configuration(client_side=True, header_encoding=None)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.events: list[Event] = []
        self.seen: list[h2.events.Event] = []
        self.talk()

    def talk(self) -> list[Event]:
        """Our new events."""
        new: list[Event] = []
        while True:
            ours, theirs = self.connection.data_to_send(), self.h2.data_to_send()
            if not ours and not theirs:
                self.events += new
                return new
            if ours:
                self.seen += self.h2.receive_data(ours)
            if theirs:
                new += self.connection.receive(theirs)

    def call(self, *messages: bytes, end: bool = False, headers: Any = CALL) -> int:
        """Open a stream with these messages; returns its id."""
        stream_id = int(self.h2.get_next_available_stream_id())
        self.h2.send_headers(stream_id, headers, end_stream=end and not messages)
        for number, message in enumerate(messages, 1):
            self.say(stream_id, message, end=end and number == len(messages))
        return stream_id

    def say(self, stream_id: int, message: bytes, *, end: bool = False) -> None:
        """One message, in as many frames as it takes and as the window allows."""
        rest = PREFIX.pack(0, len(message)) + message
        while True:
            room = min(self.h2.max_outbound_frame_size, self.h2.local_flow_control_window(stream_id))
            assert room > 0, "the window is closed"
            last = len(rest) <= room
            self.h2.send_data(stream_id, rest[:room], end_stream=end and last)
            rest = rest[room:]
            if last:
                return
            self.talk()

    def heard(self, kind: type[Any], stream_id: int) -> list[Any]:
        """What `h2` saw of a kind on a stream."""
        return [each for each in self.seen if isinstance(each, kind) and getattr(each, "stream_id", 0) == stream_id]

    def body(self, stream_id: int) -> bytes:
        """All DATA that arrived."""
        return b"".join(each.data for each in self.heard(h2.events.DataReceived, stream_id))

    def status(self, stream_id: int) -> tuple[bytes | None, bytes | None]:
        """grpc-status and grpc-message, wherever they stood."""
        fields = dict[bytes, bytes]()
        for kind in (h2.events.ResponseReceived, h2.events.TrailersReceived):
            for each in self.heard(kind, stream_id):
                fields.update(each.headers)
        return fields.get(b"grpc-status"), fields.get(b"grpc-message")


@pytest.fixture
def by_hand() -> Callable[..., ByHand]:
    """Makes a peer whose frames the test writes; keywords are Limits."""
    return lambda greeted=True, **limits: ByHand(Limits(**limits), greeted=greeted)


@pytest.fixture
def client() -> Callable[..., Client]:
    """Makes a peer that is `h2`; keywords are Limits."""
    return lambda **limits: Client(Limits(**limits))
