"""The state of one connection, and the ways in which its streams end. The frame files read and write it."""

from collections.abc import Callable, Collection
from typing import Final

from extproc.wire import events as e
from extproc.wire import frames, responses
from extproc.wire.errors import CallRefused, Code, ConnectionFault, StreamFault
from extproc.wire.floods import Patience
from extproc.wire.header_blocks import HeaderBlocks, Headers
from extproc.wire.history import History
from extproc.wire.limits import Limits
from extproc.wire.requests import Head
from extproc.wire.sending import Outbox
from extproc.wire.streams import Stream
from extproc.wire.windows import Inbound

EVERY_STREAM: Final = 2**31 - 1  # the id of a GOAWAY that refuses none yet
DRAIN_PING: Final = b"draining"


class Block:
    """A header block on its way: HEADERS and the CONTINUATIONs so far."""

    __slots__ = ("content", "end_stream", "frames", "on_itself", "stream_id")

    def __init__(self, stream_id: int, content: bytes, end_stream: int, on_itself: bool) -> None:
        self.stream_id = stream_id
        self.content = content
        self.end_stream = end_stream
        self.on_itself = on_itself  # the stream was said to depend on itself
        self.frames = 1

    def extend(self, content: bytes, limits: Limits) -> None:
        """One CONTINUATION. Raises ConnectionFault when there are too many or too much."""
        self.frames += 1
        self.content += content
        if self.frames > limits.continuations or len(self.content) > limits.header_block:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, "header block is larger than the limit")


class Session:
    """One connection's state."""

    __slots__ = (
        "block",
        "blocks",
        "draining",
        "events",
        "final",
        "greeted",
        "held",
        "history",
        "inbound",
        "limits",
        "lost",
        "ordinary",
        "outbox",
        "paths",
        "patience",
        "streams",
    )

    def __init__(self, paths: Collection[str], limits: Limits, read: Callable[[Headers], Head]) -> None:
        self.paths = frozenset(paths)
        self.limits = limits
        self.patience = Patience(limits)
        self.blocks: HeaderBlocks[Head] = HeaderBlocks(read, limits.header_list, limits.header_table)
        self.outbox = Outbox(limits)
        self.streams: dict[int, Stream] = {}
        self.history = History()
        self.inbound = Inbound(limits.connection_window)
        self.held = 0  # bytes of messages that are not yet whole or not yet taken
        self.events: list[e.Event] = []
        self.block: Block | None = None  # goes on in the next frame
        self.greeted = False  # the peer's preface and SETTINGS have come
        self.ordinary = False  # any frame may come: greeted, and no header block is open
        self.draining = False
        self.final = EVERY_STREAM  # the last stream that is served
        self.lost = False

    def drop(self, stream: Stream) -> None:
        """Both sides are done with the stream."""
        del self.streams[stream.id]
        self.stop_reading(stream)
        self.outbox.forget(stream)

    def stop_reading(self, stream: Stream) -> None:
        """What the peer sent on it matters no more."""
        self.held -= stream.held
        stream.held = 0
        stream.assembler = None

    def finish(self, stream: Stream, trailers: bytes) -> None:
        """Everything is sent: the trailers, and a word to a peer that need not go on."""
        stream.closing = None
        self.outbox.head(stream.id, trailers, True)
        if stream.peer_ended:
            self.drop(stream)
        elif stream.failed:
            self.drop(stream)
            self.leave(stream.id, Code.NO_ERROR)

    def refuse(self, stream: Stream, refused: CallRefused) -> None:
        """End an open call with a status of ours; what waited to be sent is left out."""
        if not stream.ended:
            self.events.append(e.StreamReset(stream.id, Code.NO_ERROR))
            if not stream.answered:
                self.patience.reset()
        stream.ended = stream.failed = True
        self.stop_reading(stream)
        self.outbox.forget(stream)
        make = responses.trailers if stream.begun else responses.whole
        self.finish(stream, make(refused.status, refused.why))

    def reset(self, stream: Stream, code: Code) -> None:
        """End a stream at once."""
        self.drop(stream)
        self.leave(stream.id, code)

    def reset_by_fault(self, fault: StreamFault) -> None:
        """The answer to what a peer did wrong on one stream."""
        stream = self.streams.get(fault.stream_id)
        if stream is None:
            self.leave(fault.stream_id, fault.code)
            self.patience.reset()
            return
        self.reset(stream, fault.code)
        if not stream.ended:
            self.events.append(e.StreamReset(stream.id, fault.code))
        if not stream.answered:
            self.patience.reset()

    def leave(self, stream_id: int, code: Code) -> None:
        """RST_STREAM; what the peer had already sent will be ignored."""
        self.outbox.put(frames.rst_stream(stream_id, code))
        self.history.left(stream_id)

    def went_out(self, stream: Stream) -> None:
        """The stream's queue is empty."""
        if stream.closing is not None:
            self.finish(stream, stream.closing)
        elif not stream.ended:
            self.events.append(e.StreamWritable(stream.id))

    def settle(self) -> None:
        """Tell the peer the last stream that is served."""
        if self.final == EVERY_STREAM:
            self.final = self.history.last
            self.outbox.put(frames.goaway(self.final, Code.NO_ERROR))

    def lose(self, fault: ConnectionFault) -> None:
        """The end of everything."""
        self.outbox.put(frames.goaway(self.history.last, fault.code, fault.why))
        for stream in list(self.streams.values()):
            self.drop(stream)
        self.block = None
        self.lost = True
        self.events.append(e.ConnectionLost(fault.code, fault.why))
