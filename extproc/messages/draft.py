"""A Call in the making: what both operations share while they read a body field by field."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from extproc.findings import Channel
from extproc.messages import fields
from extproc.messages.call import Call, Limit, Member, Operation, Params, Switch, Tool
from extproc.messages.json_spans import Node, parse
from extproc.messages.named import check_named
from extproc.messages.refusal import Refused
from extproc.messages.texts import Texts
from forebay.config.resolved import Caps
from forebay.outcomes import Reason

# Names that carry a prompt as numbers on some servers: nobody can inspect those.
_TOKEN_FIELDS: Final = frozenset(
    {"input", "input_embeds", "input_ids", "prompt", "prompt_embeds", "prompt_token_ids", "token_ids", "tokens"}
)


class Draft:
    """The body, its members, and what has been understood so far. Raises Refused where the body is not an object."""

    __slots__ = (
        "audio", "body", "called", "caps", "conversation", "files", "forced_tool", "functions", "images",
        "imposed", "include_usage", "limits", "logprobs", "members", "messages", "model", "model_span", "n",
        "response_format", "roles", "root", "stream", "temperature", "texts", "tool_choice", "tools", "usage_switch",
        "user",
    )  # fmt: skip

    def __init__(self, body: bytes, caps: Caps) -> None:
        self.body = body
        self.caps = caps
        self.root = parse(body, caps.depth)
        self.members = fields.members(self.root, "body")
        self.texts = Texts(body, caps.depth)
        self.model = ""
        self.model_span = (0, 0)
        self.stream = self.include_usage = self.logprobs = False
        self.usage_switch: Switch | None = None
        self.imposed: list[Switch] = []
        self.user: str | None = None
        self.messages = self.images = self.audio = self.files = 0
        self.roles: dict[str, int] = {}
        self.tools: list[Tool] = []
        self.called: list[str] = []
        self.limits: dict[str, Limit] = {}
        self.temperature: float | None = None
        self.n: int | None = None
        self.response_format: str | None = None
        self.tool_choice: str | None = None
        self.forced_tool: str | None = None
        self.conversation = b""

    def read(self, handlers: "Mapping[str, Handler]", demanded: tuple[str, ...], channel: Channel) -> None:
        """Give every member to its handler; scan those that have none. Nothing in them may name what is kept."""
        for name in demanded:
            fields.required(self.members, name, name)
        for name, node in self.members.items():
            handler = handlers.get(name)
            if handler is not None:
                handler(self, node)
                continue
            if name in _TOKEN_FIELDS and fields.holds_numbers(node):
                raise Refused(Reason.TOKEN_IDS, {"path": name})
            self.texts.add_member(name, node, "", channel)
        check_named(self.body, self.root)

    def call(self, operation: Operation) -> Call:
        """The finished call."""
        first = self.root.start + 1
        return Call(
            operation=operation,
            model=self.model,
            model_span=self.model_span,
            stream=self.stream,
            include_usage=self.include_usage,
            usage_switch=self.usage_switch or Switch(first, first, b'"stream_options":{"include_usage":true},'),
            user=self.user,
            texts=tuple(self.texts.found),
            hints=self.texts.hints(),
            messages=self.messages,
            roles=self.roles,
            images=self.images,
            audio=self.audio,
            files=self.files,
            tools=tuple(self.tools),
            called=tuple(self.called),
            params=Params(
                self.limits.get("max_tokens"),
                self.limits.get("max_completion_tokens"),
                self.temperature,
                self.n,
                self.response_format,
                self.tool_choice,
                self.forced_tool,
                self.logprobs,
            ),
            conversation=self.conversation,
            body_bytes=len(self.body),
            members=tuple([Member(name, node.key_start, node.end) for name, node in self.members.items()]),
            open=first,
            imposed=tuple(self.imposed),
        )


Handler: TypeAlias = Callable[[Draft, Node], None]
PartReader: TypeAlias = Callable[[Draft, Node, str, Channel, list[int]], None]


def content_reader(parts: str, read_part: PartReader) -> Callable[[Draft, Node, str, Channel], None]:
    """What reads a message's content: a string, or `parts` that a model reads one after the other."""

    def read(draft: Draft, node: Node, path: str, channel: Channel) -> None:
        value = node.value
        if isinstance(value, str):
            draft.texts.add(node, path, channel, value)
            return
        if not isinstance(value, list):
            raise fields.wrong_type(path, f"a string or an array of {parts}")
        if fields.holds_numbers(node):
            raise Refused(Reason.TOKEN_IDS, {"path": path})
        run: list[int] = []
        for index, part in enumerate(value):
            read_part(draft, part, f"{path}[{index}]", channel, run)
        draft.texts.add_run(run)

    return read


