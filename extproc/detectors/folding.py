"""A text in plain digits and letters, with the way back: where personal data and secrets are looked for.

Every change is one character to one character or a deletion, so an offset in the folded text always has an offset in
the original. `j<zero width space>ohn@x.com` and full-width digits are found and the original stretch is redacted.
"""

import re
import sys
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass, field

from extproc.detectors.alphabets import INVISIBLE


@dataclass(frozen=True, slots=True)
class Folded:
    """`text` as searched. `cuts` are its offsets before which something was removed; `removed` how much up to there."""

    text: str = field(repr=False)
    cuts: tuple[int, ...] = ()
    removed: tuple[int, ...] = ()

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the original that the folded stretch `[start, end)` (not empty) came from."""
        return start + self._before(start), end - 1 + self._before(end - 1) + 1

    def _before(self, offset: int) -> int:
        index = bisect_right(self.cuts, offset)
        return self.removed[index - 1] if index else 0


def fold(text: str) -> Folded:
    """`text` without invisible characters, with compatibility letters, digits, spaces and dashes made plain.

    Letters keep their case and their accents. The original is returned unchanged when there is nothing to fold.
    """
    if text.isascii():
        return Folded(text)
    cuts: list[int] = []
    removed: list[int] = []
    if INVISIBLE.search(text):
        pieces: list[str] = []
        position = total = 0
        for match in INVISIBLE.finditer(text):
            pieces.append(text[position : match.start()])
            cuts.append(match.start() - total)
            total += match.end() - match.start()
            removed.append(total)
            position = match.end()
        pieces.append(text[position:])
        text = "".join(pieces)
    return Folded(_FOLDABLE.sub(_plain, text), tuple(cuts), tuple(removed))


def _plain(match: re.Match[str]) -> str:
    return match[0].translate(_PLAIN)


def _table() -> dict[int, str]:
    """Code point -> ASCII character, for every character that stands for exactly one."""
    table: dict[int, str] = {}
    for point in range(0x80, sys.maxunicode + 1):
        # Two planes hold compatibility characters and digits; the others are ideographs, tags and private use.
        if point > 0x1FFFF:
            break
        character = chr(point)
        digit = unicodedata.digit(character, None)
        plain = str(digit) if digit is not None else unicodedata.normalize("NFKC", character)
        if len(plain) == 1 and plain.isascii() and plain.isprintable():
            table[point] = plain
    for point in map(ord, "‐‑‒–—―−⁃﹘"):
        table[point] = "-"
    for point in map(ord, "。｡․"):
        table[point] = "."
    table.update(dict.fromkeys(map(ord, "\u1680\u180e"), " "))
    return table


def _class(points: list[int]) -> str:
    """The points as the inside of a character class, in ranges."""
    ranges: list[tuple[int, int]] = []
    for point in sorted(points):
        if ranges and point == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], point)
        else:
            ranges.append((point, point))
    return "".join(f"{chr(low)}-{chr(high)}" for low, high in ranges)


_PLAIN = _table()
_FOLDABLE = re.compile(f"[{_class(list(_PLAIN))}]+")
