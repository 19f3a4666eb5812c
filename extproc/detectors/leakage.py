"""A long stretch of the system prompt in an answer, found while the answer grows; of the prompt only hashes are kept.

Both texts are read as letters and digits alone, case folded: blanks, line breaks, punctuation and markup make no
difference. A stretch of `WIDTH` of them is hashed wherever its last character is one of a fixed seventh of all
characters, so both sides pick the same places without knowing of each other. What of an answer stands in the prompt
too is a *run*: stretches of the prompt that follow each other, with gaps of `GAP` characters at most, so a word changed
here and there does not end it. A run of `need` characters is a leak.
"""

import unicodedata
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

WIDTH: Final = 24
GAP: Final = 40  # between two known stretches of one run: a long word changed, and the stretches that held it
NEED: Final = 100  # some twenty words
LEAST: Final = 60  # of a prompt shorter than that everything could be said by chance
MOST: Final = 65_536  # characters of a call's prompts that are looked for

_EVERY: Final = 7
_AT: Final = 3


@dataclass(frozen=True, slots=True)
class Prints:
    """What is known of a prompt: hashes, and how many characters in a run are a leak. Falsy where nothing is."""

    hashes: frozenset[int] = field(default=frozenset(), repr=False)
    need: int = NEED

    def __bool__(self) -> bool:
        return bool(self.hashes)


NOTHING: Final = Prints()


def prints(texts: Iterable[str]) -> Prints:
    """The prints of a call's system and developer messages; the first `MOST` characters of them count."""
    found: set[int] = set()
    longest = total = 0
    for text in texts:
        said = _said(text)[: MOST - total]
        total += len(said)
        longest = max(longest, len(said))
        if len(said) >= LEAST:
            found.update(value for _, value in _hashes(said, WIDTH))
    if not found:
        return NOTHING
    return Prints(frozenset(found), min(NEED, longest * 4 // 5))


class Follower:
    """Follows one answer's text. `begins` is where the run of the moment began in it, -1 when there is none.

    `leaks`: the run is long enough. `ends`: behind the last word of it. Holds the last characters read, no more.
    """

    __slots__ = ("_count", "_last", "_prints", "_starts", "_tail", "_whence", "begins", "ends", "leaks")

    def __init__(self, known: Prints) -> None:
        self.begins = -1
        self.ends = 0
        self.leaks = False
        self._prints = known
        self._tail = ""
        self._count = 0  # letters and digits read
        self._starts: deque[tuple[int, int]] = deque(maxlen=WIDTH + 1)  # of the last words: letters before, offset
        self._whence = self._last = 0  # the run's first letter, and the last one known

    def feed(self, word: str, at: int) -> None:
        """The text goes on with `word`, which stands at `at`."""
        said = _said(word)
        if not said:
            return
        self._starts.append((self._count, at))
        buffer = self._tail + said
        base = self._count - len(self._tail)
        for end, value in _hashes(buffer, len(self._tail) + 1):
            if value in self._prints.hashes:
                self._met(base + end)
                self.ends = at + len(word.rstrip())
        self._count += len(said)
        self._tail = buffer[1 - WIDTH :]
        if self.begins >= 0 and self._count - self._last > GAP:
            self.begins, self.leaks = -1, False

    def _met(self, end: int) -> None:
        """The stretch that ends there is one of the prompt's."""
        if self.begins < 0 or end - self._last > GAP + WIDTH:
            self._whence = end - WIDTH
            before = [at for count, at in self._starts if count <= self._whence]
            self.begins, self.leaks = (before[-1] if before else self._starts[0][1]), False
        self._last = end
        self.leaks = self.leaks or end - self._whence >= self._prints.need


def _said(text: str) -> str:
    folded = text.casefold()
    if not folded.isascii():
        folded = unicodedata.normalize("NFKC", folded)
    return "".join([character for character in folded if character.isalnum()])


def _hashes(said: str, first: int) -> Iterable[tuple[int, int]]:
    """Where picked stretches end, from the `first` character on, and their hashes."""
    for end in range(max(WIDTH, first), len(said) + 1):
        if ord(said[end - 1]) % _EVERY == _AT:
            yield end, crc32(said[end - WIDTH : end].encode("utf-8", "replace"))
