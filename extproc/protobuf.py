"""The little of protobuf's encoding that answers need, straight to bytes. Tested against message objects.

Source: protobuf.dev/programming-guides/encoding; google/protobuf/struct.proto.
"""

from collections.abc import Mapping
from typing import Final

_ENTRY: Final = b"\x0a"  # Struct.fields: field 1, a map's entry
_KEY, _VALUE = b"\x0a", b"\x12"  # of a map's entry: fields 1 and 2
_STRING, _STRUCT = b"\x1a", b"\x2a"  # Value.string_value, Value.struct_value
_SHORT: Final = tuple(
    bytes((number,)) if number < 0x80 else bytes((number & 0x7F | 0x80, number >> 7)) for number in range(0x1000)
)


def varint(number: int) -> bytes:
    """A number that is not negative."""
    if number < len(_SHORT):
        return _SHORT[number]
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def delimited(tag: bytes, content: bytes) -> bytes:
    """A field with bytes, text or a message in it; `tag` is its number and wire type, as they are written."""
    return tag + varint(len(content)) + content


def key(name: str) -> bytes:
    """A name in a Struct."""
    return delimited(_KEY, name.encode())


def struct(values: Mapping[bytes, bytes]) -> bytes:
    """A google.protobuf.Struct, by what `key` returned; its values are what `text` or `nested` returned."""
    return b"".join([delimited(_ENTRY, name + delimited(_VALUE, value)) for name, value in values.items()])


def text(value: bytes) -> bytes:
    """A google.protobuf.Value that is a text; `value` is UTF-8."""
    return delimited(_STRING, value)


def nested(value: bytes) -> bytes:
    """A google.protobuf.Value that is a Struct, encoded."""
    return delimited(_STRUCT, value)
