"""Server-sent events with the bytes they go out in (https://html.spec.whatwg.org/multipage/server-sent-events.html).

`messages.sse` reads events; this one also hands each event's bytes on, so that an event nobody changes passes as it
came. Only lines pass that every client library reads alike. Some strip a byte order mark or blanks from each line, take
`DATA` for `data` or a bare line for JSON: to them a line that we leave out would be text that no guard has read. Such a
line is an error. Three things pass in a plainer form: a comment as a bare colon, the data of several lines as one line,
and the mark at the beginning not at all.

The events of a stream are the same wherever it was cut; for that a CR at the end of a chunk waits for the next byte,
which could be its LF. Work is linear in the bytes fed.
"""

import re
from collections.abc import Iterator
from dataclasses import field
from typing import Final

from forebay.frozen import frozen

MAX_EVENT: Final = 1 << 20

_BOM: Final = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")
_COLON: Final = 58
# What the fields may say that are no data: too little for a text.
_FIELDS: Final = {
    b"event": re.compile(rb"[A-Za-z0-9_.-]{1,64}"),
    b"id": re.compile(rb"[A-Za-z0-9_.:/+=-]{0,64}"),
    b"retry": re.compile(rb"[0-9]{1,9}"),
}


class EventTooLargeError(Exception):
    """One event is over the limit. Nothing more can be read from this stream: end it closed."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"an event of more than {limit} bytes")


class LineError(ValueError):
    """A line that some client could read otherwise. Nothing more may pass of this stream: end it closed."""

    def __init__(self) -> None:
        super().__init__("a line that is no plain field of an event")


@frozen
class Event:
    """What stands from one blank line to the next.

    `raw` is what may go out for it. `data` is its data lines joined by blanks, None when there are none; `place` says
    where in `raw` that stands. `name` is as the `event:` field gave it, empty when it did not. `complete` is false for
    a last event that lacks its blank line.
    """

    raw: bytes = field(repr=False)
    name: bytes
    data: bytes | None = field(repr=False)
    place: tuple[int, int]
    complete: bool = True

    def with_data(self, data: bytes) -> bytes:
        """The event's bytes with other data, on one line, and everything else as it was."""
        start, end = self.place
        return b"".join([self.raw[:start], data, self.raw[end:]])


class EventReader:
    """Feed it chunks, take events. Holds the bytes of one event, at most `limit` of them (and one chunk)."""

    __slots__ = ("_buffer", "_data", "_first", "_limit", "_line", "_name", "_others", "_place", "_plain", "_seek",
                 "_start")  # fmt: skip

    def __init__(self, limit: int = MAX_EVENT) -> None:
        """`limit` bounds the bytes of one event, line ends included."""
        self._buffer = bytearray()
        self._limit = limit
        self._start = 0  # of the event in the buffer
        self._line = 0  # of its current line
        self._seek = 0  # where a line end may still be found
        self._first = True
        self._name = b""
        self._clear()

    @property
    def between(self) -> bool:
        """Whether all that came has become events, and there was one."""
        return not self._buffer and not self._first

    def feed(self, chunk: bytes, end: bool = False) -> Iterator[Event]:
        """The events that `chunk` completes; take all of them before feeding again.

        At the `end` what is left counts as an event: some servers leave the last blank line out. Raises
        EventTooLargeError or LineError, after the events before the one at fault.
        """
        self._buffer += chunk
        while (place := self._line_end(end)) is not None:
            start, stop = self._line, place[0]
            self._line = self._seek = place[1]
            if self._first:
                start = self._begun(start)
            if start < stop:
                self._field(start, stop)
            else:
                yield self._event(place[1])
        if end and self._start < len(self._buffer):
            start = self._begun(self._line) if self._first else self._line
            if start < len(self._buffer):
                self._field(start, len(self._buffer))
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

    def _begun(self, start: int) -> int:
        """Where the first line begins behind the mark there may be."""
        self._first = False
        if not self._buffer.startswith(_BOM, start):
            return start
        self._plain = False
        return start + len(_BOM)

    def _field(self, start: int, stop: int) -> None:
        if self._buffer[start] == _COLON:
            self._others.append(b":")
            self._plain = self._plain and stop == start + 1
            return
        colon = self._buffer.find(b":", start, stop)
        name = bytes(self._buffer[start : stop if colon < 0 else colon])
        value = stop if colon < 0 else colon + 1
        if self._buffer[value : min(value + 1, stop)] == b" ":
            value += 1
        if name == b"data":
            self._plain = self._plain and not self._data
            self._data.append(bytes(self._buffer[value:stop]))
            self._place = value - self._start, stop - self._start
        else:
            self._other(name, bytes(self._buffer[value:stop]))

    def _other(self, name: bytes, value: bytes) -> None:
        allowed = _FIELDS.get(name)
        if allowed is None or allowed.fullmatch(value) is None:
            raise LineError
        if name == b"event":
            if self._name:
                raise LineError  # some take the first of two names, some the last
            self._name = value
        self._others.append(name + b": " + value)

    def _event(self, stop: int, complete: bool = True) -> Event:
        self._check(stop)
        data = None if not self._data else self._data[0] if len(self._data) == 1 else b" ".join(self._data)
        if self._plain:
            event = Event(bytes(self._buffer[self._start : stop]), self._name, data, self._place, complete)
        else:
            event = self._plainer(data, complete)
        self._start = self._line = self._seek = stop
        self._clear()
        return event

    def _plainer(self, data: bytes | None, complete: bool) -> Event:
        """The event with each line as it may go out."""
        head = b"".join([line + b"\n" for line in self._others])
        tail = b"\n" if complete else b""
        if data is None:
            return Event(head + tail, self._name, None, (0, 0), complete)
        start = len(head) + len(b"data: ")
        return Event(b"%bdata: %b\n%b" % (head, data, tail), self._name, data, (start, start + len(data)), complete)

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
        self._others: list[bytes] = []
        self._place = (0, 0)
        self._name = b""
        self._plain = True  # all of its lines go out as they came
