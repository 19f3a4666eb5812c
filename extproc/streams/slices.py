"""Much work done in slices, bounded by what is read and not by a clock."""

from collections.abc import Callable, Generator
from typing import Final

SLICE: Final = 2048  # characters that are read at a time: some milliseconds
STRING: Final = 16  # characters that a string counts for, beside its own


class Slices:
    """Counts the work of one slice after the other."""

    __slots__ = ("_work",)

    def __init__(self) -> None:
        self._work = 0  # characters read in this slice

    def begin(self) -> None:
        """A slice begins, whatever was counted."""
        self._work = 0

    def spent(self, work: int) -> bool:
        """Whether the slice ends with so much more work."""
        self._work += work
        if self._work < SLICE:
            return False
        self._work = 0
        return True

    def fed(self, feed: Callable[[str, bool], str], text: str, end: bool) -> Generator[None, None, str]:
        """What `feed` makes of `text`, slice by slice; each yield ends one."""
        out: list[str] = []
        at = 0
        while len(text) - at > SLICE:
            out.append(feed(text[at : at + SLICE], False))
            at += SLICE
            if self.spent(SLICE):
                yield
        out.append(feed(text[at:], end))
        if self.spent(STRING + len(text) - at):
            yield
        return "".join(out)
