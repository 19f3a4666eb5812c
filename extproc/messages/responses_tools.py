"""Tools of a call to /v1/responses: which may be offered at all, and what they are called.

Some are run by the caller, some by the provider within the call, some keep things in the provider's account, which is
that of all callers: these are refused, and so is what nobody knows, because it might.
"""

import re
from collections.abc import Mapping
from typing import Final

from extproc.findings import Channel
from extproc.messages import fields
from extproc.messages.call import Tool
from extproc.messages.draft import Draft
from extproc.messages.json_spans import Node
from extproc.messages.kept import Kept, stored
from extproc.messages.refusal import Refused
from forebay.outcomes import Reason

NAMED: Final = frozenset({"custom", "function", "namespace"})  # the others are called what they are
TOOLS: Final = NAMED | {
    "apply_patch", "computer", "computer_use_preview", "image_generation", "local_shell", "mcp",
    "programmatic_tool_calling", "shell", "tool_search", "web_search", "web_search_preview",
}  # fmt: skip
KEEPING: Final = frozenset({"code_interpreter", "file_search"})  # containers and files; vector stores
# Where a tool would name something in the account, and what.
_ACCOUNT: Final[Mapping[str, tuple[Kept, tuple[str, ...]]]] = {
    "mcp": ("tunnel", ("tunnel_id",)),
    "image_generation": ("mask", ("input_image_mask", "file_id")),
}
_DATE: Final = re.compile(r"_[0-9]{4}_[0-9]{2}_[0-9]{2}\Z")  # web_search_2025_08_26


def read_tools(draft: Draft, node: Node) -> None:
    """The call's `tools`."""
    read_more_tools(draft, node, "tools", "tool")


def read_more_tools(draft: Draft, node: Node, path: str, channel: Channel) -> None:
    """A list of tools, wherever it stands. Policies know them all by name."""
    _read_list(draft, node, path)
    draft.texts.add_all(node, path, channel)


def read_tool_choice(draft: Draft, node: Node) -> None:
    """A mode, or the tool that must be called."""
    if isinstance(node.value, str):
        draft.tool_choice = node.value
    else:
        members = fields.members(node, "tool_choice")
        draft.tool_choice = _string(members, "type", "tool_choice")
        type_ = _undated(draft.tool_choice)
        if type_ in TOOLS:
            draft.forced_tool = _string(members, "name", "tool_choice") if type_ in NAMED else type_
    draft.texts.add_all(node, "tool_choice", "user")


def _read_list(draft: Draft, node: Node, path: str) -> None:
    listed = fields.elements(node, path)
    fields.check_cap(len(listed), path, draft.caps.tools)
    for index, element in enumerate(listed):
        place = f"{path}[{index}]"
        members = fields.members(element, place)
        type_ = _undated(_string(members, "type", place))
        _check(type_, members, place)
        name = _string(members, "name", place) if type_ in NAMED else type_
        draft.tools.append(Tool(name, path, element.start, element.end))
        if type_ == "namespace":
            inner = place + ".tools"
            _read_list(draft, fields.required(members, "tools", inner), inner)


def _check(type_: str, members: dict[str, Node], path: str) -> None:
    if type_ in KEEPING:
        raise stored(path, "tool")
    if type_ not in TOOLS:
        raise Refused(Reason.INVALID_VALUE, {"path": path + ".type", "expected": fields.one_of(TOOLS)})
    if type_ in _ACCOUNT:
        kept, place = _ACCOUNT[type_]
        if fields.given(_deep(members, *place)):
            raise stored(".".join((path, *place)), kept)
    if type_ == "shell" and fields.given(members.get("environment")):
        where = _deep(members, "environment", "type")
        if where is None or where.value != "local":  # a container of the provider's
            raise stored(path + ".environment", "shell")


def _deep(members: dict[str, Node], first: str, *rest: str) -> Node | None:
    node = members.get(first)
    if node is None or not rest:
        return node
    return _deep(node.value, *rest) if isinstance(node.value, dict) else None


def _undated(type_: str) -> str:
    return _DATE.sub("", type_)


def _string(members: dict[str, Node], name: str, path: str) -> str:
    place = f"{path}.{name}"
    return fields.string(fields.required(members, name, place), place)
