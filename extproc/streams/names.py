"""What an event is called, and what number a text in it has: said in one way, or the stream is not read on.

A client may pick events by their `event:` line or by the `type` in their data, and texts by any number that its
language can index a list with. Where these could tell two things, a guard could read one text and the caller another.
"""

from collections.abc import Mapping
from typing import Final

LARGEST: Final = 2**31  # of an index

_NAMELESS: Final = frozenset({b"", b"message"})  # the second is what the first means to browsers
_TEXTLESS: Final = frozenset({b"error", b"ping"})
_MATCHING: Final = b"type"


class AmbiguousError(ValueError):
    """What an event says could be read in two ways. Nothing more may pass of its stream: end it closed."""


class Names:
    """Of the events of one stream. `typed`: its API says in each event's data what the event is, too.

    Events that bring text are named in one manner: all by their type, all by one other name or all by none. Otherwise
    a client that leaves out those without a name, as Anthropic's own do, would put together another text than one that
    does not.
    """

    __slots__ = ("_manner", "_typed")

    def __init__(self, typed: bool) -> None:
        self._typed = typed
        self._manner: bytes | None = None

    def check(self, name: bytes, answer: Mapping[str, object]) -> None:
        """An event of this name has come. Raises AmbiguousError."""
        manner = _typed(name, answer) if self._typed else _untyped(name, answer)
        if manner is None:
            return
        if self._manner is None:
            self._manner = manner
        elif manner != self._manner:
            raise AmbiguousError("events that bring text are named in different manners")


def index(holder: Mapping[str, object], name: str, absent: int) -> int:
    """The number that a text has; `absent` where none is given. Raises AmbiguousError for what is no plain number."""
    number = holder.get(name)
    if number is None:
        return absent
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= LARGEST:
        return number
    raise AmbiguousError("an index is no number that a list may have")


def _untyped(name: bytes, answer: Mapping[str, object]) -> bytes | None:
    """How an event of chat is named; None for one without choices, which brings no text."""
    if not answer.get("choices"):
        return None
    return b"" if name in _NAMELESS else name


def _typed(name: bytes, answer: Mapping[str, object]) -> bytes | None:
    """How an event is named whose data has a type; None for one that brings no text whoever reads it."""
    type_ = answer.get("type")
    if type_ is None and (name in _TEXTLESS or (name in _NAMELESS and "error" in answer)):
        return None  # servers forget it there; without a type nothing is read as text
    if not isinstance(type_, str):
        raise AmbiguousError("an event has no type")
    if name not in _NAMELESS and name != type_.encode():
        raise AmbiguousError("an event has another name than type")
    if type_.encode() in _TEXTLESS:
        return None
    return name if name in _NAMELESS else _MATCHING
