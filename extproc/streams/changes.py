"""The JSON object of one event: read strictly, its strings found and exchanged, every other byte left as it is."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import orjson

from extproc.findings import Text
from extproc.messages.edit import Edit, apply, edits_for, escape
from extproc.messages.json_spans import MAX_DEPTH, Node, parse
from extproc.streams.dialect import Path

MOST_VALUES: Final = 16_384  # of an event
MOST_STEPS: Final = 4 << 20  # characters of all paths in it: a step counts for 8 and its key
LARGE: Final = 64 << 10  # bytes, of an event and of a string in it

Change = tuple[Path, str, str]  # where, what stands there, what is to stand there: where that is no string, as JSON


class Body:
    """What an event holds. `value` is the object, before any change, `data` what it was read from."""

    __slots__ = ("_root", "data", "value")

    def __init__(self, data: bytes) -> None:
        """Raises Refused or ValueError for what is no JSON object, or could be read in two ways."""
        large = len(data) > LARGE
        self._root = parse(data, MAX_DEPTH, MOST_VALUES) if large else None  # first: it gives up in time
        value: object = orjson.loads(data)
        # What orjson writes as it was read names no key twice, and can be written again with another string in it.
        if not large and (_written(value) != data or _swollen(data, value)):
            self._root = parse(data, MAX_DEPTH, MOST_VALUES)
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
    """Every string value that is not empty in an object or a list, and where it stands in it.

    Raises ValueError where the places are so deep, or their keys so long, that telling all of them takes too much.
    """
    waiting: list[tuple[Path, object, int]] = [((), value, 8)]
    left = MOST_STEPS
    while waiting:
        path, value, cost = waiting.pop()
        items = value.items() if isinstance(value, dict) else enumerate(cast("list[object]", value))
        for key, item in items:
            if not item or not isinstance(item, (str, dict, list)):
                continue
            longer = cost + len(key) if isinstance(key, str) else cost
            left -= longer
            if left < 0:
                raise ValueError("the places of an event's strings are too long")
            if isinstance(item, str):
                yield (*path, key), item
            else:
                waiting.append(((*path, key), item, longer + 8))


def _swollen(data: bytes, value: object) -> bool:
    """Whether it may hold more values, or may be deeper, than the strict parser takes."""
    if data.count(b"{") + data.count(b"[") <= MAX_DEPTH:
        return data.count(b",") >= MOST_VALUES - MAX_DEPTH
    if data.count(b",") + data.count(b"[") + data.count(b"{") >= MOST_VALUES:
        return True
    depth, level = 0, [value]
    while level and depth <= MAX_DEPTH:
        depth += 1
        within = [each.values() if isinstance(each, dict) else cast("list[object]", each) for each in level]
        level = [item for items in within for item in items if isinstance(item, dict | list)]
    return depth > MAX_DEPTH


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
