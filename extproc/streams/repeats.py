"""Texts that an answer says again as a whole, once or several times, after it has said them in pieces.

Whichever of them a caller believes, it is the same text: what went out is said again. What is said again otherwise than
it was said is a text of its own, and is read like any other.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from hashlib import blake2b
from typing import Final, TypeAlias

from extproc.streams.changes import Change
from extproc.streams.dialect import Channel, Piece, Reading
from extproc.streams.memory import Memory
from extproc.streams.rewriting import Rewriter, Rewriting
from extproc.streams.sse import EventTooLargeError

_TOGETHER: Final = 32

Reader: TypeAlias = Callable[
    [str, Sequence[Rewriting]], Generator[None, None, str]
]  # a text that is complete, in slices


class Repeats:
    """What one stream has said so far: at most `limit` characters of it, as many as an event can say again.

    And no more than `memory` has room for.
    """

    __slots__ = ("_limit", "_memory", "_records", "_size", "_wholes")

    def __init__(self, limit: int, memory: Memory) -> None:
        self._limit = limit
        self._memory = memory
        self._size = 0
        self._records: dict[Channel, _Record] = {}
        self._wholes: dict[Channel, tuple[str, str]] = {}  # said whole: what came, what went

    def around(self, channel: Channel, rewriters: Sequence[Rewriter]) -> list[Rewriter]:
        """The channel's rewriters, overheard."""
        record = self._records[channel] = _Record()
        return [_Heard(record), *rewriters, _Said(record, self)]

    def told(
        self, reading: Reading, rewritings: Sequence[Rewriting], read: Reader, changes: list[Change]
    ) -> Iterator[None]:
        """Add the changes of texts that are said as a whole. Each yield ends a slice of `read`ing what is new."""
        echoing = [rewriting for rewriting in rewritings if rewriting.reads_echoes]
        for heeded, pieces in ((rewritings, reading.again), (echoing, reading.echoed)):
            for piece in pieces:
                new = self.again(piece)
                if new is None:
                    new = yield from read(piece.text, heeded)
                    self.note(piece, new)
                if new != piece.text:
                    changes.append((piece.path, piece.text, new))

    def again(self, piece: Piece) -> str | None:
        """What goes out in place of a text that is said as a whole; None for one that was not said before."""
        record = self._records.get(piece.channel)
        if record is not None and record.is_of(piece.text):
            return record.text()
        came, went = self._wholes.get(piece.channel, (None, ""))
        return went if came == piece.text else None

    def note(self, piece: Piece, new: str) -> None:
        """A text that is said as a whole for the first time goes out as `new`."""
        before = self._wholes.pop(piece.channel, None)
        if before is not None:
            self._size -= len(before[1])
            self._memory.give(_kept(piece.channel, *before))
        if self._size + len(new) <= self._limit and self._memory.take(_kept(piece.channel, piece.text, new)):
            self._size += len(new)
            self._wholes[piece.channel] = piece.text, new

    def said(self, channel: Channel) -> str:
        """What has gone out of a text; empty where nothing has."""
        record = self._records.get(channel)
        return record.text() if record else self._wholes.get(channel, ("", ""))[1]

    def grow(self, text: str) -> None:
        """More has gone out. Raises EventTooLargeError where no event could say all of it again."""
        self._size += len(text)
        if self._size > self._limit or not self._memory.take(len(text), 0):
            raise EventTooLargeError(self._limit)


def _kept(channel: Channel, came: str, went: str) -> int:
    """Characters of a text that was said whole."""
    return len(channel.name) + len(came) + (len(went) if went != came else 0)


class _Record:
    """One text: a digest of what came, and what went."""

    __slots__ = ("_came", "_length", "_recent", "_went")

    def __init__(self) -> None:
        self._came = blake2b(digest_size=16)
        self._length = 0
        self._went: list[str] = []
        self._recent: list[str] = []  # short pieces: a string of its own is twenty times as large as one

    def hear(self, text: str) -> None:
        self._came.update(text.encode())
        self._length += len(text)

    def say(self, text: str) -> None:
        if text:
            self._recent.append(text)
        if len(self._recent) == _TOGETHER:
            self._went.append("".join(self._recent))
            self._recent.clear()

    def is_of(self, text: str) -> bool:
        """Whether this is what came."""
        return len(text) == self._length and blake2b(text.encode(), digest_size=16).digest() == self._came.digest()

    def text(self) -> str:
        self._went = ["".join([*self._went, *self._recent])]
        self._recent.clear()
        return self._went[0]


class _Heard:
    """Overhears what comes to a channel."""

    __slots__ = ("_record",)
    held = 0

    def __init__(self, record: _Record) -> None:
        self._record = record

    def feed(self, text: str, end: bool = False) -> str:
        self._record.hear(text)
        return text

    def expire(self, text: str) -> str:
        return self.feed(text)


class _Said:
    """Overhears what goes out of it."""

    __slots__ = ("_record", "_repeats")
    held = 0

    def __init__(self, record: _Record, repeats: Repeats) -> None:
        self._record = record
        self._repeats = repeats

    def feed(self, text: str, end: bool = False) -> str:
        self._repeats.grow(text)
        self._record.say(text)
        return text

    def expire(self, text: str) -> str:
        return self.feed(text)
