"""What an answer says beside its strings: keys, numbers, and JSON that stands where APIs have a string of it.

Whatever a client shows of an answer may be among it, so a guard reads it. Numbers are masked as they are in the JSON of
a tool's arguments, by a string. A key cannot be: with two that are masked alike there would be one member less. So it
blocks, as text does that its provider has signed.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Final, TypeAlias, cast

import orjson

from extproc.streams.changes import Body, Change
from extproc.streams.dialect import Path, Reading
from extproc.streams.identifiers import is_large, is_name
from extproc.streams.rewriting import BlockedError, Rewriting

INPUTS: Final = ("input", "arguments")  # of tools: objects under these names are one JSON text
_MOST_SEEN: Final = 256
_ORDINARY: Final = frozenset(
    {
        "choices",
        "content",
        "created",
        "delta",
        "finish_reason",
        "id",
        "index",
        "logprobs",
        "model",
        "object",
        "text",
        "type",
        "usage",
    }
)  # keys that are in most events

Told: TypeAlias = "tuple[Path, str, bool]"  # where; as JSON; whether it is a text of its own, not a member
Read: TypeAlias = "Callable[[str, Sequence[Rewriting]], Generator[None, None, str]]"


class Beside:
    """Of one stream."""

    __slots__ = ("_guards", "_rewritings", "_seen")

    def __init__(self, rewritings: Sequence[Rewriting]) -> None:
        self._rewritings = rewritings
        self._guards = [rewriting for rewriting in rewritings if rewriting.reads_signed]
        self._seen: set[int] = set()  # texts that need no change, by hash: most are in every event

    def told(self, body: Body, reading: Reading, inputs: bool) -> tuple[list[Told], list[Path]]:
        """What there is to read in an event. `inputs`: of tools are texts of their own; and where they stand."""
        found = list(told(body.value, reading.quoted, inputs)) if self._rewritings else []
        texts = [each for each in found if each[2]]
        return found if self._guards else texts, [path for path, _, _ in texts]

    def read(
        self, found: Sequence[Told], reading: Reading, body: Body, changes: list[Change], read: Read
    ) -> Generator[None, None, bool]:
        """Add the changes of what was `told`. Raises BlockedError for a change where there can be none.

        Returns whether the same would be let pass again unseen.
        """
        settled = True
        for path, text, whole in found:
            if hash(text) in self._seen:
                continue
            new = yield from read(text, self._rewritings if whole else self._guards)
            if new != text:
                settled = False
                changes.append((path, text, new if whole else number_in(text, new)))
            elif len(self._seen) < _MOST_SEEN:
                self._seen.add(hash(text))
        for path in reading.fixed if self._guards else ():
            text = body.string(path)
            if hash(text) not in self._seen and (yield from read(text, self._guards)) != text:
                raise BlockedError
            if len(self._seen) < _MOST_SEEN:
                self._seen.add(hash(text))
        return settled


def told(value: object, quoted: Sequence[Path], inputs: bool) -> Iterator[Told]:
    """Members that say something by their key or as a number, one by one; nothing of what is `quoted`."""
    waiting: list[tuple[Path, str, object]] = [((), "", value)]
    while waiting:
        path, name, value = waiting.pop()
        if isinstance(value, dict):
            members: Iterable[tuple[str | int, object]] = value.items()
        else:
            members = enumerate(cast("list[object]", value))
        for key, each in members:
            called = key if isinstance(key, str) else name
            kind = each.__class__
            holds, large = kind is dict or kind is list, kind is not str and is_large(each)
            ordinary = key in _ORDINARY or key.__class__ is int or is_name(called)
            if (ordinary and not holds and not large) or (quoted and (*path, key) in quoted):
                continue
            if large or not ordinary:
                yield (*path, key), member(called, each if large else None), False
            if inputs and key in INPUTS and kind is dict:
                yield (*path, key), orjson.dumps(each).decode(), True
            elif holds:
                waiting.append(((*path, key), called, each))


def within(path: Path, places: Sequence[Path]) -> bool:
    """Whether it leads through one of these."""
    return any([path[: len(place)] == place for place in places])


def member(key: str, number: object) -> str:
    """A member as JSON: with a number, or null for the key alone."""
    return orjson.dumps({key: number}).decode()


def number_in(text: str, new: str) -> str:
    """What stands for the number of the member `text`, read as `new`. Raises BlockedError where its key changed."""
    before = text[: text.rindex(":") + 1]
    if not new.startswith(before):
        raise BlockedError
    return new[len(before) : -1]
