"""A text in plain digits and letters, with the way back: where personal data and secrets are looked for.

Every change is one character to one character or a deletion, so an offset in the folded text always has an offset in
the original. `j<zero width space>ohn@x.com` and full-width digits are found and the original stretch is redacted.
"""

import re
import sys
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass, field

from extproc.detectors.alphabets import DIVIDER, TAG_BASE, TAGS, is_plain, ranges, unseen, unusual


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
    """`text` without invisible characters and marks over letters; compatibility letters, digits, dashes made plain.

    Letters keep their case and, where they are one character, their accents.
    """
    cuts: list[int] = []
    removed: list[int] = []
    pieces: list[str] = []
    position = total = 0
    for match in unseen(text):
        pieces.append(text[position : match.start()])
        cuts.append(match.start() - total)
        total += match.end() - match.start()
        removed.append(total)
        position = match.end()
    pieces.append(text[position:])
    text = "".join(pieces)
    if unusual(text).isdisjoint(_FOLDED):
        return Folded(text, tuple(cuts), tuple(removed))
    return Folded(_FOLDABLE.sub(_plain, text), tuple(cuts), tuple(removed))


def readings(text: str) -> tuple[Folded, ...]:
    """Every way to read `text`: folded; with what is invisible as spaces, where it may divide words; its tags as text.

    One reading for nearly every text, at most three.
    """
    if is_plain(text):
        return (Folded(text),)
    others = []
    if DIVIDER.search(text):
        others.append(fold(DIVIDER.sub(_blank, text)))
    if TAGS.search(text):
        others.append(fold(TAGS.sub(_spelt, text)))
    return (fold(text), *others)


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _spelt(match: re.Match[str]) -> str:
    return "".join(chr(ord(character) - TAG_BASE) for character in match[0])


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


_PLAIN = _table()
_FOLDED = frozenset(map(chr, _PLAIN))
_FOLDABLE = re.compile(f"[{ranges(_PLAIN)}]+")
