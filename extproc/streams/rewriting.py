"""What a stream asks of whoever rewrites its texts: restoring and guarding answer to the same two protocols."""

from typing import Protocol


class BlockedError(Exception):
    """A guard refuses the text: nothing of it that is not out already may go out."""


class ExhaustedError(Exception):
    """Rewriting would bring in more text than one answer may cost: end the stream."""


class Rewriter(Protocol):
    """Rewrites one text that comes in pieces."""

    @property
    def held(self) -> int:
        """Characters that came in and have not gone out."""
        ...

    def feed(self, text: str, end: bool = False) -> str:
        """What may go out now that `text` came in. At the `end` nothing stays held; the text may still go on.

        Raises BlockedError or ExhaustedError; then end the stream.
        """
        ...


class Rewriting(Protocol):
    """What one exchange rewrites: a `Rewriter` for each channel, and texts that come whole."""

    def channel(self) -> Rewriter:
        """For one text that comes in pieces."""
        ...

    def whole(self, text: str) -> str:
        """A text that is complete, rewritten. Raises BlockedError or ExhaustedError."""
        ...
