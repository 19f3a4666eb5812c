"""Strings of events that are complete as they come: read each for itself, and the same few not again."""

from collections.abc import Generator, Sequence
from typing import Final

from extproc.streams.rewriting import Rewriting
from extproc.streams.slices import SLICE, STRING, Slices

_MOST_SEEN: Final = 64  # strings remembered as needing no change: providers repeat the same few in every event
_LONGEST_SEEN: Final = 80


class Complete:
    """Reads the strings of one stream. `seen`: those that all rewritings have left alone."""

    __slots__ = ("_rewritings", "_slices", "seen")

    def __init__(self, rewritings: Sequence[Rewriting], slices: Slices) -> None:
        self.seen: set[str] = set()
        self._rewritings = rewritings
        self._slices = slices

    def read(self, text: str, rewritings: Sequence[Rewriting]) -> Generator[None, None, str]:
        """What becomes of `text`; each yield ends a slice. Raises what rewritings raise."""
        new = text
        for rewriting in rewritings:
            if len(new) > SLICE:
                new = yield from self._slices.fed(rewriting.channel().feed, new, True)
            else:
                new = rewriting.whole(new)
        short = len(self.seen) < _MOST_SEEN and len(text) <= _LONGEST_SEEN
        if new == text and short and rewritings is self._rewritings:
            self.seen.add(text)
        if self._slices.spent(STRING + len(text) % SLICE):
            yield
        return new
