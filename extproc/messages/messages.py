"""POST /v1/messages: its body into a Call.

As in `chat`: known fields are checked, unknown ones are allowed, and the strings of both are scanned. What a policy may
ask about is told in the words of chat, so that a rule holds for both.

Thinking and compacted turns are signed by the provider: changed by a single byte they would be refused. So they are
scanned, and what is found in them cannot be redacted (`Texts.add_signed`).
"""

from collections.abc import Callable
from typing import Final

from extproc.findings import Channel
from extproc.messages import fields
from extproc.messages.call import Call, Tool, conversation_hash
from extproc.messages.documents import is_sealed
from extproc.messages.draft import (
    Draft,
    Handler,
    content_reader,
    if_given,
    integers,
    limit,
    numbers,
    opening,
    read_model,
    read_stream,
    temperature,
)
from extproc.messages.json_spans import Node
from extproc.messages.kept import stored
from extproc.messages.media import read_media
from extproc.messages.refusal import Refused
from forebay.config.resolved import Caps
from forebay.outcomes import Reason

ROLES: Final[dict[str, Channel]] = {"user": "user", "assistant": "assistant", "system": "system"}
CHOICES: Final = {"auto": "auto", "any": "required", "tool": "function", "none": "none"}  # as chat calls them

Block = Callable[[Draft, dict[str, Node], Node, str, Channel, list[int]], None]


def parse_messages(body: bytes, caps: Caps) -> Call:
    """The call that `body` makes. Raises Refused for whatever may not be forwarded: answer with its reason."""
    draft = Draft(body, caps)
    draft.include_usage = True  # a stream always states its usage
    draft.read(_HANDLERS, ("model", "messages", "max_tokens"), "user")
    if draft.limits.get("max_tokens") is None:
        raise fields.wrong_type("max_tokens", "an integer")
    draft.conversation = _conversation(draft)
    return draft.call("messages")


def _messages(draft: Draft, node: Node) -> None:
    listed = fields.elements(node, "messages")
    if not listed:
        raise Refused(Reason.EMPTY_MESSAGES)
    fields.check_cap(len(listed), "messages", draft.caps.messages)
    draft.messages += len(listed)
    for index, message in enumerate(listed):
        role = _message(draft, message, f"messages[{index}]")
        draft.roles[role] = draft.roles.get(role, 0) + 1


def _message(draft: Draft, node: Node, path: str) -> str:
    members = fields.members(node, path)
    role = fields.string(fields.required(members, "role", path + ".role"), path + ".role")
    channel = ROLES.get(role)
    if channel is None:
        raise Refused(Reason.UNKNOWN_ROLE, {"path": path + ".role", "expected": fields.one_of(ROLES)})
    fields.required(members, "content", path + ".content")
    for name, member in members.items():
        if name == "content":
            _content(draft, member, path + ".content", channel)
        elif name != "role":
            draft.texts.add_member(name, member, path + ".", channel)
    return role


def _system(draft: Draft, node: Node) -> None:
    _content(draft, node, "system", "system")
    draft.messages += 1  # as chat counts it
    draft.roles["system"] = draft.roles.get("system", 0) + 1


def _block(draft: Draft, node: Node, path: str, channel: Channel, run: list[int]) -> None:
    members = fields.members(node, path)
    type_ = fields.string(fields.required(members, "type", path + ".type"), path + ".type")
    read = _BLOCKS.get(type_)
    if read is None:
        read = _result if type_.endswith("_result") else _unknown
    read(draft, members, node, path, channel, run)


_content = content_reader("blocks", _block)


def _text(draft: Draft, members: dict[str, Node], _: Node, path: str, channel: Channel, run: list[int]) -> None:
    text = fields.required(members, "text", path + ".text")
    value = fields.string(text, path + ".text")
    if value:
        run.append(len(draft.texts.found))
    draft.texts.add(text, path + ".text", channel, value)
    _rest(draft, members, path, channel, "text")


