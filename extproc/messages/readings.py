"""The texts of a body read in other ways: what a detector cannot see in any of them alone.

A value behind the keys it stands under; the parts of a message one after the other; a URL decoded; a number written
out. All of them make one long text, far enough apart not to be read together, with the way back to where each stands.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final, Literal, TypeAlias

from extproc.findings import Span
from extproc.messages.call import Call
from extproc.messages.percent import coded_places, decoded
from forebay.frozen import frozen

Stretch: TypeAlias = tuple[int, int, int]  # index of the text, first code point, the one after the last

MIN_DIGITS: Final = 7  # the shortest number a detector knows
_FILL: Final = "\n" * 64  # farther than a detector looks for the word that says what a number is
_HEAD: Final = 256  # characters of a value: what stands farther from its key is not said to be anything by it
_LABEL: Final = 40
_AROUND: Final = 512  # characters to both sides of where two parts meet: most values are shorter
_AROUND_KEYS: Final = 17_000  # private keys are not
_AROUND_WORDS: Final = 160  # as many as the phrases of an injection have
_HUMPS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[-.]+")
_NUMBER: Final = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")


@frozen
class _Piece:
    """`[at, until)` of the reading is `[start, end)` of a text: character by character, decoded, or only as a whole."""

    at: int
    until: int
    text: int
    start: int
    end: int
    way: Literal["plain", "coded", "whole"] = "plain"


class Readings:
    """All other readings of a call's texts: `value` is to be scanned; empty where there are none."""

    __slots__ = ("_call", "_cuts", "_length", "_parts", "_pieces", "value")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._parts: list[str] = []
        self._pieces: list[_Piece] = []
        self._length = 0
        self._cuts: set[int] = set()  # where a text was cut off: what begins or ends there may be half of something
        hints = call.hints
        self._add_numbers(frozenset(hints.fixed))
        for index in hints.links:
            url = call.texts[index].value
            self._segment("", decoded(url), index, 0, len(url), "coded")
        for index, names in hints.names.items():
            self._add_named(index, _label(names))
        for run in hints.runs:
            self._add_run(run)
        self.value = "".join(self._parts)

    def stretches(self, spans: Sequence[Span]) -> Iterator[tuple[str, list[Stretch]]]:
        """Of each ascending span its type, and where it stands in the texts; spans that stand in none are left out."""
        first = 0
        for span in spans:
            if span.start in self._cuts or span.end in self._cuts:
                continue
            while first < len(self._pieces) and self._pieces[first].until <= span.start:
                first += 1
            found: list[Stretch] = []
            last = first
            while last < len(self._pieces) and self._pieces[last].at < span.end:
                piece = self._pieces[last]
                found.append(self._stretch(piece, max(span.start, piece.at), min(span.end, piece.until)))
                last += 1
            if found:
                yield span.type, found

    def _stretch(self, piece: _Piece, start: int, end: int) -> Stretch:
        if piece.way == "whole":
            return piece.text, piece.start, piece.end
        start, end = start - piece.at, end - piece.at
        if piece.way == "coded":
            start, end = coded_places(self._call.texts[piece.text].value, (start, end))
        return piece.text, piece.start + start, piece.start + end

    def _add_numbers(self, fixed: frozenset[int]) -> None:
        for index, text in enumerate(self._call.texts):
            if text.form != "number":
                continue
            for digits in written_out(text.value, thorough=index in fixed):
                self._segment("", digits, index, 0, len(text.value), "whole")

    def _add_named(self, index: int, label: str) -> None:
        text = self._call.texts[index]
        if text.form == "number":
            for digits in {text.value, *written_out(text.value, thorough=False)}:
                self._segment(label, digits, index, 0, len(text.value), "whole")
            return
        self._segment(label, text.value[:_HEAD], index, 0, min(_HEAD, len(text.value)), "plain")
        if len(text.value) > _HEAD:
            self._cuts.add(self._length - len(_FILL))

    def _add_run(self, run: Sequence[int]) -> None:
        values = [self._call.texts[index].value for index in run]
        for glue, seams in _seams(values):
            around = _AROUND_KEYS if any("PRIVATE KEY" in value for value in values) else _AROUND
            ends = list(accumulate(len(value) + len(glue) for value in values))
            for low, high in _windows([ends[seam] for seam in seams], around, ends[-1] - len(glue)):
                self._add_window(run, values, ends, glue, low, high)

    def _add_window(
        self, run: Sequence[int], values: Sequence[str], ends: Sequence[int], glue: str, low: int, high: int
    ) -> None:
        """`[low, high)` of the values joined by `glue`; each ends, with the glue behind it, at its end in `ends`."""
        self._cuts |= {self._length} if low else set()
        for place in range(bisect_right(ends, low), len(values)):
            value, begin = values[place], ends[place] - len(values[place]) - len(glue)
            if begin >= high:
                break
            start, end = max(0, low - begin), min(len(value), high - begin)
            if start < end:
                self._pieces.append(_Piece(self._length, self._length + end - start, run[place], start, end))
                self._parts.append(value[start:end])
                self._length += end - start
            if begin + len(value) < high:
                self._parts.append(glue)
                self._length += len(glue)
        self._cuts |= {self._length} if high < ends[-1] - len(glue) else set()
        self._fill()

    def _segment(
        self, label: str, value: str, index: int, start: int, end: int, way: Literal["plain", "coded", "whole"]
    ) -> None:
        self._parts += [label, value]
        at = self._length + len(label)
        self._length = at + len(value)
        self._pieces.append(_Piece(at, self._length, index, start, end, way))
        self._fill()

    def _fill(self) -> None:
        self._parts.append(_FILL)
        self._length += len(_FILL)


