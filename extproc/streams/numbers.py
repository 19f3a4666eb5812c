"""The number that an event has in its stream, exchanged; every other byte left as it is."""

import re
from typing import Final

from extproc.messages.edit import Edit, apply
from extproc.messages.json_spans import MAX_DEPTH, parse

MEMBER: Final = "sequence_number"
_NUMBER = re.compile(rb'"sequence_number"[ \t\r\n]*:[ \t\r\n]*([0-9]+)')


def renumbered(data: bytes, number: int) -> bytes:
    """`data`, the JSON object of an event that has a number, with this one in its place."""
    found = list(_NUMBER.finditer(data))
    start, end = found[0].span(1) if len(found) == 1 else _place(data)
    return apply(data, [Edit(start, end, b"%d" % number)])


def _place(data: bytes) -> tuple[int, int]:
    """Where it stands, when the member is spelled with escapes or something inside has one of that name."""
    members = parse(data, MAX_DEPTH).value
    if not isinstance(members, dict):
        raise ValueError("an event is a JSON object")
    node = members[MEMBER]
    return node.start, node.end
