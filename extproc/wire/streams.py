"""The state of one stream. Gone from memory as soon as both sides have ended it or one has reset it."""

from collections import deque

from extproc.wire.grpc_messages import Assembler
from extproc.wire.windows import Inbound


class Stream:
    """Plain fields: the connection reads and writes them, frame by frame."""

    __slots__ = (
        "answered",
        "assembler",
        "begun",
        "closing",
        "declared",
        "ended",
        "failed",
        "held",
        "id",
        "inbound",
        "peer_ended",
        "queue",
        "unsent",
        "untaken",
        "window",
    )

    def __init__(self, stream_id: int, inbound: int, window: int, declared: int | None) -> None:
        self.id = stream_id
        # of what the peer sends
        self.inbound = Inbound(inbound)
        self.assembler: Assembler | None = None  # most messages come whole and need none
        self.untaken = 0  # messages given out and not yet taken
        self.held = 0  # bytes of those and of one begun
        self.declared = declared  # bytes of its content-length that are still to come
        self.peer_ended = False
        # of what we send
        self.window = window
        self.queue: deque[memoryview] | None = None  # what waits for the window
        self.unsent = 0  # bytes of it
        self.begun = False  # our head is out
        self.answered = False  # something went out that was worth opening the stream for
        self.closing: bytes | None = None  # the trailers, while they wait behind the queue
        self.failed = False  # they tell of an error: the peer need not go on
        self.ended = False  # no more is accepted from our side
