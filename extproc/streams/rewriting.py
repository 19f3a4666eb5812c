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

    def expire(self, text: str) -> str:
        """As `feed`, when what is held has been held for too long: a guard may want to keep some of it all the same.

        Raises BlockedError or ExhaustedError; then end the stream.
        """
        ...


class Unchanged:
    """A rewriter whose verdict counts, over a text that may not change: changing it means to block it."""

    __slots__ = ("_due", "_rewriter")

    def __init__(self, rewriter: Rewriter) -> None:
        self._rewriter = rewriter
        self._due = ""  # of the text: came in and has not gone out

    @property
    def held(self) -> int:
        """Characters that came in and have not gone out."""
        return self._rewriter.held

    def feed(self, text: str, end: bool = False) -> str:
        """What may go out now, as it came in. Raises BlockedError where the rewriter does, or would change it."""
        self._due += text
        return self._as_it_came(self._rewriter.feed(text, end))

    def expire(self, text: str) -> str:
        """As `feed`."""
        self._due += text
        return self._as_it_came(self._rewriter.expire(text))

    def _as_it_came(self, out: str) -> str:
        if not self._due.startswith(out):
            raise BlockedError
        self._due = self._due[len(out) :]
        return out


class Rewriting(Protocol):
    """What one exchange rewrites: a `Rewriter` for each channel, and texts that come whole.

    `reads_signed`: whether it has a say on texts that may not change; `reads_echoes`: on what the caller said itself.
    """

    @property
    def reads_signed(self) -> bool: ...

    @property
    def reads_echoes(self) -> bool: ...

    def channel(self) -> Rewriter:
        """For one text that comes in pieces."""
        ...

    def whole(self, text: str) -> str:
        """A text that is complete, rewritten. Raises BlockedError or ExhaustedError."""
        ...