def _image(draft: Draft, _: dict[str, Node], node: Node, path: str, channel: Channel, __: list[int]) -> None:
    draft.images += 1
    read_media(draft, node, path + ".", channel, "source")


def _document(draft: Draft, members: dict[str, Node], node: Node, path: str, channel: Channel, _: list[int]) -> None:
    """A file: encoded, somewhere else, or plain text or blocks as they stand."""
    draft.files += 1
    source = fields.required(members, "source", path + ".source")
    inner = fields.members(source, path + ".source")
    place = path + ".source."
    if "type" in inner and inner["type"].value == "text":
        _named_text(draft, inner, "data", place, channel)
        _rest(draft, inner, path + ".source", channel, "data")
    elif "content" in inner:
        _content(draft, inner["content"], place + "content", channel)
        _rest(draft, inner, path + ".source", channel, "content")
    else:
        read_media(draft, source, place, channel, "source")
    _rest(draft, members, path, channel, "source")


def _tool_use(draft: Draft, members: dict[str, Node], _: Node, path: str, channel: Channel, __: list[int]) -> None:
    """A call that the model made: its input is an object, in which everything may be redacted."""
    name = _named_text(draft, members, "name", path + ".", channel)
    draft.called.append(name)
    if "input" in members:
        fields.members(members["input"], path + ".input")
        draft.texts.add_all(members["input"], path + ".input", channel)
    _rest(draft, members, path, channel, "name", "input")


def _result(draft: Draft, members: dict[str, Node], _: Node, path: str, __: Channel, ___: list[int]) -> None:
    """What a tool gave back: its own channel, whoever's turn it stands in."""
    content = members.get("content")
    if content is not None and isinstance(content.value, str | list):
        _content(draft, content, path + ".content", "tool")
        _rest(draft, members, path, "tool", "content")
    else:
        _rest(draft, members, path, "tool")


def _signed(draft: Draft, members: dict[str, Node], _: Node, path: str, channel: Channel, __: list[int]) -> None:
    for name, member in members.items():
        if name in _SEALS or (name in _SIGNED and member.value is not None):
            value = "" if member.value is None else fields.string(member, f"{path}.{name}")
            if name in _SIGNED or not is_sealed(value):
                draft.texts.add_signed(member, f"{path}.{name}", channel, value)
        elif name != "type":
            draft.texts.add_member(name, member, path + ".", channel)


def _upload(draft: Draft, members: dict[str, Node], _: Node, path: str, channel: Channel, __: list[int]) -> None:
    """A file for the provider's container, by its id in the account."""
    raise stored(path + ".file_id", "upload")


def _unknown(draft: Draft, members: dict[str, Node], _: Node, path: str, channel: Channel, __: list[int]) -> None:
    _rest(draft, members, path, channel)


def _rest(draft: Draft, members: dict[str, Node], path: str, channel: Channel, *but: str) -> None:
    """The members that were not read otherwise, the type among them: it may be one that nobody knows."""
    for name, member in members.items():
        if name in but or (name in _ENCRYPTED and isinstance(member.value, str) and is_sealed(member.value)):
            continue
        if name == "citations" and isinstance(member.value, list):
            for index, citation in enumerate(member.value):
                place = f"{path}.citations[{index}]"
                _rest(draft, fields.members(citation, place), place, channel)
        else:
            draft.texts.add_member(name, member, path + ".", channel)


def _named_text(draft: Draft, members: dict[str, Node], name: str, path: str, channel: Channel) -> str:
    node = fields.required(members, name, path + name)
    value = fields.string(node, path + name)
    draft.texts.add(node, path + name, channel, value)
    return value


