"""POST /v1/responses: its body into a Call.

As in `chat`: known fields are checked, unknown ones are allowed, and the strings of both are scanned. What a policy may
ask about is told in the words of chat, so that a rule holds for both.

The provider's account is that of all callers, so nothing may be kept there, and nothing that is may be named: a
conversation is sent whole, `store` is false (`Call.imposed`).
"""

from collections.abc import Callable, Mapping
from typing import Final

from extproc.findings import Channel
from extproc.messages import fields
from extproc.messages.call import Call, Switch, conversation_hash
from extproc.messages.documents import is_sealed
from extproc.messages.draft import (
    Draft,
    Handler,
    booleans,
    content_reader,
    if_given,
    integers,
    limit,
    numbers,
    opening,
    read_metadata,
    read_model,
    read_stream,
    read_user,
    temperature,
)
from extproc.messages.json_spans import Node
from extproc.messages.kept import Kept, stored
from extproc.messages.media import read_content, read_media
from extproc.messages.parts import read_part
from extproc.messages.refusal import Refused
from extproc.messages.responses_tools import read_more_tools, read_tool_choice, read_tools
from forebay.config.resolved import Caps
from forebay.outcomes import Reason

ROLES: Final[dict[str, Channel]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_REFERENCE: Final = "item_reference"
_NO_CONTENT: Final = frozenset({"created_by", "id", "role", "status", "type"})  # members of an item
# Items that the provider looks up by their id where these members do not say what they are.
_CONTENT: Final[Mapping[str, frozenset[str]]] = {
    "reasoning": frozenset({"content", "encrypted_content"}),
    "compaction": frozenset({"encrypted_content"}),
    "image_generation_call": frozenset({"result"}),
}
_GIVEN_BACK: Final = frozenset({"output", "outputs", "result", "results"})  # by a tool that the provider ran
_LOGPROBS: Final = "message.output_text.logprobs"  # of `include`

ItemMember = Callable[[Draft, Node, str, Channel], None]


def parse_responses(body: bytes, caps: Caps) -> Call:
    """The call that `body` makes. Raises Refused for whatever may not be forwarded: answer with its reason."""
    draft = Draft(body, caps)
    draft.include_usage = True  # a stream always states its usage
    draft.read(_HANDLERS, ("model", "input"), "user")
    fields.check_cap(len(draft.tools), "tools", caps.tools)
    if "store" not in draft.members:
        first = draft.root.start + 1
        draft.imposed.append(Switch(first, first, b'"store":false,'))
    draft.conversation = _conversation(draft)
    return draft.call("responses")


def _input(draft: Draft, node: Node) -> None:
    if isinstance(node.value, str):
        draft.texts.add(node, "input", "user", node.value)
        _count(draft, "user")
        return
    if fields.holds_numbers(node):
        raise Refused(Reason.TOKEN_IDS, {"path": "input"})
    if not isinstance(node.value, list):
        raise fields.wrong_type("input", "a string or an array of items")
    if not node.value:
        raise Refused(Reason.INVALID_VALUE, {"path": "input", "expected": "at least one item"})
    fields.check_cap(len(node.value), "input", draft.caps.messages)
    for index, item in enumerate(node.value):
        _item(draft, item, f"input[{index}]")


def _item(draft: Draft, node: Node, path: str) -> None:
    members = fields.members(node, path)
    type_ = _type(members, path)
    if type_ == _REFERENCE or _is_looked_up(type_, members):
        raise stored(path, "item")
    _check_file(node, path)
    if type_ == "message":
        _message(draft, members, path)
        return
    channel: Channel = "tool" if type_.endswith(("_output", "_tools")) else "assistant"
    if type_.endswith("_output"):
        _count(draft, "tool")
    elif type_.endswith("_call"):
        name = members.get("name")
        draft.called.append(type_.removesuffix("_call") if name is None else fields.string(name, path + ".name"))
    readers = _ITEMS.get(type_, {})
    for key, member in members.items():
        speaker: Channel = "tool" if key in _GIVEN_BACK else channel
        if key in readers and member.value is not None:
            readers[key](draft, member, f"{path}.{key}", speaker)
        else:
            draft.texts.add_member(key, member, path + ".", speaker)


def _type(members: dict[str, Node], path: str) -> str:
    """An item may leave it out: then it is a message, or else a reference."""
    node = members.get("type")
    if node is not None and node.value is not None:
        return fields.string(node, path + ".type")
    return _REFERENCE if "id" in members and "role" not in members else "message"


def _is_looked_up(type_: str, members: dict[str, Node]) -> bool:
    """Whether it says who it is, but not what: then the provider knows, or nobody."""
    content = _CONTENT.get(type_, members.keys() - _NO_CONTENT)
    return fields.given(members.get("id")) and not any(fields.given(members.get(name)) for name in content)


def _message(draft: Draft, members: dict[str, Node], path: str) -> None:
    role = fields.string(fields.required(members, "role", path + ".role"), path + ".role")
    channel = ROLES.get(role)
    if channel is None:
        raise Refused(Reason.UNKNOWN_ROLE, {"path": path + ".role", "expected": fields.one_of(ROLES)})
    _content(draft, fields.required(members, "content", path + ".content"), path + ".content", channel)
    for name, member in members.items():
        if name not in {"role", "content"}:
            draft.texts.add_member(name, member, path + ".", channel)
    _count(draft, role)


def _count(draft: Draft, role: str) -> None:
    draft.messages += 1
    draft.roles[role] = draft.roles.get(role, 0) + 1


def _part(draft: Draft, node: Node, path: str, channel: Channel, run: list[int]) -> None:
    _check_file(node, path)
    read_part(draft, node, path, channel, run)


_content = content_reader("parts", _part)


def _check_file(node: Node, path: str) -> None:
    if fields.given(fields.members(node, path).get("file_id")):
        raise stored(path + ".file_id", "file")


def _text(draft: Draft, node: Node, path: str, channel: Channel) -> None:
    draft.texts.add(node, path, channel, fields.string(node, path))


def _arguments(draft: Draft, node: Node, path: str, channel: Channel) -> None:
    draft.texts.add_json(node, path, channel, fields.string(node, path))


def _sealed(draft: Draft, node: Node, path: str, channel: Channel) -> None:
    """What the provider has encrypted. What could be anybody's words is scanned, and cannot be redacted."""
    value = fields.string(node, path)
    if not is_sealed(value):
        draft.texts.add_signed(node, path, channel, value)


def _image(draft: Draft, node: Node, path: str, channel: Channel) -> None:
    draft.images += 1
    read_content(draft, "result", node, path.removesuffix("result"), channel, bare=True)


def _screenshot(draft: Draft, node: Node, path: str, channel: Channel) -> None:
    _check_file(node, path)
    draft.images += 1
    read_media(draft, node, path + ".", channel)


def _instructions(draft: Draft, node: Node) -> None:
    _text(draft, node, "instructions", "system")
    _count(draft, "system")  # as chat counts it


def _format(draft: Draft, node: Node) -> None:
    wanted = fields.members(node, "text").get("format")
    if wanted is not None and wanted.value is not None:
        type_ = fields.required(fields.members(wanted, "text.format"), "type", "text.format.type")
        draft.response_format = fields.string(type_, "text.format.type")
    draft.texts.add_all(node, "text", "tool")


def _safety_identifier(draft: Draft, node: Node) -> None:
    """The caller's own name for its user, as `user` was."""
    name = fields.string(node, "safety_identifier")
    draft.user = draft.user or name
    draft.texts.add(node, "safety_identifier", "user", name)


def _include(draft: Draft, node: Node) -> None:
    wanted = [fields.string(each, f"include[{index}]") for index, each in enumerate(fields.elements(node, "include"))]
    draft.logprobs |= _LOGPROBS in wanted
    draft.texts.add_all(node, "include", "user")


def _top_logprobs(draft: Draft, node: Node) -> None:
    draft.logprobs |= bool(fields.integer(node, "top_logprobs", 0, 20))
    draft.texts.add_number(node, "top_logprobs", "user")


def _store(draft: Draft, node: Node) -> None:
    wanted = fields.boolean(node, "store")
    if wanted:
        raise stored("store", "answer")
    if wanted is None:
        draft.imposed.append(Switch(node.start, node.end, b"false"))


def _background(draft: Draft, node: Node) -> None:
    if fields.boolean(node, "background"):
        raise stored("background", "background")


def _cache_options(draft: Draft, node: Node) -> None:
    if fields.given(fields.members(node, "prompt_cache_options").get("comparison_response_id")):
        raise stored("prompt_cache_options.comparison_response_id", "comparison")
    draft.texts.add_all(node, "prompt_cache_options", "user")


def _refuse(name: str, kept: Kept) -> Handler:
    def refuse(draft: Draft, node: Node) -> None:
        raise stored(name, kept)

    return if_given(refuse)


def _conversation(draft: Draft) -> bytes:
    """By the first message of the system, wherever it stands, and the first one of a user."""
    first: dict[Channel, Node] = {}
    instructions, given = draft.members.get("instructions"), draft.members["input"]
    if instructions is not None and instructions.value is not None:
        first["system"] = instructions
    if isinstance(given.value, str):
        first["user"] = given
    for item in given.value if isinstance(given.value, list) else ():
        members = fields.members(item, "")
        if _type(members, "") == "message":
            first.setdefault(ROLES[fields.string(members["role"], "")], members["content"])
    channels: tuple[Channel, ...] = ("system", "user")
    return conversation_hash(*[opening(draft, first[each]) if each in first else b"" for each in channels])


# Members of items that are not simply scanned. null is as good as absent.
_ITEMS: Final[Mapping[str, Mapping[str, ItemMember]]] = {
    "function_call": {"name": _text, "arguments": _arguments},
    "mcp_call": {"name": _text, "arguments": _arguments},
    "mcp_approval_request": {"name": _text, "arguments": _arguments},
    "custom_tool_call": {"name": _text, "input": _text},
    "function_call_output": {"output": _content},
    "custom_tool_call_output": {"output": _content},
    "computer_call_output": {"output": _screenshot},
    "reasoning": {"summary": _content, "content": _content, "encrypted_content": _sealed},
    "compaction": {"encrypted_content": _sealed},
    "program": {"fingerprint": _sealed},
    "image_generation_call": {"result": _image},
    "additional_tools": {"tools": read_more_tools},
    "tool_search_output": {"tools": read_more_tools},
}

_HANDLERS: Final[dict[str, Handler]] = {
    "model": read_model,
    "input": _input,
    "instructions": if_given(_instructions),
    "stream": read_stream,
    "tools": if_given(read_tools),
    "tool_choice": if_given(read_tool_choice),
    "text": if_given(_format),
    "include": if_given(_include),
    "max_output_tokens": limit("max_output_tokens", "max_tokens"),
    "temperature": temperature(2),
    "top_logprobs": _top_logprobs,
    "metadata": read_metadata,
    "user": read_user,
    "safety_identifier": if_given(_safety_identifier),
    "store": _store,
    "background": _background,
    "prompt_cache_options": if_given(_cache_options),
    "conversation": _refuse("conversation", "conversation"),
    "previous_response_id": _refuse("previous_response_id", "conversation"),
    "prompt": _refuse("prompt", "prompt"),
    **numbers({"top_p": (0, 1)}),
    **integers({"max_tool_calls": (0, fields.MAX_INTEGER)}),
    **booleans("parallel_tool_calls"),
}
