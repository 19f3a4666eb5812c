"""One channel of a stream: its rewriters in order, how much they hold, and since when the oldest of that."""

from collections import deque
from collections.abc import Sequence

from extproc.streams.rewriting import Rewriter


class Line:
    """One text that comes in pieces, rewritten by several in turn."""

    __slots__ = ("_expired", "_fed", "_rewriters", "_times", "held")

    def __init__(self, rewriters: Sequence[Rewriter]) -> None:
        self.held = 0  # characters that came in and have not gone out
        self._rewriters = rewriters
        self._fed = 0
        self._expired: tuple[int, int] | None = None  # of `_times`: what is held all the same
        self._times: deque[tuple[int, int]] = deque()  # of what is held: where a feed ended, and when it was

    @property
    def since(self) -> int | None:
        """When the oldest text came that is held and has not expired; None when there is none."""
        return self._times[0][1] if self.held and self._times[0] != self._expired else None

    def feed(self, text: str, end: bool, at: int) -> str:
        """What goes out for `text`, which came `at`. Raises what its rewriters raise."""
        before, self._fed = self._fed, self._fed + len(text)
        for rewriter in self._rewriters:
            text = rewriter.feed(text, end)
        return self._out(text, before, at)

    def expire(self, at: int) -> str:
        """What goes out of text that has been held for too long. What stays does not expire again."""
        text = ""
        for rewriter in self._rewriters:
            text = rewriter.expire(text)
        text = self._out(text, self._fed, at)
        self._expired = self._times[0] if self._times else None
        return text

    def _out(self, text: str, before: int, at: int) -> str:
        held = 0
        for rewriter in self._rewriters:
            held += rewriter.held
        self.held = held
        times = self._times
        if not held:
            times.clear()
            return text
        if self._fed > before:
            times.append((self._fed, at))
        while len(times) > 1 and times[0][0] <= self._fed - held:
            times.popleft()
        return text
