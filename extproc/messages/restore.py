"""Placeholders in a whole JSON answer back into the values they stand for."""

from collections.abc import Iterator, Mapping
from typing import Final

import orjson

from extproc.findings import Text
from extproc.messages.edit import Edit, apply, edits_for
from extproc.messages.json_spans import MAX_DEPTH, Node, parse
from extproc.messages.refusal import Refused
from extproc.streams.restoring import Restoring, replacements
from extproc.streams.rewriting import ExhaustedError
from forebay.outcomes import Reason

MAX_VALUES: Final = 200_000  # of an answer: those with `logprobs` hold many; how many are restored, `restoring` bounds
MAX_RESTORED: Final = 8 << 20  # bytes: what is held back is at most 7 MiB, and values may be longer than placeholders


def restore(body: bytes, values: Mapping[str, str], links: bool = False) -> tuple[bytes, int]:
    """`body` with every placeholder that is a key of `values` replaced, and how many were.

    Replaced in every string value, by the rules of `streams.restoring`, so that a streamed answer says the same: in
    strings of JSON inside a string (tool-call arguments, structured output) escaped as they stand, never in keys, and
    where the text points to only if `links` allows it. What a value brings in is not looked at again. All other bytes
    stay. Linear in the body and what is put into it. Raises Refused(ANSWER_UNREADABLE) for a body that is not JSON, is
    JSON that could be read in two ways, or exceeds a bound; then the caller must not get it.
    """
    exchange = Restoring(values, links)
    try:
        if b"[" not in body and b"\\" not in body:
            orjson.loads(body)
            return body, 0
        edits = _edits(body, exchange)
    except (Refused, ExhaustedError, ValueError):  # ValueError: bad UTF-8, or orjson's own
        raise Refused(Reason.ANSWER_UNREADABLE) from None
    return apply(body, edits), len(edits)


def _edits(body: bytes, exchange: Restoring) -> list[Edit]:
    edits: list[Edit] = []
    left = MAX_RESTORED - len(body)
    for node in _strings(parse(body, MAX_DEPTH, MAX_VALUES)):
        value = node.value
        if not isinstance(value, str) or ("[" not in value and "\\" not in value):
            continue
        found = replacements(value, exchange)
        if found:
            made = edits_for(Text("answer", "assistant", value, node.start, node.end), body, found)
            left -= sum(len(edit.replacement) - (edit.end - edit.start) for edit in made)
            if left < 0:
                raise Refused(Reason.ANSWER_UNREADABLE)
            edits += made
    return edits


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
