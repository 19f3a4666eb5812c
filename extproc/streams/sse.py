"""Server-sent events with the bytes they came in (https://html.spec.whatwg.org/multipage/server-sent-events.html).

`messages.sse` reads events; this one also hands each event's bytes on, comments and unknown fields included, so that
an event nobody changes passes as it came. The events of a stream are the same wherever it was cut; for that a CR at
the end of a chunk waits for the next byte, which could be its LF. Work is linear in the bytes fed.
"""

import re
from collections.abc import Iterator
from dataclasses import field
from typing import Final

from forebay.frozen import frozen

MAX_EVENT: Final = 1 << 20

_BOM: Final = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")


class EventTooLargeError(Exception):
    """One event is over the limit. Nothing more can be read from this stream: end it closed."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"an event of more than {limit} bytes")


@frozen
class Event:
    """The bytes from one blank line to the next.

    `data` is its data lines joined by line feeds, None when there are none; `places` says where in `raw` each of them
    stands. `name` is as the `event:` field gave it, empty when it did not. `complete` is false for a last event that
    lacks its blank line.
    """

    raw: bytes = field(repr=False)
    name: bytes
    data: bytes | None = field(repr=False)
    places: tuple[tuple[int, int], ...]
    complete: bool = True

    def with_data(self, data: bytes) -> bytes:
        """The event's bytes with other data and everything else as it was.

        Raises ValueError when `data` has another number of lines than the event.
        """
        parts, at = [], 0
        for (start, end), line in zip(self.places, data.split(b"\n"), strict=True):
            parts += [self.raw[at:start], line]
            at = end
        return b"".join([*parts, self.raw[at:]])


class EventReader:
    """Feed it chunks, take events. Holds the bytes of one event, at most `limit` of them (and one chunk)."""

    __slots__ = ("_buffer", "_data", "_first", "_limit", "_line", "_name", "_places", "_seek", "_start")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        """`limit` bounds the bytes of one event, line ends included."""
        self._buffer = bytearray()
        self._limit = limit
        self._start = 0  # of the event in the buffer
        self._line = 0  # of its current line
        self._seek = 0  # where a line end may still be found
        self._first = True
        self._clear()

    @property
    def between(self) -> bool:
        """Whether all that came has become events, and there was one."""
        return not self._buffer and not self._first

    def feed(self, chunk: bytes, end: bool = False) -> Iterator[Event]:
        """The events that `chunk` completes; take all of them before feeding again.

        At the `end` what is left counts as an event: some servers leave the last blank line out. Raises
        EventTooLargeError, after the events before the one at fault.
        """
        self._buffer += chunk
        while (place := self._line_end(end)) is not None:
            start, stop = self._line, place[0]
            self._line = self._seek = place[1]
            if self._first:
                self._first = False
                start += len(_BOM) if self._buffer.startswith(_BOM, start) else 0
            if start < stop:
                self._field(start, stop)
            else:
                yield self._event(place[1])
        if end and self._start < len(self._buffer):
            if self._line < len(self._buffer):
                self._field(self._line, len(self._buffer))
            yield self._event(len(self._buffer), False)
        self._forget()

    def _line_end(self, end: bool) -> tuple[int, int] | None:
        found = _LINE_END.search(self._buffer, self._seek)
        if found is None:
            self._seek = len(self._buffer)
            return None
        if not end and found.end() == len(self._buffer) and self._buffer[-1] == 13:
            self._seek = found.start()
            return None
        return found.span()

    def _field(self, start: int, stop: int) -> None:
        colon = self._buffer.find(b":", start, stop)
        name = bytes(self._buffer[start : stop if colon < 0 else colon])
        value = stop if colon < 0 else colon + 1
        if self._buffer[value : min(value + 1, stop)] == b" ":
            value += 1
        if name == b"data":
            self._data.append(bytes(self._buffer[value:stop]))
            self._places.append((value - self._start, stop - self._start))
        elif name == b"event":
            self._name = bytes(self._buffer[value:stop])

    def _event(self, stop: int, complete: bool = True) -> Event:
        self._check(stop)
        raw = bytes(self._buffer[self._start : stop])
        data = b"\n".join(self._data) if self._data else None
        event = Event(raw, self._name, data, tuple(self._places), complete)
        self._start = self._line = self._seek = stop
        self._clear()
        return event

    def _forget(self) -> None:
        """Drop what has become events."""
        self._check(len(self._buffer))
        del self._buffer[: self._start]
        self._line -= self._start
        self._seek -= self._start
        self._start = 0

    def _check(self, stop: int) -> None:
        if stop - self._start > self._limit:
            raise EventTooLargeError(self._limit)

    def _clear(self) -> None:
        self._data: list[bytes] = []
        self._places: list[tuple[int, int]] = []
        self._name = b""
