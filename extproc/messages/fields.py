"""Typed reading of parsed values: the value, or Refused with the path of the field at fault."""

import math
from collections.abc import Collection
from typing import Final

from extproc.messages.json_spans import Node
from extproc.messages.refusal import Refused
from forebay.outcomes import Reason

MAX_INTEGER: Final = 2**63 - 1


def members(node: Node, path: str) -> dict[str, Node]:
    """The members of an object."""
    value = node.value
    if isinstance(value, dict):
        return value
    raise wrong_type(path, "an object")


def elements(node: Node, path: str) -> list[Node]:
    """The elements of an array."""
    value = node.value
    if isinstance(value, list):
        return value
    raise wrong_type(path, "an array")


def string(node: Node, path: str) -> str:
    """A string that is read as text. Raises Refused(TOKEN_IDS) for an array of numbers in its place."""
    value = node.value
    if value.__class__ is str:
        return value
    if holds_numbers(node):
        raise Refused(Reason.TOKEN_IDS, {"path": path})
    raise wrong_type(path, "a string")


def required(fields: dict[str, Node], name: str, path: str) -> Node:
    """The member `name`; `path` is its whole path, for the refusal."""
    node = fields.get(name)
    if node is None:
        raise Refused(Reason.MISSING_FIELD, {"path": path})
    return node


def boolean(node: Node, path: str) -> bool | None:
    """true, false, or None for null."""
    value = node.value
    if value is None or isinstance(value, bool):
        return value
    raise wrong_type(path, "a boolean")


def integer(node: Node, path: str, least: int, most: int = MAX_INTEGER) -> int | None:
    """An integer from `least` to `most`, or None for null. A boolean is none, and neither is 1.0."""
    value = node.value
    if value is None:
        return None
    if value.__class__ is not int:
        raise wrong_type(path, "an integer")
    if not least <= value <= most:
        raise Refused(
            Reason.INVALID_VALUE, {"path": path, "expected": f"an integer {_range(least, most, MAX_INTEGER)}"}
        )
    return value


def number(node: Node, path: str, least: int | float, most: int | float = math.inf) -> float | None:
    """A number from `least` to `most`, or None for null."""
    value = node.value
    if value is None:
        return None
    if value.__class__ is not int and value.__class__ is not float:
        raise wrong_type(path, "a number")
    if not least <= value <= most:
        raise Refused(Reason.INVALID_VALUE, {"path": path, "expected": f"a number {_range(least, most, math.inf)}"})
    return float(value)


def _range(least: int | float, most: int | float, unbounded: int | float) -> str:
    return f"of at least {least}" if most == unbounded else f"from {least} to {most}"


def check_cap(count: int, path: str, cap: int) -> None:
    """Raises Refused(CAP_EXCEEDED) when `count` is over the configured `cap`."""
    if count > cap:
        raise Refused(Reason.CAP_EXCEEDED, {"path": path, "limit": cap})


def holds_numbers(node: Node) -> bool:
    """Whether it is an array that begins with a number, or with an array that does: token ids, not text."""
    for _ in range(2):
        if not isinstance(node.value, list) or not node.value:
            return False
        node = node.value[0]
        if node.value.__class__ is int or node.value.__class__ is float:
            return True
    return False


def wrong_type(path: str, expected: str) -> Refused:
    """The refusal of a value that is not `expected`."""
    return Refused(Reason.INVALID_TYPE, {"path": path, "expected": expected})


def given(node: Node | None) -> bool:
    """Whether something is there, and says something."""
    return node is not None and node.value not in (None, "", [], {})


def one_of(names: Collection[str]) -> str:
    """`names` as the `expected` of a refusal."""
    return "one of " + ", ".join(sorted(names))
