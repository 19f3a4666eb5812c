"""The number that an event has in its stream, exchanged; every other byte left as it is."""

import re
from typing import Final

from extproc.messages.edit import Edit, apply
from extproc.messages.json_spans import MAX_DEPTH, parse

MEMBER: Final = "sequence_number"
_NUMBER = re.compile(rb'"sequence_number"[ \t\r\n]*:[ \t\r\n]*([0-9]+)')
_ESCAPED_LETTER: Final = b"\\u00"


def renumbered(data: bytes, number: int) -> bytes:
    """`data`, the JSON object of an event that has a number, with this one in its place."""
    start, end = place(data) or _searched(data)
    return apply(data, [Edit(start, end, b"%d" % number)])


def place(data: bytes) -> tuple[int, int] | None:
    """Where the number stands in the JSON object of an event that has one; None where that is not told at a glance."""
    found = list(_NUMBER.finditer(data))
    return found[0].span(1) if len(found) == 1 and _ESCAPED_LETTER not in data else None


def _searched(data: bytes) -> tuple[int, int]:
    """Where it stands, when the member may be spelled with escapes or something inside has one of that name."""
    members = parse(data, MAX_DEPTH).value
    if not isinstance(members, dict):
        raise ValueError("an event is a JSON object")
    node = members[MEMBER]
    return node.start, node.end
