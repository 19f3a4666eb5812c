"""Which texts of a stream have ended.

What is held of a text goes out at its end, so a text that ended twice could come out piece by piece, past every guard:
none goes on. In chat some servers say of each chunk that it is the last one of its choice (Gemini behind adapters,
SGLang before mid-2025). So there a choice has ended only if the next event brings none of its text, and the event that
ends it waits for that one where something of its texts is held.
"""

from dataclasses import field

from extproc.streams.changes import Body, Change
from extproc.streams.dialect import Piece, Reading
from extproc.streams.names import AmbiguousError
from extproc.streams.sse import Event
from forebay.frozen import frozen


@frozen
class Waiting:
    """An event that may be the end of its groups, read but for that: what was held of their texts at its time `at`."""

    event: Event = field(repr=False)
    body: Body = field(repr=False)
    reading: Reading = field(repr=False)
    changes: list[Change] = field(repr=False)
    at: int

    def last_pieces(self, ended: frozenset[int]) -> list[Piece]:
        """Of each channel of these groups the last piece, which takes what was held."""
        return list({piece.channel: piece for piece in self.reading.pieces if piece.channel.group in ended}.values())

    def add(self, piece: Piece, rest: str) -> None:
        """What was held of the text of a `piece` goes out with it."""
        for place, (path, old, new) in enumerate(self.changes):
            if path == piece.path:
                self.changes[place] = path, old, new + rest
                return
        self.changes.append((piece.path, piece.text, piece.text + rest))


class Ends:
    """The groups of one stream that have ended for good, and those that the last event has ended if no other does."""

    __slots__ = ("_last", "_over")

    def __init__(self) -> None:
        self._over: set[int] = set()
        self._last: frozenset[int] = frozenset()

    def before(self, reading: Reading) -> frozenset[int]:
        """The groups that have ended now that an event is read.

        Raises AmbiguousError where it brings text to one that had.
        """
        if not self._over and not self._last:
            return self._last
        said = {piece.channel.group for piece in (*reading.pieces, *reading.sealed) if piece.text}
        over = self.close(said)
        if not self._over.isdisjoint(said):
            raise AmbiguousError("a text goes on behind its end")
        return over

    def after(self, reading: Reading) -> None:
        """What an event ends has ended."""
        if reading.perhaps:
            self._last = reading.ended
        elif reading.ended:
            self._over |= reading.ended

    def __contains__(self, group: int) -> bool:
        """Whether it has ended for good."""
        return group in self._over

    def close(self, going_on: set[int] | frozenset[int] = frozenset()) -> frozenset[int]:
        """What the last event ended has ended for good, but for these."""
        over, self._last = self._last - going_on, frozenset()
        self._over |= over
        return over
