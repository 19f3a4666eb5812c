"""A whole JSON answer, guarded and restored: the texts in it one by one, by the rules of streamed ones."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import Final

import orjson

from extproc.detectors.leakage import NOTHING, Prints
from extproc.findings import AnswerFinding, Text
from extproc.messages.documents import is_sealed
from extproc.messages.edit import Edit, apply, edits_for
from extproc.messages.json_spans import MAX_DEPTH, Node, parse
from extproc.messages.refusal import Refused
from extproc.messages.responses_answer import filtered
from extproc.messages.restore import MAX_VALUES, Layout, layout, restore
from extproc.streams.beside import number_in
from extproc.streams.dialect import Path
from extproc.streams.guarding import Guarding, answer_guard
from extproc.streams.identifiers import harmless, is_identifier, is_large, is_name
from extproc.streams.rewriting import BlockedError
from forebay.config.resolved import Guards
from forebay.frozen import frozen
from forebay.outcomes import Reason

_HEAD: Final = ("id", "object", "created", "model", "service_tier", "system_fingerprint", "usage")


@frozen
class Finished:
    """What the caller gets. `blocked`: in place of what the provider said, an answer that ends as a filtered one."""

    body: bytes = field(repr=False)
    restored: int
    findings: tuple[AnswerFinding, ...] = ()
    blocked: bool = False


def finish(
    body: bytes,
    values: Mapping[str, str],
    guards: Guards | None,
    prints: Prints = NOTHING,
    operation: str = "chat",
) -> Finished:
    """`body`, an answer of `operation`, guarded, if `guards` are given (`prints`: of the call's prompt), and then with
    its values back.

    Raises Refused(ANSWER_UNREADABLE) for a body that is not JSON, is JSON that could be read in two ways, says its text
    a second time in `logprobs` although it may change, or exceeds a bound; then the caller must not get it.
    """
    if guards is None:
        return Finished(*restore(body, values, operation=operation))
    guarding = answer_guard(guards, prints)
    try:
        body = _guarded(body, guarding, guards.output.changes, operation)
    except BlockedError:
        answer = orjson.loads(body)
        blocked = _FILTERED[operation](answer if isinstance(answer, dict) else {})
        return Finished(blocked, 0, guarding.findings, True)
    except (Refused, ValueError):
        raise Refused(Reason.ANSWER_UNREADABLE) from None
    body, restored = restore(body, values, operation=operation) if values else (body, 0)
    return Finished(body, restored, guarding.findings)


def _guarded(body: bytes, guarding: Guarding, changes: bool, operation: str) -> bytes:
    edits: list[Edit] = []
    root = parse(body, MAX_DEPTH, MAX_VALUES)
    if not isinstance(root.value, dict) and not _members(root):  # a list is an error, as some providers write them
        raise ValueError("an answer is a JSON object")
    if changes and isinstance(root.value, dict) and _SAYS_AGAIN.get(operation, _nowhere)(root.value):
        raise ValueError("text that may change is said again")
    where = layout(operation, root)
    for path, node, sealed in _texts(root, where):
        text = node.value if isinstance(node.value, str) else body[node.start : node.end].decode()
        if is_identifier(path, text) or (sealed and is_sealed(text)):
            continue
        new = guarding.whole(text)
        if new != text:
            if sealed:
                raise BlockedError
            edits += _edits(node, body, text, new)
    edits += _beside(root, where, body, guarding)
    return apply(body, edits) if edits else body


def _beside(root: Node, where: Layout, body: bytes, guarding: Guarding) -> Iterator[Edit]:
    """What is said in keys and numbers, as in a stream (`streams.beside`). Raises BlockedError."""
    waiting: list[tuple[str, Node, bool, bool]] = [("", root, False, True)]
    while waiting:
        name, node, sealed, ordinary = waiting.pop()
        if node.start in where.echoed:
            continue
        sealed = sealed or node.start in where.sealed
        large = is_large(node.value)
        if large or not ordinary:
            number = body[node.start : node.end].decode() if large else "null"
            text = f"{{{orjson.dumps(name).decode()}:{number}}}"
            new = guarding.whole(text)
            if new != text and sealed:
                raise BlockedError
            if new != text:
                yield Edit(node.start, node.end, number_in(text, new).encode())
        if node.start in where.texts:
            continue
        if isinstance(node.value, dict):
            waiting += [(key, child, sealed, is_name(key)) for key, child in node.value.items()]
        elif isinstance(node.value, list):
            waiting += [(name, child, sealed, True) for child in node.value]


def _edits(node: Node, body: bytes, text: str, new: str) -> list[Edit]:
    """A text exchanged: a string, or JSON that is one text."""
    if not isinstance(node.value, str):
        return [Edit(node.start, node.end, new.encode())]
    return edits_for(Text("answer", "assistant", text, node.start, node.end), body, [(0, len(text), new)])


def _texts(root: Node, where: Layout) -> Iterator[tuple[Path, Node, bool]]:
    """What the model said: every string that is not empty, and what counts as one text, in the order of the body.

    And whether it is sealed.
    """
    waiting: list[tuple[Path, Node, bool]] = [((), root, False)]
    while waiting:
        path, node, sealed = waiting.pop()
        if node.start in where.echoed:
            continue
        sealed = sealed or node.start in where.sealed
        if isinstance(node.value, str) or node.start in where.texts:
            if node.value:
                yield path, node, sealed
        elif isinstance(node.value, dict):
            waiting += reversed([((*path, key), child, sealed) for key, child in node.value.items()])
        elif isinstance(node.value, list):
            waiting += reversed([((*path, place), child, sealed) for place, child in enumerate(node.value)])


def _choices_say_again(answer: Mapping[str, Node]) -> bool:
    """Whether a choice has log probabilities with text in them."""
    listed = [choice["logprobs"].value for choice in _members(answer.get("choices")) if "logprobs" in choice]
    return any(each.value for logprobs in listed if isinstance(logprobs, dict) for each in logprobs.values())


def _parts_say_again(answer: Mapping[str, Node]) -> bool:
    """Whether a part of an item has them."""
    parts = [part for item in _members(answer.get("output")) for part in _members(item.get("content"))]
    return any(part["logprobs"].value for part in parts if "logprobs" in part)


def _nowhere(answer: Mapping[str, Node]) -> bool:
    """There is no such thing in other APIs."""
    return False


def _members(listed: Node | None) -> list[dict[str, Node]]:
    """Those of each object in a list."""
    elements = listed.value if listed is not None and isinstance(listed.value, list) else []
    return [element.value for element in elements if isinstance(element.value, dict)]


def _filtered_chat(answer: dict[str, object]) -> bytes:
    """An answer as a provider gives it that has filtered its own: every choice empty, what it cost told."""
    choices = answer.get("choices")
    given = choices if isinstance(choices, list) and choices else [{}]
    return orjson.dumps(
        {
            **{name: harmless(answer[name], (name,)) for name in _HEAD if name in answer},
            "choices": [
                {
                    "index": _index(choice, place),
                    "message": {"role": "assistant", "content": "", "refusal": None},
                    "logprobs": None,
                    "finish_reason": "content_filter",
                }
                for place, choice in enumerate(given)
            ],
        }
    )


def _index(choice: object, place: int) -> object:
    said = choice.get("index") if isinstance(choice, dict) else None
    return said if isinstance(said, int) and not is_large(said) else place


def _filtered_message(answer: dict[str, object]) -> bytes:
    """The same for Messages: no blocks, and `refusal` for a reason."""
    told = {name: harmless(answer[name], (name,)) for name in ("id", "model", "usage") if name in answer}
    ending = {"stop_reason": "refusal", "stop_sequence": None}
    return orjson.dumps({"type": "message", "role": "assistant", **told, "content": [], **ending})


_FILTERED: Final[Mapping[str, Callable[[dict[str, object]], bytes]]] = {
    "chat": _filtered_chat,
    "messages": _filtered_message,
    "responses": lambda answer: orjson.dumps(filtered(answer)),
}
_SAYS_AGAIN: Final[Mapping[str, Callable[[Mapping[str, Node]], bool]]] = {
    "chat": _choices_say_again,
    "responses": _parts_say_again,
}