def _conversation(draft: Draft) -> bytes:
    """By the system prompt, wherever it stands, and the first message of a user."""
    first: dict[object, Node] = {}
    for message in fields.elements(draft.members["messages"], "messages"):
        members = fields.members(message, "")
        first.setdefault(members["role"].value, members["content"])
    system = draft.members.get("system")
    if system is not None and system.value is not None:
        first["system"] = system
    return conversation_hash(*[opening(draft, first[role]) if role in first else b"" for role in ("system", "user")])


def _tools(draft: Draft, node: Node) -> None:
    listed = fields.elements(node, "tools")
    fields.check_cap(len(listed), "tools", draft.caps.tools)
    for index, element in enumerate(listed):
        path = f"tools[{index}]"
        members = fields.members(element, path)
        if "type" in members and "name" not in members:
            name = fields.string(members["type"], path + ".type")  # a provider's own tool may have no other name
        else:
            name = fields.string(fields.required(members, "name", path + ".name"), path + ".name")
        draft.tools.append(Tool(name, "tools", element.start, element.end))
        draft.texts.add_all(element, path, "tool")


def _tool_choice(draft: Draft, node: Node) -> None:
    members = fields.members(node, "tool_choice")
    type_ = fields.string(fields.required(members, "type", "tool_choice.type"), "tool_choice.type")
    draft.tool_choice = CHOICES.get(type_, type_)
    if "name" in members:
        draft.forced_tool = fields.string(members["name"], "tool_choice.name")
    draft.texts.add_all(node, "tool_choice", "user")


def _stop_sequences(draft: Draft, node: Node) -> None:
    for index, element in enumerate(fields.elements(node, "stop_sequences")):
        path = f"stop_sequences[{index}]"
        draft.texts.add(element, path, "user", fields.string(element, path))


def _metadata(draft: Draft, node: Node) -> None:
    """`user_id` is the caller's own name for its user: routed by, and forwarded, so scanned too."""
    members = fields.members(node, "metadata")
    if "user_id" in members and members["user_id"].value is not None:
        draft.user = fields.string(members["user_id"], "metadata.user_id")
    draft.texts.add_all(node, "metadata", "user")


def _thinking_mode(draft: Draft, node: Node) -> None:
    members = fields.members(node, "thinking")
    fields.string(fields.required(members, "type", "thinking.type"), "thinking.type")
    if "budget_tokens" in members:
        fields.integer(members["budget_tokens"], "thinking.budget_tokens", 1)
    draft.texts.add_all(node, "thinking", "user")


def _container(draft: Draft, node: Node) -> None:
    """A new one with these skills; one that is there already may be another caller's."""
    if isinstance(node.value, str) or fields.given(fields.members(node, "container").get("id")):
        raise stored("container", "container")
    draft.texts.add_all(node, "container", "user")


_SIGNED: Final = frozenset({"thinking", "content"})  # texts of signed blocks
_ENCRYPTED: Final = frozenset({"encrypted_content", "encrypted_index", "encrypted_stdout"})  # in results and citations
_SEALS: Final = frozenset({"signature", "data", "encrypted_content"})  # what is to be no text in them

_BLOCKS: Final[dict[str, Block]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "tool_use": _tool_use,
    "server_tool_use": _tool_use,
    "mcp_tool_use": _tool_use,
    "thinking": _signed,
    "redacted_thinking": _signed,
    "compaction": _signed,
    "container_upload": _upload,
}

_HANDLERS: Final[dict[str, Handler]] = {
    "model": read_model,
    "messages": _messages,
    "max_tokens": limit("max_tokens"),
    "stream": read_stream,
    "system": if_given(_system),
    "tools": if_given(_tools),
    "tool_choice": if_given(_tool_choice),
    "metadata": if_given(_metadata),
    "stop_sequences": if_given(_stop_sequences),
    "thinking": if_given(_thinking_mode),
    "container": if_given(_container),
    "temperature": temperature(1),
    **numbers({"top_p": (0, 1)}),
    **integers({"top_k": (0, 1_000_000)}),
}