def opening(draft: Draft, content: Node) -> bytes:
    """A message's content as it is told apart from others: its texts, and other parts as they stand."""
    if isinstance(content.value, str):
        return content.value.encode()
    parts = []
    for part in fields.elements(content, ""):
        text = fields.members(part, "").get("text")
        if text is not None and isinstance(text.value, str):
            parts.append(text.value.encode())
        else:
            parts.append(draft.body[part.start : part.end])
    return b"\n".join(parts)


def if_given(read: Handler) -> Handler:
    """null is as good as absent."""

    def given(draft: Draft, node: Node) -> None:
        if node.value is not None:
            read(draft, node)

    return given


def read_model(draft: Draft, node: Node) -> None:
    """The model's name. It is no text to scan: a name the config does not know is refused later on."""
    model = fields.string(node, "model")
    if not model:
        raise Refused(Reason.INVALID_VALUE, {"path": "model", "expected": "a model's name"})
    draft.model, draft.model_span = model, (node.start, node.end - node.start)


def read_stream(draft: Draft, node: Node) -> None:
    """Whether the answer is to be a stream of events."""
    draft.stream = bool(fields.boolean(node, "stream"))


def read_user(draft: Draft, node: Node) -> None:
    """The caller's own name for its user: routed by, and forwarded, so scanned too."""
    if node.value is not None:
        draft.user = fields.string(node, "user")
        draft.texts.add(node, "user", "user", draft.user)


def read_metadata(draft: Draft, node: Node) -> None:
    """Free keys and values."""
    if node.value is not None:
        fields.members(node, "metadata")
        draft.texts.add_all(node, "metadata", "user")


def limit(name: str, meaning: str = "") -> Handler:
    """A handler for the most tokens of an answer; `meaning`: the limit's name in `Draft.limits`, if it is another."""

    def read(draft: Draft, node: Node) -> None:
        value = fields.integer(node, name, 1)
        if value is not None:
            fields.check_cap(value, name, draft.caps.max_tokens)
            draft.limits[meaning or name] = Limit(value, node.start, node.end)

    return read


def temperature(most: int) -> Handler:
    """A handler for it, from 0 to `most`."""

    def read(draft: Draft, node: Node) -> None:
        draft.temperature = fields.number(node, "temperature", 0, most)
        draft.texts.add_number(node, "temperature", "user")

    return read


def numbers(ranges: Mapping[str, tuple[float, float]]) -> dict[str, Handler]:
    """Handlers that check numbers and keep none."""
    return {name: _check(fields.number, name, *bounds) for name, bounds in ranges.items()}


def integers(ranges: Mapping[str, tuple[int, int]]) -> dict[str, Handler]:
    """Handlers that check integers and keep none."""
    return {name: _check(fields.integer, name, *bounds) for name, bounds in ranges.items()}


def booleans(*names: str) -> dict[str, Handler]:
    """Handlers that check booleans and keep none."""
    return {name: _check(fields.boolean, name) for name in names}


def _check(read: Callable[..., object], name: str, *bounds: float) -> Handler:
    def check(draft: Draft, node: Node) -> None:
        read(node, name, *bounds)
        draft.texts.add_number(node, name, "user")

    return check
