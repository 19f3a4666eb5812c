"""What `Connection.receive` tells, in the order in which it happened. Tuples, because there are millions of them."""

from typing import NamedTuple

from extproc.wire.errors import Code


class Request(NamedTuple):
    """The head of a call that may be served."""

    path: str
    timeout: float | None  # seconds, from grpc-timeout
    metadata: tuple[tuple[bytes, bytes], ...]  # every header but the pseudo-headers
    content_length: int | None


class StreamOpened(NamedTuple):
    """A call began. It ends with `end` or `reset` of ours, with StreamReset, or with ConnectionLost."""

    stream_id: int
    request: Request


class MessageReceived(NamedTuple):
    """One whole message. Tell `Connection.taken` when it is no longer kept: the stream's window waits for it."""

    stream_id: int
    message: bytes


class StreamHalfClosed(NamedTuple):
    """The peer will send no more messages; it still listens."""

    stream_id: int


class StreamWritable(NamedTuple):
    """All that waited for the peer's window is on its way."""

    stream_id: int


class StreamReset(NamedTuple):
    """The stream is over without an `end` of ours.

    The peer reset it, or broke a rule and was answered: by a reset, or (NO_ERROR) by a gRPC status.
    """

    stream_id: int
    code: Code | int


class PeerLeaving(NamedTuple):
    """GOAWAY from the peer: no new streams will come; open ones go on."""

    code: int


class ConnectionLost(NamedTuple):
    """The peer broke the protocol: every stream is over. Send what `data_to_send` holds, then close."""

    code: Code
    why: str


Event = StreamOpened | MessageReceived | StreamHalfClosed | StreamWritable | StreamReset | PeerLeaving | ConnectionLost
