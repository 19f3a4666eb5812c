"""What in a request names something that is kept at the provider, in the account that all callers share.

Such names are told by the key they stand under, wherever it stands: an API gets new places for them faster than a list
of places could follow. Left out is what callers say of themselves and of their own tools, where any key may stand.
"""

import re
from typing import Final

from extproc.messages import fields
from extproc.messages.json_spans import Node
from extproc.messages.kept import Kept, stored
from extproc.messages.refusal import Refused
from extproc.messages.texts import KNOWN_KEYS
from forebay.frozen import frozen

_THINGS: Final = "file|container|vector_store|skill|tunnel|conversation|response|upload"
_NAME: Final = re.compile(rf"(?:.*_)?((?:{_THINGS})_ids?|cached_content)", re.DOTALL)
# What a body holds that holds such a name: a sign by itself, looked for first because that is what takes no time, and
# ends of keys with it; behind a backslash a letter of a key may be spelled otherwise.
_SIGNS: Final = (
    (b"_", (b'_id"', b'_ids"', b'cached_content"')),
    (b"\\", (rb"\u",)),
    (b'"', (b'"id"', b'"container"')),
)
# Schemas and inputs of the caller's tools, and what it notes for itself.
_FREE: Final = frozenset({"arguments", "input_schema", "metadata", "parameters", "schema"})
_OBJECTS: Final = frozenset({"audio", "container", "conversation", "prompt", "skill", "vector_store", "voice"})  # by id
_CONTAINER: Final = "container"  # its id, where it is a string
_INPUT: Final = "input"  # of a tool, where it is an object
_PUBLIC: Final = "anthropic"  # type of skills that are everybody's
_NAMED: Final = (
    KNOWN_KEYS
    | _OBJECTS
    | {"document", "environment", "file", "input", "messages", "outputs", "result", "results", "skills", "tools"}
)

_ADVISED: Final[dict[str, Kept]] = {
    "audio": "audio",
    "container": "container",
    "conversation": "conversation",
    "conversation_id": "conversation",
    "prompt": "prompt",
    "response_id": "conversation",
    "skill_id": "skill",
    "tunnel_id": "tunnel",
}  # all others: leave it out


@frozen
class _Step:
    """To a member or an element, and the one before it: nobody wants to know of most of them."""

    before: "_Step | None"  # None: from the root
    name: str | int


def check_named(body: bytes, root: Node) -> None:
    """Raises Refused(STORED_STATE) for a `body`, parsed as `root`, that names something kept at the provider."""
    if not _may_hold_one(body):
        return
    waiting: list[tuple[Node, _Step | None]] = [(root, None)]
    while waiting:
        node, step = waiting.pop()
        if isinstance(node.value, list):
            waiting += [(child, _Step(step, place)) for place, child in enumerate(node.value)]
        elif isinstance(node.value, dict):
            waiting += _members(node.value, step)


def _may_hold_one(body: bytes) -> bool:
    for sign, ends in _SIGNS:
        if sign in body:
            for end in ends:
                if end in body:
                    return True
    return False


def _members(members: dict[str, Node], before: _Step | None) -> list[tuple[Node, _Step | None]]:
    """Those in which more may stand."""
    within: list[tuple[Node, _Step | None]] = []
    for key, child in members.items():
        if _names(key, child) and not _is_public(key, members):
            raise _stored(before, key)
        if key not in _FREE and not (key == _INPUT and isinstance(child.value, dict)):
            within.append((child, _Step(before, key)))
    return within


def _names(key: str, node: Node) -> bool:
    if key in _OBJECTS:
        told = node.value.get("id") if isinstance(node.value, dict) else None
        return fields.given(told) or (key == _CONTAINER and isinstance(node.value, str) and node.value != "")
    return _NAME.fullmatch(key) is not None and fields.given(node)


def _is_public(key: str, members: dict[str, Node]) -> bool:
    return key == "skill_id" and "type" in members and members["type"].value == _PUBLIC


def _stored(step: _Step | None, key: str) -> Refused:
    found = _NAME.fullmatch(key)
    path = named = found[1] if found else key
    while step is not None:
        name = f"[{step.name}]" if isinstance(step.name, int) else step.name if step.name in _NAMED else "*"
        step = step.before
        path = name + (path if path.startswith("[") else "." + path)
    return stored(path, _ADVISED.get(named.removesuffix("s"), "named"))
