"""Server-sent events out of chunks cut anywhere (https://html.spec.whatwg.org/multipage/server-sent-events.html).

Lines stay bytes until they are whole, so a cut inside a character or inside CRLF is harmless. Work is linear in the
bytes fed, however small the chunks.
"""

from dataclasses import field
from typing import Final

from forebay.frozen import frozen

MAX_EVENT: Final = 1 << 20

_BOM: Final = b"\xef\xbb\xbf"


@frozen
class Event:
    """One event: `data` lines joined by line feeds; `name` as the `event:` field gave it, empty when it did not."""

    name: bytes
    data: bytes = field(repr=False)


class EventReader:
    """Feed it chunks, take events. `oversize` turns true when an event was over the limit and therefore dropped."""

    __slots__ = ("_cr", "_data", "_first", "_limit", "_name", "_size", "_skip", "_tail", "oversize")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        """`limit` bounds the bytes of one event, and so the memory held."""
        self.oversize = False
        self._limit = limit
        self._tail = bytearray()  # of a line that is not whole yet
        self._data: list[bytes] = []
        self._name = b""
        self._size = 0
        self._skip = False  # until the blank line after an oversize event
        self._cr = False  # the last chunk ended in CR: an LF now belongs to it
        self._first = True

    def feed(self, chunk: bytes, end: bool = False) -> list[Event]:
        """The events that `chunk` completes.

        At the `end` an event without its blank line counts as complete: some servers leave the last one out.
        """
        events: list[Event] = []
        if self._cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._cr = False
        if chunk:
            self._cr = chunk.endswith(b"\r")
            for line in chunk.splitlines(keepends=True):
                self._piece(line, events)
        if end:
            self._line(bytes(self._tail), events)
            self._line(b"", events)
            self._tail.clear()
        return events

    def _piece(self, piece: bytes, events: list[Event]) -> None:
        whole = piece.endswith((b"\n", b"\r"))
        if not self._skip:
            self._tail += piece.rstrip(b"\r\n") if whole else piece
            if self._tail and self._size + len(self._tail) > self._limit:
                self._drop()
        elif not whole or piece.rstrip(b"\r\n"):
            self._tail[:] = b"x"  # the line is not blank, and that is all that matters of it
        if whole:
            line = bytes(self._tail)
            self._tail.clear()
            self._line(line, events)

    def _drop(self) -> None:
        self.oversize = self._skip = True
        self._data.clear()
        self._tail[:] = b"x"

    def _line(self, line: bytes, events: list[Event]) -> None:
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if not line:
            if self._data:
                events.append(Event(self._name, b"\n".join(self._data)))
            self._data, self._name, self._size, self._skip = [], b"", 0, False
            return
        if self._skip:
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._size += len(value) + 1
        elif name == b"event":
            self._name = value
