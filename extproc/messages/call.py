"""Call: one parsed request, as the guard, the router and the policy see it."""

from collections.abc import Mapping
from dataclasses import field
from hashlib import blake2b
from typing import Final, Literal

from extproc.findings import Text
from extproc.messages.hints import Hints
from forebay.frozen import frozen

Operation = Literal["chat", "embeddings", "messages", "responses"]

_HASHED: Final = 65_536  # bytes of one message: enough to tell conversations apart


@frozen
class Member:
    """A top-level member of the body: `body[start:end]` is key, colon and value."""

    name: str = field(repr=False)
    start: int
    end: int


@frozen
class Tool:
    """A tool the caller declares: an element of the list at `field`, which is `tools`, `functions` or one deeper in."""

    name: str = field(repr=False)
    field: str
    start: int
    end: int


@frozen
class Limit:
    """A stated bound on the answer's length and where its number stands."""

    value: int
    start: int
    end: int


@frozen
class Switch:
    """With `text` in place of `body[start:end]` the provider does what the caller did not ask for."""

    start: int
    end: int
    text: bytes


@frozen
class Params:
    """The parameters a policy may ask about. None = not stated."""

    max_tokens: Limit | None = None
    max_completion_tokens: Limit | None = None
    temperature: float | None = None
    n: int | None = None
    response_format: str | None = field(default=None, repr=False)
    tool_choice: str | None = field(default=None, repr=False)  # the mode, or the type of an object in its place
    forced_tool: str | None = field(default=None, repr=False)  # the one tool that must be called
    logprobs: bool = False  # asked for in either way


@frozen
class Call:
    """A request that may be forwarded byte for byte, `texts` scanned. The repr shows no text of the caller's.

    `conversation` stays the same as the conversation grows: a hash of its first system and first user message; empty
    where there is none. `members` are all top-level members in their order, `open` is the place after the first `{`.
    """

    operation: Operation
    model: str = field(repr=False)
    model_span: tuple[int, int]  # byte offset and length of the model's JSON string, quotes included
    stream: bool
    include_usage: bool
    usage_switch: Switch  # the stream states its usage
    user: str | None = field(repr=False)
    texts: tuple[Text, ...] = field(repr=False)
    hints: Hints = field(repr=False)  # by index into `texts`
    messages: int  # messages of a chat, inputs of an embeddings call
    roles: Mapping[str, int]
    images: int
    audio: int
    files: int
    tools: tuple[Tool, ...] = field(repr=False)
    called: tuple[str, ...] = field(repr=False)  # tools that earlier turns called, in order
    params: Params = field(repr=False)
    conversation: bytes = field(repr=False)
    body_bytes: int
    members: tuple[Member, ...] = field(repr=False)
    open: int = field(repr=False)
    imposed: tuple[Switch, ...] = ()  # without them it is not forwarded


def conversation_hash(*openings: bytes) -> bytes:
    """16 bytes that name a conversation by the messages it opens with; empty when there are none."""
    if not any(openings):
        return b""
    digest = blake2b(digest_size=16)
    for opening in openings:
        digest.update(b"%d:" % len(opening))
        digest.update(opening[:_HASHED])
    return digest.digest()
