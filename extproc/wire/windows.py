"""Flow control (RFC 9113 §5.2, §6.9): what the peer may still send to us, and we to it."""

from extproc.wire.limits import LARGEST_WINDOW


class Inbound:
    """The window we grant: a peer owes it what it has sent until that is granted anew.

    `owed` is added to where DATA is read. Grants are made by halves: few frames, and a peer that is read never waits.
    """

    __slots__ = ("half", "owed", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.half = size // 2
        self.owed = 0

    def grant(self) -> int:
        """The increment that opens the window fully again."""
        owed, self.owed = self.owed, 0
        return owed


def widened(window: int, increment: int) -> int | None:
    """A window that we may use, after the peer widened it; None if that is more than the protocol knows."""
    window += increment
    return window if window <= LARGEST_WINDOW else None
