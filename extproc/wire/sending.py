"""What goes out: frames in order, messages as far as the peer's windows allow, the rest in queues of bounded size."""

from collections import deque
from enum import Enum, auto
from struct import Struct
from typing import Final

from extproc.wire import frames
from extproc.wire.errors import Code, StreamFault
from extproc.wire.frames import DATA, HEADERS, MAX_PAYLOAD
from extproc.wire.grpc_messages import PREFIX, PREFIX_SIZE
from extproc.wire.header_blocks import NO_TABLE
from extproc.wire.limits import Limits
from extproc.wire.responses import HEAD
from extproc.wire.settings import DEFAULT_TABLE_SIZE, DEFAULT_WINDOW
from extproc.wire.streams import Stream
from extproc.wire.windows import widened

_MESSAGE_HEAD: Final = Struct(">HBBBIBI")  # of a DATA frame that holds one whole message, and the message's prefix


class Sent(Enum):
    """What became of a message."""

    DONE = auto()  # on its way whole
    WAITING = auto()  # for the peer's window: send no more until StreamWritable
    GONE = auto()  # the stream is over


class Outbox:
    """The sending half of a connection."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parts: list[bytes | memoryview] = []
        self._window = DEFAULT_WINDOW
        self._waiting: dict[int, Stream] = {}  # only for the connection's window, in the order of their turns
        self._table_size = DEFAULT_TABLE_SIZE
        self._table_changed = False
        self.stream_window = DEFAULT_WINDOW
        self.unsent = 0

    def take(self) -> bytes:
        """Everything that is to go out now."""
        parts = self._parts
        if not parts:
            return b""
        self._parts = []
        return b"".join(parts)

    def put(self, frame: bytes) -> None:
        """A frame that no window holds back."""
        self._parts.append(frame)

    def head(self, stream_id: int, block: bytes, end: bool) -> None:
        """A HEADERS frame."""
        if self._table_changed:
            self._table_changed = False
            block = NO_TABLE + block
        self._parts.append(frames.frame(HEADERS, frames.END_HEADERS | end, stream_id, block))

    def send(self, stream: Stream, message: bytes) -> Sent:
        """One message, its head before it if it is the first.

        Raises StreamFault when the peer leaves more unread than the limits allow.
        """
        length = len(message)
        total = length + PREFIX_SIZE
        if not stream.begun:
            stream.begun = stream.answered = True
            self.head(stream.id, HEAD, False)
        if stream.queue is None and total <= stream.window and total <= self._window and total <= MAX_PAYLOAD:
            stream.window -= total
            self._window -= total
            self._parts.append(_MESSAGE_HEAD.pack(total >> 8, total & 0xFF, DATA, 0, stream.id, 0, length))
            self._parts.append(message)
            return Sent.DONE
        self._enqueue(stream, PREFIX.pack(0, length) + message)
        self._advance(stream)
        return Sent.DONE if stream.queue is None else Sent.WAITING

    def forget(self, stream: Stream) -> None:
        """The stream is over; what waited for its window never goes out."""
        self._waiting.pop(stream.id, None)
        self.unsent -= stream.unsent
        stream.unsent = 0
        stream.queue = None

    def widen(self, increment: int) -> list[Stream] | None:
        """WINDOW_UPDATE of the connection.

        Returns the streams whose queue is empty now, or None when the window is larger than the protocol knows.
        """
        window = widened(self._window, increment)
        if window is None:
            return None
        self._window = window
        drained = []
        while self._window > 0 and self._waiting:
            stream = self._waiting.pop(next(iter(self._waiting)))  # by turns, a frame each
            self._send_frame(stream)
            if stream.queue is None:
                drained.append(stream)
            elif stream.window > 0:
                self._waiting[stream.id] = stream
        return drained

    def widen_stream(self, stream: Stream, increment: int) -> bool | None:
        """WINDOW_UPDATE of a stream, or a change of SETTINGS_INITIAL_WINDOW_SIZE, which may be negative.

        Returns whether its queue became empty by that, or None when the window is larger than the protocol knows.
        """
        window = widened(stream.window, increment)
        if window is None:
            return None
        stream.window = window
        if stream.queue is None:
            return False
        if window <= 0:
            self._waiting.pop(stream.id, None)
        self._advance(stream)
        return stream.queue is None

    def table_size(self, size: int) -> None:
        """SETTINGS_HEADER_TABLE_SIZE: we use no table, but a smaller one than before must be answered."""
        self._table_changed = self._table_changed or size < self._table_size
        self._table_size = size

    def _enqueue(self, stream: Stream, data: bytes) -> None:
        limits = self._limits
        if stream.unsent + len(data) > limits.stream_unsent or self.unsent + len(data) > limits.unsent:
            raise StreamFault(stream.id, Code.ENHANCE_YOUR_CALM)
        if stream.queue is None:
            stream.queue = deque()
        stream.queue.append(memoryview(data))
        stream.unsent += len(data)
        self.unsent += len(data)

    def _advance(self, stream: Stream) -> None:
        """As much as the windows allow; behind others, if they wait for the connection's."""
        if not self._waiting:
            while stream.queue is not None and stream.window > 0 and self._window > 0:
                self._send_frame(stream)
        if stream.queue is not None and stream.window > 0:
            self._waiting[stream.id] = stream

    def _send_frame(self, stream: Stream) -> None:
        queue = stream.queue
        if queue is None:
            return
        room = min(stream.window, self._window, MAX_PAYLOAD)
        part = queue[0][:room]
        if len(part) < len(queue[0]):
            queue[0] = queue[0][room:]
        else:
            queue.popleft()
            stream.queue = queue or None
        length = len(part)
        stream.window -= length
        self._window -= length
        stream.unsent -= length
        self.unsent -= length
        self._parts.append(frames.HEAD.pack(length >> 8, length & 0xFF, DATA, 0, stream.id))
        self._parts.append(part)
