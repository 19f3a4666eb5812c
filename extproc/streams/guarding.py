"""An output guard over text that grows: what a scan of the whole text would find, found before it is sent.

A scan has a *reach*: whether it reports a stretch depends on nothing further than that from the stretch, and no
stretch is longer. So text is scanned in windows that overlap by twice the reach, and what is nearer to the growing end
than twice the reach waits. In a text that reads as JSON each string is a text of its own, its escapes undone, and so
is what stands between the strings (numbers).
"""

import re
from collections.abc import Callable, Collection, Sequence
from typing import Final

from extproc.detectors.scan import Detectors
from extproc.findings import Span, Text
from extproc.streams.json_prefix import JsonPrefix, Kind
from extproc.streams.rewriting import BlockedError
from forebay.config.resolved import Guards

STRIDE: Final = 64  # new characters worth another scan

Scan = Callable[[str], Sequence[Span]]

_TOKEN = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL)
_HALF = re.compile(r"(?:\\u[dD][89abAB][0-9a-fA-F]{2})?(?:\\(?:u[0-9a-fA-F]{0,3})?)?\Z")
_SHORT: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_NUMBER: Final = frozenset("-+.eE0123456789")


def detector_scan(detectors: Detectors, guards: Guards) -> Scan:
    """The detectors of requests as a scan of answers."""
    return lambda text: detectors.scan([Text("answer", "assistant", text, 0, 0)], guards).spans[0]


class Guarding:
    """The output guard of one exchange. `found` counts by type what was masked, blocked or only seen."""

    __slots__ = ("block", "found", "mask", "reach", "scan", "stride")

    def __init__(self, scan: Scan, reach: int, mask: bool, block: Collection[str] = (), stride: int = STRIDE) -> None:
        """`mask`: put `[TYPE]` in place of what is found. `block`: types that end the stream."""
        self.scan = scan
        self.reach = reach
        self.mask = mask
        self.block = frozenset(block)
        self.stride = stride
        self.found: dict[str, int] = {}

    def channel(self) -> "Guard":
        """For one text that comes in pieces."""
        return Guard(self)

    def whole(self, text: str) -> str:
        """A text that is complete. Raises BlockedError."""
        return self.channel().feed(text, True)

    def note(self, span: Span) -> None:
        """Something was found. Raises BlockedError where that ends the stream."""
        self.found[span.type] = self.found.get(span.type, 0) + 1
        if span.type in self.block:
            raise BlockedError


class Guard:
    """One channel's text."""

    __slots__ = ("_guarding", "_json", "_kind", "_window")

    def __init__(self, guarding: Guarding) -> None:
        self._guarding = guarding
        self._json = JsonPrefix()
        self._kind = Kind.OUTSIDE
        self._window = _Window(guarding, Kind.OUTSIDE)

    @property
    def held(self) -> int:
        """Characters that came in and have not gone out."""
        return self._window.held

    def feed(self, text: str, end: bool = False) -> str:
        """What may go out now. At the `end` nothing stays held. Raises BlockedError."""
        out: list[str] = []
        for kind, run in self._json.feed(text):
            if kind is not self._kind:
                out.append(self._window.feed("", True))
                self._kind, self._window = kind, _Window(self._guarding, kind)
            out.append(self._window.feed(run, False))
        if end:
            out.append(self._window.feed("", True))
        return "".join(out)


class _Window:
    """A run of one kind: decoded for the scan, raw for the caller, one item of `_raw` per character of `_text`."""

    __slots__ = ("_guarding", "_half", "_kind", "_passed", "_raw", "_text")

    def __init__(self, guarding: Guarding, kind: Kind) -> None:
        self._guarding = guarding
        self._kind = kind
        self._text = ""
        self._raw: list[str] = []
        self._half = ""  # of an escape
        self._passed = 0  # characters of the window that are out and only here to be looked back on

    @property
    def held(self) -> int:
        return len(self._text) - self._passed + len(self._half)

    def feed(self, run: str, end: bool) -> str:
        self._take(run, end)
        margin = 0 if end else 2 * self._guarding.reach
        if len(self._text) - self._passed < margin + (0 if end else self._guarding.stride) or not self._text:
            return ""
        return self._release(len(self._text) - margin)

    def _take(self, run: str, end: bool) -> None:
        if self._kind in (Kind.TEXT, Kind.OUTSIDE):
            self._text += run
            return
        run = self._half + run
        half = "" if end else _HALF.search(run)[0]  # type: ignore[index]
        run, self._half = run[: len(run) - len(half)], half
        tokens = _TOKEN.findall(run)
        self._raw += tokens
        self._text += "".join(map(_decoded, tokens))

    def _release(self, limit: int) -> str:
        spans = [span for span in self._guarding.scan(self._text) if span.start >= self._passed]
        limit = min([limit, *(span.start for span in spans if span.start < limit < span.end)])
        while self._kind is Kind.OUTSIDE and self._passed < limit < len(self._text) and self._text[limit] in _NUMBER:
            limit -= 1  # a number is masked as a whole
        out: list[str] = []
        at = self._passed
        for span in spans:
            if span.end > limit:
                continue
            self._guarding.note(span)
            start, stop = (span.start, span.end) if self._kind is not Kind.OUTSIDE else self._number(span)
            if self._guarding.mask and start >= at:
                out += [self._raw_text(at, start), self._masked(span)]
                at = stop
        out.append(self._raw_text(at, limit))
        keep = max(0, max(at, limit) - 2 * self._guarding.reach)
        self._passed = max(at, limit) - keep
        self._text, self._raw = self._text[keep:], self._raw[keep:]
        return "".join(out)

    def _masked(self, span: Span) -> str:
        mask = f"[{span.type.replace('-', '_').upper()}]"
        return f'"{mask}"' if self._kind is Kind.OUTSIDE else mask

    def _number(self, span: Span) -> tuple[int, int]:
        """The whole number around a stretch of one: what stands for it is a string."""
        start, stop = span.start, span.end
        while start and self._text[start - 1] in _NUMBER:
            start -= 1
        while stop < len(self._text) and self._text[stop] in _NUMBER:
            stop += 1
        return start, stop

    def _raw_text(self, start: int, stop: int) -> str:
        if self._kind in (Kind.TEXT, Kind.OUTSIDE):
            return self._text[start:stop]
        return "".join(self._raw[start:stop])


def _decoded(token: str) -> str:
    if token[0] != "\\" or len(token) == 1:
        return token
    if token[1] != "u" or len(token) == 2:
        return _SHORT.get(token[1], token[1])
    if len(token) == 12:
        return chr(0x10000 + ((int(token[2:6], 16) & 0x3FF) << 10) + (int(token[8:], 16) & 0x3FF))
    return chr(int(token[2:6], 16))
