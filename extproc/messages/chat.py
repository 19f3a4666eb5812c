"""POST /v1/chat/completions: its body into a Call.

Known fields are checked, unknown ones are allowed, and the strings of both are scanned. Paths are made of known names
and indexes only; `*` stands for a name that is not known.
"""

from collections.abc import Callable
from typing import Final, Literal

from extproc.findings import Channel
from extproc.messages import fields
from extproc.messages.call import Call, Switch, Tool, conversation_hash
from extproc.messages.draft import (
    Draft,
    Handler,
    booleans,
    content_reader,
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
from extproc.messages.kept import stored
from extproc.messages.parts import read_part
from extproc.messages.refusal import Refused
from extproc.messages.responses_tools import KEEPING
from forebay.config.resolved import Caps
from forebay.outcomes import Reason

CHANNELS: Final[dict[str, Channel]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_MAY_SAY_NOTHING: Final = frozenset({"assistant", "function"})  # they may call a tool, or return nothing
_BIAS: Final = (-100, 100)


def parse_chat(body: bytes, caps: Caps) -> Call:
    """The call that `body` makes. Raises Refused for whatever may not be forwarded: answer with its reason."""
    draft = Draft(body, caps)
    draft.read(_HANDLERS, ("model", "messages"), "user")
    fields.check_cap(len(draft.tools), "tools", caps.tools)
    return draft.call("chat")


def _messages(draft: Draft, node: Node) -> None:
    listed = fields.elements(node, "messages")
    if not listed:
        raise Refused(Reason.EMPTY_MESSAGES)
    fields.check_cap(len(listed), "messages", draft.caps.messages)
    draft.messages = len(listed)
    openings: dict[Channel, bytes] = {}
    for index, message in enumerate(listed):
        role = _message(draft, message, f"messages[{index}]")
        draft.roles[role] = draft.roles.get(role, 0) + 1
        channel = CHANNELS[role]
        if channel not in openings and channel in {"system", "user"}:
            openings[channel] = opening(draft, fields.members(message, "")["content"])
    draft.conversation = conversation_hash(openings.get("system", b""), openings.get("user", b""))


def _message(draft: Draft, node: Node, path: str) -> str:
    members = fields.members(node, path)
    role = fields.string(fields.required(members, "role", path + ".role"), path + ".role")
    channel = CHANNELS.get(role)
    if channel is None:
        raise Refused(Reason.UNKNOWN_ROLE, {"path": path + ".role", "expected": fields.one_of(CHANNELS)})
    if role not in _MAY_SAY_NOTHING:
        content = fields.required(members, "content", path + ".content")
        if content.value is None:
            raise fields.wrong_type(path + ".content", "a string or an array of parts")
    for name, member in members.items():
        if name == "role":
            continue
        read = _MEMBERS.get(name)
        if read is None:
            draft.texts.add_member(name, member, path + ".", channel)
        elif member.value is not None:
            read(draft, member, f"{path}.{name}", channel)
    return role


_content = content_reader("parts", read_part)


def _text(draft: Draft, node: Node, path: str, channel: Channel) -> None:
    draft.texts.add(node, path, channel, fields.string(node, path))


def _tool_calls(draft: Draft, node: Node, path: str, channel: Channel) -> None:
    for index, element in enumerate(fields.elements(node, path)):
        place = f"{path}[{index}]"
        for name, member in fields.members(element, place).items():
            if name == "function":
                _function(draft, member, place + ".function", channel)
            else:
                draft.texts.add_member(name, member, place + ".", channel)


def _function(draft: Draft, node: Node, path: str, channel: Channel) -> None:
    for name, member in fields.members(node, path).items():
        if name == "arguments":
            place = path + ".arguments"
            draft.texts.add_json(member, place, channel, fields.string(member, place))
        elif name == "name":
            _text(draft, member, path + ".name", channel)
            draft.called.append(str(member.value))
        else:
            draft.texts.add_member(name, member, path + ".", channel)


def _tools(draft: Draft, node: Node) -> None:
    if node.value is None:
        return
    listed = fields.elements(node, "tools")
    fields.check_cap(len(listed), "tools", draft.caps.tools)
    for index, element in enumerate(listed):
        path = f"tools[{index}]"
        members = fields.members(element, path)
        type_ = fields.string(fields.required(members, "type", path + ".type"), path + ".type")
        if type_ in KEEPING:
            raise stored(path, "tool")
        name = type_  # a provider's own tool has no other name
        if type_ in {"function", "custom"}:
            inner = f"{path}.{type_}"
            name = _name(fields.required(members, type_, inner), inner)
        draft.tools.append(Tool(name, "tools", element.start, element.end))
        draft.texts.add_all(element, path, "tool")


def _functions(draft: Draft, node: Node) -> None:
    if node.value is None:
        return
    listed = fields.elements(node, "functions")
    fields.check_cap(len(listed), "functions", draft.caps.tools)
    for index, element in enumerate(listed):
        path = f"functions[{index}]"
        draft.tools.append(Tool(_name(element, path), "functions", element.start, element.end))
        draft.texts.add_all(element, path, "tool")


def _name(node: Node, path: str) -> str:
    path_of_name = path + ".name"
    return fields.string(fields.required(fields.members(node, path), "name", path_of_name), path_of_name)


def _choice(path: Literal["tool_choice", "function_call"]) -> Handler:
    def read(draft: Draft, node: Node) -> None:
        if node.value is None:
            return
        if isinstance(node.value, str):
            draft.tool_choice = node.value
        else:
            members = fields.members(node, path)
            type_ = members.get("type")
            draft.tool_choice = "function" if type_ is None else fields.string(type_, path + ".type")
            inner = members if path == "function_call" else _object(members.get(draft.tool_choice))
            name = inner.get("name")
            draft.forced_tool = None if name is None else fields.string(name, path + ".name")
        draft.texts.add_all(node, path, "user")

    return read


def _object(node: Node | None) -> dict[str, Node]:
    return node.value if node is not None and isinstance(node.value, dict) else {}


def _response_format(draft: Draft, node: Node) -> None:
    if node.value is None:
        return
    type_ = fields.required(fields.members(node, "response_format"), "type", "response_format.type")
    draft.response_format = fields.string(type_, "response_format.type")
    draft.texts.add_all(node, "response_format", "tool")


def _stream_options(draft: Draft, node: Node) -> None:
    if node.value is None:
        draft.usage_switch = Switch(node.start, node.end, b'{"include_usage":true}')
        return
    members = fields.members(node, "stream_options")
    first, comma = node.start + 1, b"," if members else b""
    draft.usage_switch = Switch(first, first, b'"include_usage":true' + comma)
    for name, member in members.items():
        if name == "include_usage":
            draft.include_usage = bool(fields.boolean(member, "stream_options.include_usage"))
            draft.usage_switch = Switch(member.start, member.end, b"true")
        else:
            draft.texts.add_member(name, member, "stream_options.", "user")


def _stop(draft: Draft, node: Node) -> None:
    if isinstance(node.value, list):
        for index, element in enumerate(node.value):
            _text(draft, element, f"stop[{index}]", "user")
    elif node.value is not None:
        _text(draft, node, "stop", "user")


def _prediction(draft: Draft, node: Node) -> None:
    if node.value is not None:
        fields.members(node, "prediction")
        first = len(draft.texts.found)
        draft.texts.add_all(node, "prediction", "user")
        strings = [index for index, text in enumerate(draft.texts.found[first:], first) if text.form == "string"]
        draft.texts.add_run(strings)  # its parts, as those of a message


def _n(draft: Draft, node: Node) -> None:
    draft.n = fields.integer(node, "n", 1)
    fields.check_cap(draft.n or 0, "n", draft.caps.n)


def _logprobs(draft: Draft, node: Node) -> None:
    draft.logprobs |= bool(fields.boolean(node, "logprobs"))
    draft.texts.add_number(node, "logprobs", "user")


def _top_logprobs(draft: Draft, node: Node) -> None:
    draft.logprobs |= bool(fields.integer(node, "top_logprobs", 0, 20))
    draft.texts.add_number(node, "top_logprobs", "user")


def _logit_bias(draft: Draft, node: Node) -> None:
    if node.value is None:
        return
    for key, bias in fields.members(node, "logit_bias").items():
        if fields.number(bias, "logit_bias.*", *_BIAS) is None:
            raise fields.wrong_type("logit_bias.*", "a number")
        draft.texts.add_key(key, bias, "logit_bias.*", "user")
        draft.texts.add_number(bias, "logit_bias.*", "user")


def _store(draft: Draft, node: Node) -> None:
    """Not written where it is left out, as in Responses: other servers that speak this API refuse what they miss."""
    if fields.boolean(node, "store"):
        raise stored("store", "answer")


# Members of a message that are not simply scanned. null is as good as absent.
_MEMBERS: Final[dict[str, Callable[[Draft, Node, str, Channel], None]]] = {
    "content": _content,
    "name": _text,
    "refusal": _text,
    "reasoning_content": _text,
    "tool_call_id": _text,
    "tool_calls": _tool_calls,
    "function_call": _function,
}

_HANDLERS: Final[dict[str, Handler]] = {
    "model": read_model,
    "messages": _messages,
    "stream": read_stream,
    "stream_options": _stream_options,
    "tools": _tools,
    "functions": _functions,
    "tool_choice": _choice("tool_choice"),
    "function_call": _choice("function_call"),
    "response_format": _response_format,
    "max_tokens": limit("max_tokens"),
    "max_completion_tokens": limit("max_completion_tokens"),
    "n": _n,
    "temperature": temperature(2),
    "stop": _stop,
    "prediction": _prediction,
    "metadata": read_metadata,
    "user": read_user,
    "logit_bias": _logit_bias,
    "logprobs": _logprobs,
    "top_logprobs": _top_logprobs,
    **numbers({"top_p": (0, 1), "frequency_penalty": (-2, 2), "presence_penalty": (-2, 2)}),
    **integers({"seed": (-(2**63), fields.MAX_INTEGER)}),
    "store": _store,
    **booleans("parallel_tool_calls"),
}
