"""Events that are alike but for one text: the many that a stream is made of are recognised, not parsed.

Between two deltas of a text providers change nothing else. So an event that was read with all care leaves a *mould*:
its bytes before and behind the text. Bytes that fit, with a JSON string where the text stood, are the same JSON with
another string in it: no key is doubled, nothing else has changed, and what was found about the rest still holds.
"""

import re
from typing import Final

import orjson

from extproc.streams.changes import Body
from extproc.streams.dialect import Reading
from extproc.streams.line import Line
from extproc.streams.numbers import MEMBER
from extproc.streams.sse import Event

_PADDING = re.compile(rb"[A-Za-z0-9_.:/-]{1,128}")  # as `identifiers` has it; some providers hide lengths with it
_PADDED: Final = "obfuscation"  # the member that holds it
Place = tuple[int, int]  # of a JSON string, its quotes included


class Mould:
    """What stands around the text that `line` rewrites, in events of one shape."""

    __slots__ = ("_behind", "_end", "_head", "_padded", "line")

    def __init__(self, line: Line, raw: bytes, text: Place, padding: Place | None) -> None:
        """Of an event `raw` with its text there, and behind it a padding that is another in each event."""
        self.line = line
        self._padded = padding is not None
        self._head = raw[: text[0] + 1]
        self._behind = raw[text[1] - 1 : padding[0] + 1 if padding else None]
        self._end = raw[padding[1] - 1 :] if padding else b""

    def read(self, raw: bytes) -> tuple[str, int, int] | None:
        """The text of an event of this shape, and where it stands between its quotes; None for any other bytes.

        Also None where the text is spelled in another way than `orjson` spells it.
        """
        if not raw.startswith(self._head):
            return None
        start, stop = len(self._head), len(raw) - len(self._end)
        if self._padded:
            padding = stop
            stop = raw.rfind(self._behind, start, stop)
            if stop < 0 or not raw.endswith(self._end):
                return None
            if _PADDING.fullmatch(raw, stop + len(self._behind), padding) is None:
                return None
        elif raw.endswith(self._behind):
            stop -= len(self._behind)
        else:
            return None
        if stop < start:  # head and end overlap
            return None
        quoted = raw[start - 1 : stop + 1]
        try:
            text: str = orjson.loads(quoted)
        except orjson.JSONDecodeError:
            return None
        return (text, start, stop) if orjson.dumps(text) == quoted else None


def mould_of(event: Event, body: Body, reading: Reading, line: Line) -> Mould | None:
    """Of an event that brings one text, to `line`, and says nothing else that matters; None for any other.

    Its other strings must be such that they need not be looked at again.
    """
    if len(reading.pieces) != 1 or reading.sealed or reading.opaque or reading.ended or reading.finish_reasons:
        return None
    if reading.again or reading.echoed or MEMBER in body.value:  # no two events have one number
        return None
    if reading.usage is not None or reading.repeats or not event.complete or len(event.places) != 1:
        return None
    text, padding = body.place(reading.pieces[0].path), body.place((_PADDED,))
    if text is None or (_PADDED in body.value and (padding is None or padding[0] < text[1])):
        return None
    before = event.places[0][0]
    at = [(start + before, end + before) for start, end in (text, padding or text)]
    return Mould(line, event.raw, at[0], at[1] if padding else None)
