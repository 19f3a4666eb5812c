"""The JSON object of one event: read strictly, its strings found and exchanged, every other byte left as it is."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import orjson

from extproc.findings import Text
from extproc.messages.edit import Edit, apply, edits_for, escape
from extproc.messages.json_spans import MAX_DEPTH, Node, parse
from extproc.streams.dialect import Path

MOST_VALUES: Final = 16_384  # of an event that is large
LARGE: Final = 64 << 10  # bytes, of an event and of a string in it

Change = tuple[Path, str, str]  # where, what stands there, what is to stand there: where that is no string, as JSON


class Body:
    """What an event holds. `value` is the object, before any change, `data` what it was read from."""

    __slots__ = ("_root", "data", "value")

    def __init__(self, data: bytes) -> None:
        """Raises Refused or ValueError for what is no JSON object, or could be read in two ways."""
        value: object = orjson.loads(data)
        # What orjson writes as it was read names no key twice, and can be written again with another string in it.
        ordinary = len(data) <= LARGE and _written(value) == data
        self._root = None if ordinary else parse(data, MAX_DEPTH, MOST_VALUES)
        if not isinstance(value, dict):
            raise ValueError("an event is a JSON object")
        self.value: dict[str, object] = value
        self.data = data

    def place(self, path: Path) -> tuple[int, int] | None:
        """Where the string at `path` stands, quotes included. None where that is not told in no time, or it is none."""
        value: Any = self.value
        node = self._root
        for step in path:
            value = value.get(step) if isinstance(value, dict) else value[step]
            node = cast("Any", node.value)[step] if node is not None and value is not None else None
        if not isinstance(value, str):
            return None
        if node is not None:
            return node.start, node.end
        quoted = orjson.dumps(value)
        start = self.data.find(quoted)
        return (start, start + len(quoted)) if start == self.data.rfind(quoted) else None

    def string(self, path: Path) -> str:
        """The string at `path`, where there is one."""
        value: Any = self.value
        for step in path:
            value = value[step]
        return str(value)

    def strings(self) -> Iterator[tuple[Path, str]]:
        """Every string value that is not empty, and where it stands."""
        return strings(self.value)

    def changed(self, changes: Sequence[Change]) -> bytes:
        """The bytes with the changes made: each string from its first character that differs to its last one.

        A large string whose escapes are not the usual ones is written anew. Call it once: `value` changes, too.
        """
        if self._root is None:
            for path, _, new in changes:
                holder: Any = self.value
                for step in path[:-1]:
                    holder = holder[step]
                holder[path[-1]] = new if isinstance(holder[path[-1]], str) else orjson.Fragment(new)
            return orjson.dumps(self.value)
        return apply(self.data, [self._edit(self._root, *change) for change in changes])

    def _edit(self, root: Node, path: Path, old: str, new: str) -> Edit:
        node = root
        for step in path:
            node = cast("Any", node.value)[step]
        if not isinstance(node.value, str):
            return Edit(node.start, node.end, new.encode())
        if node.end - node.start > LARGE:
            return Edit(node.start + 1, node.end - 1, escape(new))
        start = _alike(old, new)
        most = min(len(old), len(new)) - start
        tail = _alike(old[len(old) - most :][::-1], new[len(new) - most :][::-1]) if most else 0
        text = Text("answer", "assistant", old, node.start, node.end)
        (edit,) = edits_for(text, self.data, [(start, len(old) - tail, new[start : len(new) - tail])])
        return edit


def strings(value: object) -> Iterator[tuple[Path, str]]:
    """Every string value that is not empty in an object or a list, and where it stands in it."""
    waiting: list[tuple[Path, object]] = [((), value)]
    while waiting:
        path, value = waiting.pop()
        items = value.items() if isinstance(value, dict) else enumerate(cast("list[object]", value))
        for key, item in items:
            if isinstance(item, str):
                if item:
                    yield (*path, key), item
            elif isinstance(item, dict | list):
                waiting.append(((*path, key), item))


def _written(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return b""  # deeper than it writes: the strict parser says what becomes of it


def _alike(one: str, other: str) -> int:
    """How many characters both begin with."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