def meetings(values: Sequence[str]) -> str:
    """Where texts that are read as one meet, a phrase to both sides: what is looked through for injections."""
    met: list[str] = []
    for glue, seams in _seams(values):
        ends = list(accumulate(len(value) + len(glue) for value in values))
        joined = glue.join(values)
        met += [joined[low:high] for low, high in _windows([ends[seam] for seam in seams], _AROUND_WORDS, len(joined))]
    return "\n\n".join(met)


def written_out(number: str, thorough: bool) -> set[str]:
    """The digits of a JSON number as somebody could mean them, where they are not the number as it stands.

    Its whole part, without sign and exponent; `thorough`: also its digits without the point, and those behind it.
    """
    match = _NUMBER.fullmatch(number)
    if match is None:
        raise ValueError("not a number")
    whole, fraction, exponent = match[1], match[2] or "", int(match[3] or 0)
    digits = whole + fraction
    if not digits.strip("0"):
        return set()
    point = len(whole) + exponent  # a double has no more than 309 digits before it
    forms = [digits[: max(point, 0)] + "0" * max(0, point - len(digits))]
    if thorough:
        forms += [digits, fraction, digits.rstrip("0"), fraction.rstrip("0")]
    bare = {form.lstrip("0") for form in forms}
    return {form for form in bare if len(form) >= MIN_DIGITS and form != number}


def _label(names: Sequence[str]) -> str:
    words = " ".join(_HUMPS.sub("_", name[-_LABEL:]) for name in names)
    return words[-_LABEL:] + ": "


def _seams(values: Sequence[str]) -> list[tuple[str, list[int]]]:
    """How to join the texts, and after which of them something may go on.

    Directly; and with a blank where letters or digits would run into each other, as a model's template might.
    """
    seams = list(range(len(values) - 1))
    tight = [seam for seam in seams if values[seam][-1].isalnum() and values[seam + 1][0].isalnum()]
    return [("", seams), (" ", tight)] if tight else [("", seams)]


def _windows(places: Sequence[int], around: int, limit: int) -> list[tuple[int, int]]:
    """Disjoint stretches of `around` characters to both sides of ascending places, within `[0, limit)`."""
    joined: list[tuple[int, int]] = []
    for place in places:
        low, high = max(0, place - around), min(limit, place + around)
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return joined
