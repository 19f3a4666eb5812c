"""What a stream must know of a dialect: which texts an event brings, and how to bring text of our own."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import field
from typing import NamedTuple, Protocol

from extproc.messages.answer import Usage
from extproc.streams.memory import Memory
from forebay.frozen import frozen

Path = tuple[str | int, ...]  # keys and list positions from the root of an event's JSON


class Channel(NamedTuple):
    """One text that comes in pieces: a choice's (or a block's) content, refusal, arguments of a tool call...

    `slot` tells apart what a group has more than one of, such as tool calls.
    """

    group: int
    name: str
    slot: int = 0


@frozen
class Piece:
    """The string at `path` continues `channel`."""

    channel: Channel
    path: Path
    text: str = field(repr=False)


@frozen
class Reading:
    """One event, understood. `ended` are the groups whose texts end with it; no text follows in a group that has ended.
    `perhaps`: only if the next event brings none, because some servers say of every event that it is the last.

    `running`: objects whose strings, where they are no pieces, continue those of earlier events of the same group. All
    of them stand equally deep.

    `sealed`: texts of which no character may change, because the provider has signed them; they may be cut otherwise.
    `opaque`: strings that are no text and may not change either. `fixed`: strings that are read, and may not change.
    `quoted`: what the caller said itself, of which numbers and keys are not read.

    `again`: texts that are complete, and may be said again in later events. `echoed`: the same, of what the caller said
    itself. A text of a channel that is said again follows in events that bring the end of its group, or later.

    `begun`: what it says of usage before all of that is known. `extra`: it brings nothing but the usage that
    `include_usage` asks for. `repeats`: it says text a second time in a form that cannot be rewritten (`logprobs`).
    """

    pieces: Sequence[Piece] = ()
    ended: frozenset[int] = frozenset()
    running: Sequence[tuple[Path, int]] = ()
    finish_reasons: Sequence[str] = ()
    usage: Usage | None = None
    begun: Usage | None = None
    sealed: Sequence[Piece] = ()
    opaque: Sequence[Path] = ()
    fixed: Sequence[Path] = ()
    quoted: Sequence[Path] = ()
    again: Sequence[Piece] = ()
    echoed: Sequence[Piece] = ()
    extra: bool = False
    repeats: bool = False
    perhaps: bool = False


class Dialect(Protocol):
    """Knows the events of one API. Remembers what its own events need to look like their neighbours.

    `says_again`: its events say texts again as a whole. `typed`: their data says what they are, as their names do.
    """

    @property
    def says_again(self) -> bool: ...

    @property
    def typed(self) -> bool: ...

    @property
    def memory(self) -> Memory:
        """Room for what is remembered of the stream, by the dialect and for it."""
        ...

    def closes(self, data: bytes) -> bool:
        """Whether this is the mark after which nothing follows."""
        ...

    def read(self, answer: Mapping[str, object]) -> Reading:
        """The event, understood. What is not understood is left out.

        Raises CrowdedError, or ValueError where the places in it are too long to tell, or where the text that it
        goes on with could be understood in two ways; nothing else for what a provider sends.

        Of two events that differ in the text of a piece alone, and in their numbers, the readings do, too; and to read
        the second of them right after the first changes nothing in what the dialect remembers but the number. It may
        be left out (`mould`).
        """
        ...

    def reading(self, answer: Mapping[str, object]) -> Generator[None, None, Reading]:
        """As `read`; where that is much work, each yield ends a slice of it."""
        ...

    def carry(self, channel: Channel, text: str) -> bytes:
        """An event that brings `text` to `channel`."""
        ...

    def sent(self, data: bytes) -> bytes:
        """The event last read goes out, with this data: as it must be behind events of ours."""
        ...

    def alike(self, number: int) -> int:
        """An event like the last one but for the text of its piece, and this number: the number it goes out with."""
        ...

    def passed(self) -> None:
        """The event of which `alike` was told goes out."""
        ...

    def blocked(self, unsent: frozenset[int], said: Callable[[Channel], str], used: Usage) -> bytes:
        """What ends a stream whose rest the caller must not get, as the provider would end a filtered one.

        `unsent`: groups that ended with the event last read, which was not sent. `said`: what has gone out of a text,
        where the dialect `says_again`. `used`: what the caller is told of usage, where the API tells it.
        """
        ...

    def failed(self, error: bytes) -> bytes:
        """What ends a stream that broke; `error` is the body an unstreamed answer would have."""
        ...
