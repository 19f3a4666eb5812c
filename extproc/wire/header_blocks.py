"""HPACK (RFC 7541): decoding by the `hpack` library, remembered where that is sound; encoding without any state.

Envoy opens every stream with the same headers. Once our dynamic table is empty for good, the same block means the same
headers whatever came before, so a block that was understood once is looked up. Until the peer has acknowledged our
SETTINGS it may use a table of 4096 bytes, and every block is decoded in its turn.
"""

from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar

from hpack import Decoder, HPACKError
from hpack.exceptions import OversizedHeaderListError

from extproc.wire.errors import Code, ConnectionFault

T = TypeVar("T")
Headers = tuple[tuple[bytes, bytes], ...]

NO_TABLE: Final = b"\x20"  # our own dynamic table is empty: tells a peer that made its table smaller
_REMEMBERED: Final = 64  # blocks
_REMEMBERED_SIZE: Final = 1024  # bytes of a block


class HeaderBlocks(Generic[T]):
    """The header blocks of one connection, in the order they came. `read` makes what is wanted of a request's."""

    def __init__(self, read: Callable[[Headers], T], header_list: int, table_size: int) -> None:
        """`table_size` is what our SETTINGS say."""
        self._read = read
        self._table_size = table_size
        self._decoder = Decoder(max_header_list_size=header_list)
        self._known: dict[bytes, T] = {}
        self._acknowledged = False
        self._stateless = False

    def settings_acknowledged(self) -> None:
        """The peer knows our table size: if that is less than it used, its next block must begin by saying so."""
        self._acknowledged = True
        self._decoder.max_allowed_table_size = self._table_size

    def request(self, block: bytes) -> T:
        """`read` of the decoded block. Raises ConnectionFault when it cannot be decoded."""
        known = self._known.get(block)
        if known is not None:
            return known
        value = self._read(self.decode(block))
        if self._stateless and len(block) <= _REMEMBERED_SIZE:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[block] = value
        return value

    def decode(self, block: bytes) -> Headers:
        """The decoded block. Raises ConnectionFault when that is impossible: nothing after it could be read either."""
        try:
            headers = tuple((bytes(name), bytes(value)) for name, value in self._decoder.decode(block, raw=True))
        except OversizedHeaderListError:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, "header list is larger than the limit") from None
        except (HPACKError, IndexError):  # the latter for a block that ends within a field
            raise ConnectionFault(Code.COMPRESSION_ERROR, "header block cannot be decoded") from None
        self._stateless = self._acknowledged and self._table_size == 0
        return headers


def encoded(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A header block of literals that no table keeps. Names and values are shorter than 16 KiB."""
    return b"".join(b"\x00" + _text(name) + _text(value) for name, value in headers)


def _text(value: bytes) -> bytes:
    length = len(value)
    if length < 127:
        return bytes((length,)) + value
    length -= 127
    return bytes((127, length & 0x7F | 0x80, length >> 7)) + value
