"""A response as far as it has been sent: what a stream that a guard ends still has to say of it.

Of each item its structure is kept and where its texts stand, not the texts: what went out of them is known elsewhere.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from extproc.messages.responses_answer import filtered
from extproc.streams.dialect import Channel, Path
from extproc.streams.identifiers import is_identifier, is_large

_MOST_ITEMS: Final = 256
_MOST_VALUES: Final = 2_000  # of an item
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


class Unfinished:
    """Tell it what is read; what was sent counts. `head`: the response without what it says."""

    __slots__ = ("_channel", "_items", "_open", "_ours", "_parts", "_pending", "head", "started")

    def __init__(self, head: Mapping[str, object], channel: Callable[[Path], Channel]) -> None:
        """`head`: id, created_at and model until the provider has told; `channel`: of a place in the response."""
        self.head = _begun(head)
        self.started = False
        self._ours = head
        self._channel = channel
        self._items: dict[int, Skeleton] = {}
        self._open: set[int] = set()
        self._parts: dict[Path, bool] = {}  # whether they are open
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
        head = _begun({**self._ours, **response})

        def begin() -> None:
            self.started, self.head = True, head

        self._pending = begin

    def item(self, item: object, index: int, done: bool) -> None:
        """One that begins or is `done` is read."""
        skeleton = _Skeletons(self._channel).of(item, ("output", index))
        if not isinstance(skeleton, dict):
            return

        def keep() -> None:
            if index in self._items or len(self._items) < _MOST_ITEMS:
                self._items[index] = skeleton
            self._parts = {place: open_ for place, open_ in self._parts.items() if place[1] != index}
            (self._open.discard if done else self._open.add)(index)

        self._pending = keep

    def part(self, part: object, place: Path, done: bool) -> None:
        """A part of an item that begins or is `done` is read; it stands at `place`."""
        _, index, name, number = place
        skeleton = _Skeletons(self._channel).of(part, place)

        def keep() -> None:
            parts = self._items.get(int(index), {}).setdefault(str(name), [])
            if isinstance(parts, list) and int(number) <= len(parts) < _MOST_ITEMS:
                parts[int(number) : int(number) + 1] = [skeleton]
                self._parts[place] = not done

        self._pending = keep

    def closing(self, said: Callable[[Channel], str]) -> Iterator[Event]:
        """The events that close what is open; `said` is what went out of a text."""
        for index in sorted(self._open):
            item = self._items.get(index, {})
            if item.get("type") not in _CLOSED:
                continue
            for place, open_ in self._parts.items():
                if open_ and place[1] == index:
                    yield from _closed_part(item, place, said)
            yield "response.output_item.done", {"output_index": index, "item": _closed(item, said)}

    def output(self, said: Callable[[Channel], str]) -> list[object]:
        """The items that are done, and those that `closing` closes."""
        return [
            _closed(item, said) if index in self._open else _filled(item, said)
            for index, item in sorted(self._items.items())
            if index not in self._open or item.get("type") in _CLOSED
        ]


class _Skeletons:
    """Makes one: at most so many values of it."""

    def __init__(self, channel: Callable[[Path], Channel]) -> None:
        self._channel = channel
        self._left = _MOST_VALUES

    def of(self, value: object, place: Path) -> object:
        self._left -= 1
        if isinstance(value, str):
            return value if is_identifier(place, value) else self._channel(place)
        if isinstance(value, dict):
            return {key: self.of(each, (*place, key)) for key, each in value.items() if self._left > 0}
        if isinstance(value, list):
            return [self.of(each, (*place, number)) for number, each in enumerate(value) if self._left > 0]
        return 0 if is_large(value) else value  # it may have been masked


def _begun(response: Mapping[str, object]) -> dict[str, object]:
    return {**filtered(response), "status": "in_progress", "incomplete_details": None}


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
