"""Events that are alike but for one text: the many that a stream is made of are recognised, not parsed.

Between two deltas of a text providers change nothing else, but for a number of the event and a padding. So an event
that was read with all care leaves a *mould*: its bytes before, between and behind those. Bytes that fit, with a JSON
string where the text stood and digits where the number was, are the same JSON with another string and number in it: no
key is doubled, nothing else has changed, and what was found about the rest still holds.
"""

import re
from dataclasses import dataclass
from typing import Final

import orjson

from extproc.streams.changes import Body
from extproc.streams.dialect import Reading
from extproc.streams.line import Line
from extproc.streams.numbers import MEMBER, place
from extproc.streams.sse import Event

_PADDING = re.compile(rb"[A-Za-z0-9_-]{1,32}")  # as `identifiers` has it; some providers hide lengths with it
_DIGITS = re.compile(rb"0|[1-9][0-9]{0,14}")
_PADDED: Final = "obfuscation"  # the member that holds it
Place = tuple[int, int]  # of a JSON string, its quotes included


@dataclass(frozen=True, slots=True)
class Cast:
    """An event of a mould's shape: what is its own, and where that stands."""

    text: str
    start: int  # of the text, between its quotes
    stop: int
    number: int | None
    digits: Place  # of the number

    def poured(self, raw: bytes, text: str, number: int | None) -> bytes:
        """The event `raw` with these in their places."""
        start, end = self.digits
        before = raw[: self.start] if number is None else b"%b%d%b" % (raw[:start], number, raw[end : self.start])
        return b"".join([before, orjson.dumps(text)[1:-1], raw[self.stop :]])


class Mould:
    """What stands around the text that `line` rewrites, in events of one shape."""

    __slots__ = ("_behind", "_end", "_head", "_numbered", "_padded", "_to_text", "line")

    def __init__(
        self, line: Line, raw: bytes, text: Place, number: Place | None = None, padding: Place | None = None
    ) -> None:
        """Of an event `raw` with its text there; before it a number, behind it a padding, others in each event."""
        self.line = line
        self._padded, self._numbered = padding is not None, number is not None
        self._head = raw[: number[0] if number else text[0] + 1]
        self._to_text = raw[number[1] : text[0] + 1] if number else b""
        self._behind = raw[text[1] - 1 : padding[0] + 1 if padding else None]
        self._end = raw[padding[1] - 1 :] if padding else b""

    def read(self, raw: bytes) -> Cast | None:
        """An event of this shape; None for any other bytes.

        Also None where the text is spelled in another way than `orjson` spells it.
        """
        if not raw.startswith(self._head):
            return None
        start, number, digits = len(self._head), None, (0, 0)
        if self._numbered:
            found = _DIGITS.match(raw, start)
            if found is None or not raw.startswith(self._to_text, found.end()):
                return None
            number, digits = int(found[0]), found.span()
            start = found.end() + len(self._to_text)
        stop = self._stop(raw, start)
        if stop < start:  # none, or head and end overlap
            return None
        quoted = raw[start - 1 : stop + 1]
        try:
            text: str = orjson.loads(quoted)
        except orjson.JSONDecodeError:
            return None
        return Cast(text, start, stop, number, digits) if orjson.dumps(text) == quoted else None

    def _stop(self, raw: bytes, start: int) -> int:
        """Where the text ends that begins there; -1 where what follows does not fit."""
        stop = len(raw) - len(self._end)
        if not self._padded:
            return stop - len(self._behind) if raw.endswith(self._behind) else -1
        padding = stop
        stop = raw.rfind(self._behind, start, stop)
        if stop < 0 or not raw.endswith(self._end):
            return -1
        return stop if _PADDING.fullmatch(raw, stop + len(self._behind), padding) is not None else -1


def mould_of(event: Event, body: Body, reading: Reading, line: Line) -> Mould | None:
    """Of an event that brings one text, to `line`, and says nothing else that matters; None for any other.

    Its other strings must be such that they need not be looked at again.
    """
    if len(reading.pieces) != 1 or reading.sealed or reading.opaque or reading.ended or reading.finish_reasons:
        return None
    if reading.again or reading.echoed or reading.fixed:
        return None
    if reading.usage is not None or reading.repeats or not event.complete:
        return None
    text, padding = body.place(reading.pieces[0].path), body.place((_PADDED,))
    if text is None or (_PADDED in body.value and (padding is None or padding[0] < text[1])):
        return None
    number = place(body.data) if MEMBER in body.value else None
    if MEMBER in body.value and (number is None or number[1] > text[0] or body.value[MEMBER].__class__ is not int):
        return None  # a number behind the text is not looked for
    before = event.place[0]
    at, numbered, padded = [(each[0] + before, each[1] + before) if each else None for each in (text, number, padding)]
    return Mould(line, event.raw, at, numbered, padded) if at else None
