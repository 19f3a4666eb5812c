"""HTTP/2 frames as bytes (RFC 9113 §4, §6): their head, and those that we send."""

from struct import Struct
from typing import Final

from extproc.wire.errors import Code, ConnectionFault

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_SIZE: Final = 9
MAX_PAYLOAD: Final = 16_384  # the smallest SETTINGS_MAX_FRAME_SIZE there is; both sides keep to it
ID_MASK: Final = 0x7FFF_FFFF  # the highest bit is reserved and ignored

DATA: Final = 0x0
HEADERS: Final = 0x1
PRIORITY: Final = 0x2
RST_STREAM: Final = 0x3
SETTINGS: Final = 0x4
PUSH_PROMISE: Final = 0x5
PING: Final = 0x6
GOAWAY: Final = 0x7
WINDOW_UPDATE: Final = 0x8
CONTINUATION: Final = 0x9

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
HAS_PRIORITY: Final = 0x20
PRIORITY_SIZE: Final = 5

# Length is 24 bits: its upper two bytes and its lowest one. Then kind, flags, stream.
HEAD: Final = Struct(">HBBBI")
_RST: Final = Struct(">HBBBII")
_GOAWAY: Final = Struct(">HBBBIII")
_ONE: Final = Struct(">I")


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """Any frame, whole."""
    length = len(payload)
    return HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream_id) + payload


def rst_stream(stream_id: int, code: Code) -> bytes:
    """RST_STREAM."""
    return _RST.pack(0, 4, RST_STREAM, 0, stream_id, code)


def window_update(stream_id: int, increment: int) -> bytes:
    """WINDOW_UPDATE; stream 0 is the connection."""
    return _RST.pack(0, 4, WINDOW_UPDATE, 0, stream_id, increment)


def goaway(last_stream_id: int, code: Code, why: str = "") -> bytes:
    """GOAWAY with its reason as debug data."""
    text = why.encode("ascii")
    length = 8 + len(text)
    return _GOAWAY.pack(length >> 8, length & 0xFF, GOAWAY, 0, 0, last_stream_id, code) + text


def number(payload: bytes) -> int:
    """The one 32-bit number of an RST_STREAM or WINDOW_UPDATE. Raises ConnectionFault for any other length."""
    if len(payload) != 4:
        raise ConnectionFault(Code.FRAME_SIZE_ERROR, "frame of a wrong size")
    return int(_ONE.unpack(payload)[0])


def unpadded(payload: bytes) -> bytes:
    """The payload of a frame with the flag PADDED, without its padding. Raises ConnectionFault if that is too long."""
    if not payload:
        raise ConnectionFault(Code.FRAME_SIZE_ERROR, "padded frame without the length of its padding")
    if payload[0] >= len(payload):
        raise ConnectionFault(Code.PROTOCOL_ERROR, "padding is longer than the frame")
    return payload[1 : len(payload) - payload[0]]


def depends_on(payload: bytes) -> int:
    """The stream that priority fields name. Raises ConnectionFault when they are cut off."""
    if len(payload) < PRIORITY_SIZE:
        raise ConnectionFault(Code.FRAME_SIZE_ERROR, "priority fields are cut off")
    return int(_ONE.unpack_from(payload)[0]) & ID_MASK


def goaway_code(payload: bytes) -> int:
    """The error code of a GOAWAY. Raises ConnectionFault when it is cut off."""
    if len(payload) < 8:
        raise ConnectionFault(Code.FRAME_SIZE_ERROR, "GOAWAY is cut off")
    return int(_ONE.unpack_from(payload, 4)[0])
