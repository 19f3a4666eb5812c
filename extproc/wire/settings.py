"""SETTINGS (RFC 9113 §6.5): ours, once, and those of the peer, each checked."""

from struct import Struct
from typing import Final

from extproc.wire.errors import Code, ConnectionFault
from extproc.wire.frames import ACK, SETTINGS, frame
from extproc.wire.limits import LARGEST_WINDOW, SMALLEST_WINDOW, Limits

HEADER_TABLE_SIZE: Final = 0x1
ENABLE_PUSH: Final = 0x2
MAX_CONCURRENT_STREAMS: Final = 0x3
INITIAL_WINDOW_SIZE: Final = 0x4
MAX_FRAME_SIZE: Final = 0x5
MAX_HEADER_LIST_SIZE: Final = 0x6

DEFAULT_TABLE_SIZE: Final = 4096
DEFAULT_WINDOW: Final = SMALLEST_WINDOW

ACKNOWLEDGED: Final = frame(SETTINGS, ACK, 0)
_ENTRY: Final = Struct(">HI")
# What a value may be, and the error that any other is.
_RANGES: Final = {
    ENABLE_PUSH: (0, 1, Code.PROTOCOL_ERROR),
    INITIAL_WINDOW_SIZE: (0, LARGEST_WINDOW, Code.FLOW_CONTROL_ERROR),
    MAX_FRAME_SIZE: (16_384, 2**24 - 1, Code.PROTOCOL_ERROR),
}


def announced(limits: Limits) -> bytes:
    """Our SETTINGS frame."""
    values = {
        HEADER_TABLE_SIZE: limits.header_table,
        MAX_CONCURRENT_STREAMS: limits.streams,
        INITIAL_WINDOW_SIZE: limits.stream_window,
        MAX_HEADER_LIST_SIZE: limits.header_list,
    }
    return frame(SETTINGS, 0, 0, b"".join(_ENTRY.pack(*each) for each in values.items()))


def parse(payload: bytes) -> list[tuple[int, int]]:
    """The entries of a SETTINGS frame in their order, unknown ones included. Raises ConnectionFault for a bad one."""
    if len(payload) % _ENTRY.size:
        raise ConnectionFault(Code.FRAME_SIZE_ERROR, "SETTINGS of a wrong size")
    entries = list(_ENTRY.iter_unpack(payload))
    for name, value in entries:
        lowest, highest, code = _RANGES.get(name, (0, 2**32 - 1, Code.PROTOCOL_ERROR))
        if not lowest <= value <= highest:
            raise ConnectionFault(code, "a setting is out of its range")
    return entries
