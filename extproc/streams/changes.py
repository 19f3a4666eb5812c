"""Strings of a JSON text found and exchanged, every other byte left as it is."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

from extproc.findings import Text
from extproc.messages.edit import Edit, apply, edits_for
from extproc.messages.json_spans import MAX_DEPTH, Node, parse
from extproc.streams.dialect import Path

Change = tuple[Path, str, str]  # where, what stands there, what is to stand there


def strings(value: object) -> Iterator[tuple[Path, str]]:
    """Every string value that is not empty in an object or a list, and where it stands."""
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


def changed(data: bytes, changes: Sequence[Change]) -> bytes:
    """`data` with the changes made: each string from its first character that differs to its last one.

    Raises Refused for JSON that could be read in two ways.
    """
    root = parse(data, MAX_DEPTH)
    edits: list[Edit] = []
    for path, old, new in changes:
        node = _find(root, path)
        start = _alike(old, new)
        most = min(len(old), len(new)) - start
        tail = _alike(old[len(old) - most :][::-1], new[len(new) - most :][::-1]) if most else 0
        text = Text("answer", "assistant", old, node.start, node.end)
        edits += edits_for(text, data, [(start, len(old) - tail, new[start : len(new) - tail])])
    return apply(data, edits)


def _find(node: Node, path: Path) -> Node:
    for step in path:
        node = cast("Any", node.value)[step]
    return node


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
