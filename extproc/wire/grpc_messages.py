"""gRPC's length-prefixed messages inside DATA: five bytes, then the message; frames and messages ignore each other."""

from collections.abc import Iterator
from struct import Struct
from typing import Final

from extproc.wire.errors import CallRefused, Status

PREFIX: Final = Struct(">BI")  # compressed?, length
PREFIX_SIZE: Final = PREFIX.size


class Assembler:
    """Puts the messages of one stream together. `held` is how many bytes it keeps of what is not yet whole."""

    __slots__ = ("_kept", "_limit", "_missing")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # One growing buffer: a list of parts would cost a peer that sends byte by byte nothing, and us fifty times it.
        self._kept = bytearray()
        self._missing = -1  # bytes of the message; -1: its prefix is not yet whole

    @property
    def held(self) -> int:
        """The memory bound counts this."""
        return len(self._kept) + (self._missing >= 0)

    def feed(self, payload: bytes) -> Iterator[bytes]:
        """The messages that `payload` completes, in order.

        Raises CallRefused at a message that is compressed or longer than the limit, before any of it is kept; those
        before it have been given out.
        """
        position, size = 0, len(payload)
        while position < size:
            if self._missing < 0:
                wanted = PREFIX_SIZE - len(self._kept)
                self._kept += payload[position : position + wanted]
                position += wanted
                if len(self._kept) < PREFIX_SIZE:
                    return
                self._missing = message_length(self._kept, self._limit)
                self._kept.clear()
            part = payload[position : position + self._missing]
            position += len(part)
            self._missing -= len(part)
            if self._missing or self._kept:
                self._kept += part
            if self._missing:
                continue
            self._missing = -1
            message = bytes(self._kept) if self._kept else part
            self._kept = bytearray()
            yield message


def message_length(prefix: bytes | bytearray, limit: int) -> int:
    """What a prefix announces. Raises CallRefused for compression, which is never offered, and for too much."""
    flag, length = PREFIX.unpack_from(prefix)
    if flag == 1:
        raise CallRefused(Status.UNIMPLEMENTED, "compressed messages are not accepted")
    if flag:
        raise CallRefused(Status.INTERNAL, "the flag of a message is neither 0 nor 1")
    if length > limit:
        raise CallRefused(Status.RESOURCE_EXHAUSTED, "the message is larger than the limit")
    return int(length)
