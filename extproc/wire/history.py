"""What is remembered of streams that are not open: enough to tell a late frame from a broken peer."""

from enum import Enum, auto
from typing import Final

_REMEMBERED: Final = 4096  # streams; frames that were on their way when we reset one are long here by then
_SKIPS: Final = 16  # ranges of ids; they only decide between two words for the same fault


class Past(Enum):
    """What a stream that is not open is to us."""

    IDLE = auto()  # never opened
    LEFT_BY_US = auto()  # frames for it may have been on their way: ignore them
    CLOSED = auto()  # by the peer: it must not send more
    SKIPPED = auto()  # closed because a later one was opened


class History:
    """The streams of one connection that are over."""

    __slots__ = ("_left", "_skipped", "last")

    def __init__(self) -> None:
        self.last = 0  # the latest stream of the peer's
        self._left: dict[int, None] = {}
        self._skipped: list[range] = []

    def opened(self, stream_id: int) -> None:
        """The peer used a new id."""
        if stream_id > self.last + 2 and len(self._skipped) < _SKIPS:
            self._skipped.append(range(self.last + 1, stream_id))
        self.last = stream_id

    def left(self, stream_id: int) -> None:
        """We ended it while the peer may still have been sending."""
        self._left[stream_id] = None
        if len(self._left) > _REMEMBERED:
            del self._left[next(iter(self._left))]

    def of(self, stream_id: int) -> Past:
        """What became of a stream that is not open now."""
        if stream_id > self.last or not stream_id & 1:
            return Past.IDLE
        if stream_id in self._left:
            return Past.LEFT_BY_US
        return Past.SKIPPED if any(stream_id in each for each in self._skipped) else Past.CLOSED
