"""A response as far as it has been sent: what a stream that a guard ends still has to say of it.

Of each item its structure is kept and where its texts stand, not the texts: what went out of them is known elsewhere.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from extproc.messages.responses_answer import filtered
from extproc.streams.dialect import Channel, Path
from extproc.streams.identifiers import is_identifier, is_large
from extproc.streams.memory import Memory

_MOST_ITEMS: Final = 256
_MOST_VALUES: Final = 2_000  # of an item, or of a part that is told by itself
_MOST_ENTRIES: Final = 8_192  # of all of them: they are gone through when a guard ends the stream
_DEEPEST: Final = 40  # steps to a value
_CLOSED: Final = ("message", "reasoning")  # types of items that are worth having unfinished
# Where parts stand -> what an event calls their number, and their end.
_PARTS: Final = {
    "content": ("content_index", "response.content_part.done"),
    "summary": ("summary_index", "response.reasoning_summary_part.done"),
}
# Type of a part -> the event that says its text again, and the member that is the text.
_TEXTS: Final = {
    "output_text": ("response.output_text.done", "text"),
    "refusal": ("response.refusal.done", "refusal"),
    "reasoning_text": ("response.reasoning_text.done", "text"),
    "summary_text": ("response.reasoning_summary_text.done", "text"),
}

Event = tuple[str, dict[str, object]]
Skeleton = dict[str, object]  # JSON with a Channel in place of each text


class TooLongError(Exception):
    """An ending would say more than it may."""


@dataclass(slots=True)
class _Item:
    """One that has been sent, or its beginning. `parts`: those that were told by themselves; whether they are open."""

    skeleton: Skeleton
    open: bool
    characters: int
    entries: int
    parts: dict[Path, bool]


class Unfinished:
    """Tell it what is read; what was sent counts. `head`: the response without what it says.

    What is too much to remember is left out of the ending.
    """

    __slots__ = ("_channel", "_entries", "_items", "_memory", "_ours", "_pending", "head", "started")

    def __init__(self, head: Mapping[str, object], channel: Callable[[Path], Channel], memory: Memory) -> None:
        """`head`: id, created_at and model until the provider has told; `channel`: of a place in the response."""
        self.head = _begun(head)
        self.started = False
        self._ours = head
        self._channel = channel
        self._memory = memory
        self._entries = 0  # of all items
        self._items: dict[int, _Item] = {}
        self._pending: Callable[[], None] | None = None

    def forget(self) -> None:
        """The event last read was not sent."""
        self._pending = None

    def note(self) -> None:
        """The event last read is sent."""
        if self._pending is not None:
            self._pending()
            self._pending = None

    def state(self, response: Mapping[str, object]) -> None:
        """An event about the response as a whole is read."""
        head = {**_begun(self._ours), **_begun(response)}

        def begin() -> None:
            self.started, self.head = True, head

        self._pending = begin

    def item(self, item: object, index: int, done: bool) -> None:
        """One that begins or is `done` is read."""
        made = _Skeleton(self._channel)
        skeleton = made.of(item, ("output", index))
        if not isinstance(skeleton, dict):
            return

        def keep() -> None:
            before = self._items.pop(index, None)
            if before is not None:
                self._entries -= before.entries
                self._memory.give(before.characters, before.entries)
            if len(self._items) < _MOST_ITEMS and self._has_room(made):
                self._items[index] = _Item(skeleton, not done, made.characters, made.entries, {})

        self._pending = keep

    def part(self, part: object, place: Path, done: bool) -> None:
        """A part of an item that begins or is `done` is read; it stands at `place`."""
        _, index, name, number = place
        made = _Skeleton(self._channel)
        skeleton = made.of(part, place)

        def keep() -> None:
            item = self._items.get(int(index))
            parts = item.skeleton.setdefault(str(name), []) if item else None
            if item and isinstance(parts, list) and int(number) <= len(parts) < _MOST_ITEMS and self._has_room(made):
                parts[int(number) : int(number) + 1] = [skeleton]
                item.parts[place] = not done
                item.characters += made.characters
                item.entries += made.entries

        self._pending = keep

    def ending(self, said: Callable[[Channel], str], most: int) -> tuple[list[Event], list[object]]:
        """The events that close what is open, and the items that are done or closed by them.

        `said` is what went out of a text. Raises TooLongError where more than `most` characters would be said in all.
        """
        telling = _Telling(said, most)
        items = sorted(self._items.items())
        closed = [(index, item) for index, item in items if item.open and item.skeleton.get("type") in _CLOSED]
        events = [event for index, item in closed for event in _closing(index, item, telling.of)]
        output = [
            _closed(item.skeleton, telling.of) if item.open else _filled(item.skeleton, telling.of)
            for _, item in items
            if not item.open or item.skeleton.get("type") in _CLOSED
        ]
        return events, output

    def _has_room(self, made: "_Skeleton") -> bool:
        if self._entries + made.entries > _MOST_ENTRIES or not self._memory.take(made.characters, made.entries):
            return False
        self._entries += made.entries
        return True


class _Skeleton:
    """Makes one, of so many values at most, and counts what it is."""

    __slots__ = ("_channel", "characters", "entries")

    def __init__(self, channel: Callable[[Path], Channel]) -> None:
        self._channel = channel
        self.characters = self.entries = 0

    def of(self, value: object, place: Path) -> object:
        self.entries += 1
        if isinstance(value, str):
            told = value if is_identifier(place, value) else self._channel(place)
            self.characters += len(told if isinstance(told, str) else told.name)
            return told
        if len(place) >= _DEEPEST:
            return value if not isinstance(value, dict | list) else None
        if isinstance(value, dict):
            return {key: self._member(key, each, place) for key, each in value.items() if self._goes_on}
        if isinstance(value, list):
            return [self.of(each, (*place, number)) for number, each in enumerate(value) if self._goes_on]
        return 0 if is_large(value) else value  # it may have been masked

    def _member(self, key: str, value: object, place: Path) -> object:
        self.characters += len(key)
        return self.of(value, (*place, key))

    @property
    def _goes_on(self) -> bool:
        return self.entries < _MOST_VALUES


class _Telling:
    """What went out of texts, and no more than so much of it in all."""

    __slots__ = ("_left", "_said")

    def __init__(self, said: Callable[[Channel], str], most: int) -> None:
        self._said = said
        self._left = most

    def of(self, channel: Channel) -> str:
        text = self._said(channel)
        self._left -= len(text)
        if self._left < 0:
            raise TooLongError
        return text


def _begun(response: Mapping[str, object]) -> dict[str, object]:
    return {**filtered(response), "status": "in_progress", "incomplete_details": None}


def _closing(index: int, item: _Item, said: Callable[[Channel], str]) -> Iterator[Event]:
    for place, open_ in item.parts.items():
        if open_:
            yield from _closed_part(item.skeleton, place, said)
    yield "response.output_item.done", {"output_index": index, "item": _closed(item.skeleton, said)}


def _closed_part(item: Skeleton, place: Path, said: Callable[[Channel], str]) -> Iterator[Event]:
    _, index, name, number = place
    number_name, done = _PARTS[str(name)]
    parts = item[str(name)]
    part = _filled(parts[int(number)], said) if isinstance(parts, list) else None
    where = {"item_id": item.get("id"), "output_index": index, number_name: number}
    if isinstance(part, dict) and isinstance(part.get("type"), str) and part["type"] in _TEXTS:
        event, member = _TEXTS[part["type"]]
        more: dict[str, object] = {"logprobs": []} if part["type"] == "output_text" else {}
        yield event, {**where, member: part.get(member, ""), **more}
    yield done, {**where, "part": part}


def _closed(item: Skeleton, said: Callable[[Channel], str]) -> object:
    return {**{name: _filled(value, said) for name, value in item.items()}, "status": "incomplete"}


def _filled(value: object, said: Callable[[Channel], str]) -> object:
    if isinstance(value, Channel):
        return said(value)
    if isinstance(value, dict):
        return {key: _filled(each, said) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, said) for each in value]
    return value
