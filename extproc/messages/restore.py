"""Placeholders in a whole JSON answer back into the values they stand for."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import orjson

from extproc.findings import Text
from extproc.messages.edit import Edit, Replacement, apply, edits_for
from extproc.messages.json_spans import MAX_DEPTH, Node, parse
from extproc.messages.refusal import Refused
from extproc.messages.texts import Texts
from forebay.outcomes import Reason

MAX_VALUES: Final = 200_000  # of an answer: those with `logprobs` hold many
MAX_REPLACEMENTS: Final = 50_000
MAX_RESTORED: Final = 8 << 20  # bytes: what is held back is at most 7 MiB, and values may be longer than placeholders

_SHAPE: Final = r"\[[A-Za-z0-9_]+\]"

_Find = Callable[[str], "list[Replacement]"]


def restore(body: bytes, values: Mapping[str, str]) -> tuple[bytes, int]:
    """`body` with every placeholder that is a key of `values` replaced, and how many were.

    Replaced in every string value, also in strings of JSON inside a string (tool-call arguments, structured output),
    escaped as deep as they stand; never in keys. One pass: what a value brings in is not looked at again. All other
    bytes stay. Linear in the body and what is put into it. Raises Refused(ANSWER_UNREADABLE) for a body that is not
    JSON, is JSON that could be read in two ways, or exceeds a bound above; then the caller must not get it.
    """
    try:
        find = _finder(values)
        if b"\\" not in body and not find(body.decode()):  # an escape could spell a placeholder
            orjson.loads(body)
            return body, 0
        edits = _edits(body, find)
    except (Refused, ValueError):  # ValueError: bad UTF-8, or orjson's own
        raise Refused(Reason.ANSWER_UNREADABLE) from None
    return apply(body, edits), len(edits)


def _edits(body: bytes, find: _Find) -> list[Edit]:
    texts = Texts(body, MAX_DEPTH)
    edits: list[Edit] = []
    left = MAX_RESTORED - len(body)
    for node in _strings(parse(body, MAX_DEPTH, MAX_VALUES)):
        value = node.value
        if not isinstance(value, str) or not find(value):
            continue
        texts.found.clear()
        if value.lstrip(" \t\n\r").startswith(("{", "[")):
            texts.add_json(node, "answer", "assistant", value)
        else:
            texts.add(node, "answer", "assistant", value)
        for text in texts.found:
            if text.form == "string":
                made = _replace(text, body, find, MAX_REPLACEMENTS - len(edits), left)
                left -= sum(len(edit.replacement) - (edit.end - edit.start) for edit in made)
                edits += made
    if left < 0:
        raise Refused(Reason.ANSWER_UNREADABLE)
    return edits


def _replace(text: Text, body: bytes, find: _Find, most: int, room: int) -> list[Edit]:
    """Raises Refused before it makes more edits than `most`, or edits that surely have no `room`."""
    found = find(text.value)
    if len(found) > most or sum(len(new) for _, _, new in found) > room + text.end - text.start:
        raise Refused(Reason.ANSWER_UNREADABLE)
    return edits_for(text, body, found) if found else []


def _strings(node: Node) -> Iterator[Node]:
    """Every string value, in the order of the body."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node.value, str):
            yield node
        elif isinstance(node.value, dict):
            waiting += reversed(node.value.values())
        elif isinstance(node.value, list):
            waiting += reversed(node.value)


def _finder(values: Mapping[str, str]) -> _Find:
    """Where the keys of `values` stand in a text. Keys in brackets cost one look-up each, however many there are."""
    odd = sorted((key for key in values if key and not re.fullmatch(_SHAPE, key)), key=len, reverse=True)
    pattern = re.compile("|".join([*map(re.escape, odd), _SHAPE]))

    def find(text: str) -> list[Replacement]:
        return [
            (match.start(), match.end(), values[match[0]]) for match in pattern.finditer(text) if match[0] in values
        ]

    return find
