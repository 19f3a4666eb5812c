"""Placeholders in a whole JSON answer back into the values they stand for."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import orjson

from extproc.findings import Text
from extproc.messages.edit import Edit, apply, edits_for
from extproc.messages.json_spans import MAX_DEPTH, Node, parse
from extproc.messages.places import utf8_places
from extproc.messages.refusal import Refused
from extproc.messages.responses_answer import ECHOED, must_stay
from extproc.streams.restoring import Restoring, replacements
from extproc.streams.rewriting import ExhaustedError
from forebay.frozen import frozen
from forebay.outcomes import Reason

MAX_VALUES: Final = 200_000  # of an answer: those with `logprobs` hold many; how many are restored, `restoring` bounds
MAX_RESTORED: Final = 8 << 20  # bytes: what is held back is at most 7 MiB, and values may be longer than placeholders


SEALED: Final = ("thinking", "redacted_thinking", "compaction")  # blocks of messages


@frozen
class Layout:
    """Where in an answer the usual rule does not hold, by where values begin.

    In `sealed` nothing may change; each of `texts` is JSON that is one text; `echoed` is what the caller said itself.
    """

    sealed: frozenset[int] = frozenset()
    texts: frozenset[int] = frozenset()
    echoed: frozenset[int] = frozenset()


def restore(body: bytes, values: Mapping[str, str], links: bool = False, operation: str = "chat") -> tuple[bytes, int]:
    """`body`, an answer of `operation`, with every placeholder that is a key of `values` replaced, and how many were.

    Replaced in every string value, by the rules of `streams.restoring`, so that a streamed answer says the same: in
    strings of JSON inside a string (tool-call arguments, structured output) escaped as they stand, never in keys, and
    where the text points to only if `links` allows it. In an answer of `messages` a tool's input is one JSON text, as a
    stream brings it. What is signed or encrypted stays (`layout`). What a value brings in is not looked at again. All
    other bytes stay. Linear in the body and what is put into it. Raises Refused(ANSWER_UNREADABLE) for a body that is
    not JSON, is JSON that could be read in two ways, or exceeds a bound; then the caller must not get it.
    """
    exchange = Restoring(values, links)
    try:
        if b"[" not in body and b"\\" not in body:
            orjson.loads(body)
            return body, 0
        edits = _edits(body, exchange, operation)
    except (Refused, ExhaustedError, ValueError):  # ValueError: bad UTF-8, or orjson's own
        raise Refused(Reason.ANSWER_UNREADABLE) from None
    return apply(body, edits), len(edits)


def _edits(body: bytes, exchange: Restoring, operation: str) -> list[Edit]:
    edits: list[Edit] = []
    left = MAX_RESTORED - len(body)
    root = parse(body, MAX_DEPTH, MAX_VALUES)
    for node in _texts(root, layout(operation, root)):
        made = _edits_in(node, body, exchange)
        left -= sum(len(edit.replacement) - (edit.end - edit.start) for edit in made)
        if left < 0:
            raise Refused(Reason.ANSWER_UNREADABLE)
        edits += made
    return edits


def _edits_in(node: Node, body: bytes, exchange: Restoring) -> list[Edit]:
    """What is restored in a string, or in JSON that is one text."""
    if isinstance(node.value, str):
        if "[" not in node.value and "\\" not in node.value:
            return []
        found = replacements(node.value, exchange)
        return edits_for(Text("answer", "assistant", node.value, node.start, node.end), body, found) if found else []
    raw = body[node.start : node.end]
    found = replacements(raw.decode(), exchange)
    places = utf8_places(raw, [place for start, end, _ in found for place in (start, end)])
    return [
        Edit(node.start + start, node.start + end, new.encode())
        for start, end, (_, _, new) in zip(places[::2], places[1::2], found, strict=True)
    ]


def _texts(root: Node, where: Layout) -> Iterator[Node]:
    """Every string value, and what counts as one text, in the order of the body."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.start in where.sealed:
            continue
        if isinstance(node.value, str) or node.start in where.texts:
            yield node
        elif isinstance(node.value, dict):
            waiting += reversed(node.value.values())
        elif isinstance(node.value, list):
            waiting += reversed(node.value)


def layout(operation: str, root: Node) -> Layout:
    """That of an answer of `operation`."""
    special = _LAYOUTS.get(operation)
    return special(root) if special else Layout()


def _chat(root: Node) -> Layout:
    """Arguments of tools that stand as objects where the API has strings of JSON."""
    texts = set()
    for choice in _objects(_members(root).get("choices")):
        message = _members(choice.get("message"))
        calls = [call.get(kind) for call in _objects(message.get("tool_calls")) for kind in ("function", "custom")]
        for call in (*calls, message.get("function_call")):
            told = [_members(call).get(name) for name in ("arguments", "input")]
            texts |= {each.start for each in told if each is not None and isinstance(each.value, dict)}
    return Layout(texts=frozenset(texts))


def _members(node: Node | None) -> dict[str, Node]:
    return node.value if node is not None and isinstance(node.value, dict) else {}


def _objects(node: Node | None) -> list[dict[str, Node]]:
    listed = node.value if node is not None and isinstance(node.value, list) else []
    return [each.value for each in listed if isinstance(each.value, dict)]


def _messages(root: Node) -> Layout:
    """The blocks of a message."""
    content = root.value.get("content") if isinstance(root.value, dict) else None
    sealed, texts = set(), set()
    for block in content.value if content is not None and isinstance(content.value, list) else ():
        members = block.value if isinstance(block.value, dict) else {}
        if "type" in members and members["type"].value in SEALED:
            sealed.add(block.start)
        elif "input" in members and isinstance(members["input"].value, dict):
            texts.add(members["input"].start)
    return Layout(frozenset(sealed), frozenset(texts))


def _responses(root: Node) -> Layout:
    """What of the items must come back as it went, or is a picture; and what the caller was asked."""
    members = root.value if isinstance(root.value, dict) else {}
    output = members["output"].value if "output" in members else None
    sealed = set()
    for item in output if isinstance(output, list) else ():
        for name, node in item.value.items() if isinstance(item.value, dict) else ():
            if isinstance(node.value, str) and must_stay(name, node.value):
                sealed.add(node.start)
    echoed = frozenset(node.start for name, node in members.items() if name in ECHOED)
    return Layout(sealed=frozenset(sealed), echoed=echoed)


_LAYOUTS: Final[Mapping[str, Callable[[Node], Layout]]] = {
    "chat": _chat,
    "messages": _messages,
    "responses": _responses,
}
