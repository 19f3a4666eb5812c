"""One HTTP/2 connection with gRPC calls on it, server side: bytes in, events out; commands in, bytes out.

No socket, no clock. Nothing that a peer sends raises out of here or grows memory past `Limits`; how its bytes are cut
into pieces makes no difference.
"""

from collections.abc import Callable, Collection
from typing import Final

from extproc.wire import control_frames, frames, responses, settings
from extproc.wire.data_frames import MESSAGE_COST, on_data
from extproc.wire.errors import Code, ConnectionFault, Status, StreamFault
from extproc.wire.events import Event
from extproc.wire.header_blocks import Headers
from extproc.wire.header_frames import expect, on_continuation, on_headers
from extproc.wire.limits import SMALLEST_WINDOW, Limits
from extproc.wire.requests import Head, read_request
from extproc.wire.sending import Sent
from extproc.wire.session import DRAIN_PING, EVERY_STREAM, Session

_DEFAULT_LIMITS: Final = Limits()
_ON: Final[tuple[Callable[[Session, int, int, bytes], None], ...]] = (  # by the number of the frame's kind
    on_data,
    on_headers,
    control_frames.on_priority,
    control_frames.on_rst_stream,
    control_frames.on_settings,
    control_frames.on_push_promise,
    control_frames.on_ping,
    control_frames.on_goaway,
    control_frames.on_window_update,
    on_continuation,
)


class Connection:
    """Feed it with `receive`; after any call send what `data_to_send` gives.

    Commands for a stream that is over do nothing: a peer may reset it while its answer is being made.
    """

    def __init__(
        self, paths: Collection[str], limits: Limits = _DEFAULT_LIMITS, read: Callable[[Headers], Head] = read_request
    ) -> None:
        """Calls of `paths` are served, all others answered UNIMPLEMENTED. `read` says what is a call at all."""
        self._session = Session(paths, limits, read)
        self._outbox = self._session.outbox
        self._streams = self._session.streams
        self._rest = b""
        self._prefaced = False
        self._outbox.put(settings.announced(limits))
        if limits.connection_window > SMALLEST_WINDOW:
            self._outbox.put(frames.window_update(0, limits.connection_window - SMALLEST_WINDOW))

    def receive(self, data: bytes) -> list[Event]:
        """What the peer's next bytes mean. Empty once the connection is lost."""
        session = self._session
        if session.lost:
            return []
        events: list[Event] = []
        session.events = events
        buffer = self._rest + data if self._rest else data
        try:
            position = self._read(buffer)
            self._rest = buffer[position:] if position < len(buffer) else b""
        except ConnectionFault as fault:
            self._rest = b""
            session.lose(fault)
        return events

    def data_to_send(self) -> bytes:
        """The bytes for the peer since the last call."""
        return self._outbox.take()

    def taken(self, stream_id: int, length: int) -> None:
        """A message of `length` bytes is no longer kept: the peer may send as much again."""
        stream = self._streams.get(stream_id)
        if stream is None or stream.ended:
            return
        stream.untaken -= 1
        stream.held -= length + MESSAGE_COST
        self._session.held -= length + MESSAGE_COST
        inbound = stream.inbound
        if inbound.owed >= inbound.half and not (stream.untaken or stream.peer_ended):
            self._outbox.put(frames.window_update(stream_id, inbound.grant()))

    def send(self, stream_id: int, message: bytes) -> Sent:
        """One message to the peer. WAITING asks for patience until StreamWritable.

        Past the bound of what may wait the stream is reset and GONE, without an event.
        """
        stream = self._streams.get(stream_id)
        if stream is None or stream.ended:
            return Sent.GONE
        try:
            return self._outbox.send(stream, message)
        except StreamFault as fault:
            self._session.reset(stream, fault.code)
            return Sent.GONE

    def end(self, stream_id: int, status: Status = Status.OK, text: str = "") -> None:
        """End the call with this status, behind what still waits to be sent."""
        stream = self._streams.get(stream_id)
        if stream is None or stream.ended:
            return
        stream.ended = stream.answered = True
        stream.failed = status != Status.OK
        self._session.stop_reading(stream)
        trailers = responses.trailers(status, text) if stream.begun else responses.whole(status, text)
        if stream.queue is None:
            self._session.finish(stream, trailers)
        else:
            stream.closing = trailers

    def reset(self, stream_id: int, code: Code) -> None:
        """End the stream at once, without a status."""
        stream = self._streams.get(stream_id)
        if stream is not None:
            self._session.reset(stream, code)

    def drain(self) -> None:
        """Ask the peer to open no more streams; those that are open or on their way are still served.

        A peer that has not answered by the time of a second call is told the last stream that counts.
        """
        session = self._session
        if session.draining:
            session.settle()
            return
        session.draining = True
        self._outbox.put(frames.goaway(EVERY_STREAM, Code.NO_ERROR))
        self._outbox.put(frames.frame(frames.PING, 0, 0, DRAIN_PING))

    def forgive(self) -> None:
        """A second has passed: floods are counted anew."""
        self._session.patience.forgive()

    @property
    def greeted(self) -> bool:
        """Whether the peer's preface and SETTINGS have come."""
        return self._session.greeted

    @property
    def lost(self) -> bool:
        """Whether the peer broke the protocol: send what is left, then close."""
        return self._session.lost

    @property
    def drained(self) -> bool:
        """After `drain`: whether no stream is open and none will come."""
        return self._session.final != EVERY_STREAM and not self._streams

    @property
    def open_streams(self) -> int:
        """Streams that are not over on both sides."""
        return len(self._streams)

    @property
    def held(self) -> int:
        """Bytes of messages that are not yet whole or not yet taken."""
        return self._session.held + len(self._rest)

    @property
    def unsent(self) -> int:
        """Bytes of messages that wait for the peer's windows."""
        return self._outbox.unsent

    def _read(self, buffer: bytes) -> int:
        """Handle the whole frames of `buffer`; returns where the rest begins."""
        session = self._session
        position, size = 0, len(buffer)
        if not self._prefaced:
            position = self._read_preface(buffer)
        unpack, on = frames.HEAD.unpack_from, _ON
        while size - position >= frames.HEAD_SIZE and self._prefaced:
            upper, lower, kind, flags, stream_id = unpack(buffer, position)
            length = upper << 8 | lower
            if length > frames.MAX_PAYLOAD:
                raise ConnectionFault(Code.FRAME_SIZE_ERROR, "frame is larger than SETTINGS_MAX_FRAME_SIZE")
            start = position + frames.HEAD_SIZE
            if start + length > size:
                break
            position = start + length
            stream_id &= frames.ID_MASK
            if not session.ordinary:
                expect(session, kind, flags, stream_id)
            try:
                if kind <= frames.CONTINUATION:
                    on[kind](session, flags, stream_id, buffer[start:position])
                else:
                    session.patience.control()
            except StreamFault as fault:
                session.reset_by_fault(fault)
        return position

    def _read_preface(self, buffer: bytes) -> int:
        size = len(frames.PREFACE)
        if not frames.PREFACE.startswith(buffer[:size]):
            raise ConnectionFault(Code.PROTOCOL_ERROR, "this is not HTTP/2")
        self._prefaced = len(buffer) >= size
        return size if self._prefaced else 0
