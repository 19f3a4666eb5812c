"""One channel of a stream: its rewriters in order, how much they hold, and since when the oldest of that."""

from collections import deque
from collections.abc import Sequence

from extproc.streams.rewriting import Rewriter


class Line:
    """One text that comes in pieces, rewritten by several in turn."""

    __slots__ = ("_fed", "_rewriters", "_times", "held")

    def __init__(self, rewriters: Sequence[Rewriter]) -> None:
        self.held = 0  # characters that came in and have not gone out
        self._rewriters = rewriters
        self._fed = 0
        self._times: deque[tuple[int, int]] = deque()  # of what is held: where a feed ended, and when it was

    @property
    def since(self) -> int:
        """When the oldest text came that is held; there is some."""
        return self._times[0][1]

    def feed(self, text: str, end: bool, at: int) -> str:
        """What goes out for `text`, which came `at`. Raises what its rewriters raise."""
        before, self._fed = self._fed, self._fed + len(text)
        held = 0
        for rewriter in self._rewriters:
            text = rewriter.feed(text, end)
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
