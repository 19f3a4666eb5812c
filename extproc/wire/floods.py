"""What a peer makes us do for nothing, counted. Time is told, not asked: `forgive` once a second."""

from extproc.wire.errors import Code, ConnectionFault
from extproc.wire.limits import Limits


class Patience:
    """Raises ConnectionFault when the peer has gone too far; the connection is then lost."""

    __slots__ = ("_control", "_limits", "_resets")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._control = 0
        self._resets = 0

    def forgive(self) -> None:
        """A second has passed."""
        self._control = 0
        self._resets = 0

    def control(self, cost: int = 1) -> None:
        """A frame that carried nothing of a call."""
        self._control += cost
        if self._control > self._limits.control_frames:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, "too many control frames")

    def reset(self) -> None:
        """A stream ended by a reset before it had an answer, whoever sent it: it was opened for nothing."""
        self._resets += 1
        if self._resets > self._limits.resets:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, "too many streams opened and reset")
