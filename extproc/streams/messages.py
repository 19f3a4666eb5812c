"""The events of /v1/messages (https://platform.claude.com/docs/en/build-with-claude/streaming).

A group is a content block, by its index. Thinking and compacted turns are signed over their text, so neither text nor
signature may change; what the caller sent stays a placeholder there. Client libraries go by the `event:` line, so each
of ours has one.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import Final

import orjson

from extproc.messages.answer import Usage
from extproc.messages.documents import is_sealed
from extproc.messages.messages_answer import MessagesUsage, finishes, stated
from extproc.streams.dialect import Channel, Path, Piece, Reading
from extproc.streams.memory import MOST_GROUPS, CrowdedError, Memory
from extproc.streams.names import index as index_of

_STOP: Final = b'{"type":"message_stop"}'
_TEXT: Final = "text"
_INPUT: Final = "input"
_SEALED_TEXT: Final = "sealed"

# Type of a delta -> the channel it continues, and the member that holds its text.
_DELTAS: Final = {"text_delta": (_TEXT, "text"), "input_json_delta": (_INPUT, "partial_json")}
_CARRIED: Final = {
    **{channel: (type_, member) for type_, (channel, member) in _DELTAS.items()},
    _SEALED_TEXT: ("thinking_delta", "thinking"),
}
# Types of blocks and deltas of which no byte may change: the member that is text, and those that are none.
_SEALED: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "thinking": ("thinking", ("signature",)),
    "thinking_delta": ("thinking", ()),
    "signature_delta": ("", ("signature",)),
    "redacted_thinking": ("", ("data",)),
    "compaction": ("content", ("encrypted_content", "signature")),
    "compaction_delta": ("content", ("encrypted_content",)),
}
# After them, or with them, the text of their block is complete: the signature is over it, a summary comes in one piece.
_COMPLETE: Final = frozenset({"signature_delta", "compaction", "compaction_delta"})
_WHOLE: Final = frozenset({"citations_delta"})  # each brings something complete


class MessagesDialect:
    """One answer's events. `head` is what ours say of the message until the provider's first has come."""

    __slots__ = ("_head", "_open", "_started", "_usage", "memory")

    says_again: Final = False
    typed: Final = True

    def __init__(self, head: Mapping[str, object]) -> None:
        """`head`: id and model, as JSON has them."""
        self.memory = Memory()
        self._head = head
        self._started = False
        self._open: set[int] = set()
        self._usage = MessagesUsage()

    def closes(self, data: bytes) -> bool:
        """`message_stop`, and nothing beside it."""
        return data.replace(b" ", b"").strip() == _STOP

    def read(self, answer: Mapping[str, object]) -> Reading:
        """An event; of one that is not known, no text is."""
        read = _READERS.get(_type(answer))
        return read(self, answer) if read else Reading()

    def reading(self, answer: Mapping[str, object]) -> Generator[None, None, Reading]:
        """As `read`: no event is much work."""
        yield from ()
        return self.read(answer)

    def carry(self, channel: Channel, text: str) -> bytes:
        """A delta with this text alone."""
        type_, member = _CARRIED[channel.name]
        delta = {"type": type_, member: text}
        return _event("content_block_delta", {"index": channel.group, "delta": delta})

    def sent(self, data: bytes) -> bytes:
        """As it is."""
        return data

    def alike(self, number: int) -> int:
        """As it came: this API does not number."""
        return number

    def passed(self) -> None:
        """Nothing to remember."""

    def blocked(self, unsent: frozenset[int], said: Callable[[Channel], str], used: Usage) -> bytes:
        """Every block that is open for the caller is closed, then the message ends with `refusal`.

        A message that has said why it ended says so again: the last word counts.
        """
        parts = [] if self._started else [_event("message_start", {"message": self._message(used)})]
        parts += [_event("content_block_stop", {"index": index}) for index in sorted(self._open | unsent)]
        delta = {"stop_reason": "refusal", "stop_sequence": None}
        parts.append(_event("message_delta", {"delta": delta, "usage": stated(used)}))
        return b"".join([*parts, _event("message_stop", {})])

    def failed(self, error: bytes) -> bytes:
        """The error as an event of that name: client libraries raise it."""
        return b"event: error\ndata: " + error + b"\n\n"

    def _message(self, used: Usage) -> dict[str, object]:
        return {
            **self._head,
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": stated(replace(used, output_tokens=0, reasoning_tokens=0)),
        }

    def _begin(self, answer: Mapping[str, object]) -> Reading:
        self._started = True
        message = answer.get("message")
        if isinstance(message, dict):
            self._usage.note(message.get("usage"))
        return Reading(begun=self._usage.begun())

    def _begin_block(self, answer: Mapping[str, object]) -> Reading:
        index = self._opened(answer)
        block = answer.get("content_block")
        if not isinstance(block, dict):
            return Reading()
        path: Path = ("content_block",)
        text = block.get("text")
        if _type(block) == "text" and isinstance(text, str):
            return Reading([Piece(Channel(index, _TEXT), (*path, "text"), text)])
        return _sealed(index, block, path)

    def _go_on(self, answer: Mapping[str, object]) -> Reading:
        index = self._opened(answer)
        delta = answer.get("delta")
        if not isinstance(delta, dict):
            return Reading()
        path: Path = ("delta",)
        type_ = _type(delta)
        known = _DELTAS.get(type_)
        text = delta.get(known[1]) if known else None
        if known and isinstance(text, str):
            return Reading([Piece(Channel(index, known[0]), (*path, known[1]), text)])
        if type_ in _SEALED:
            return _sealed(index, delta, path)
        return Reading(running=() if type_ in _WHOLE else [(path, index)])

    def _opened(self, answer: Mapping[str, object]) -> int:
        index = _index(answer)
        self._open.add(index)
        if len(self._open) > MOST_GROUPS:
            raise CrowdedError
        return index

    def _end_block(self, answer: Mapping[str, object]) -> Reading:
        index = _index(answer)
        self._open.discard(index)
        return Reading(ended=frozenset({index}))

    def _finish(self, answer: Mapping[str, object]) -> Reading:
        self._usage.note(answer.get("usage"))
        reasons = finishes(answer.get("delta"))
        return Reading(ended=frozenset(self._open), finish_reasons=reasons, usage=self._usage.total())

    def _end(self, answer: Mapping[str, object]) -> Reading:
        return Reading(ended=frozenset(self._open))


_READERS: Final[dict[str, Callable[[MessagesDialect, Mapping[str, object]], Reading]]] = {
    "message_start": MessagesDialect._begin,
    "content_block_start": MessagesDialect._begin_block,
    "content_block_delta": MessagesDialect._go_on,
    "content_block_stop": MessagesDialect._end_block,
    "message_delta": MessagesDialect._finish,
    "message_stop": MessagesDialect._end,
}


def _sealed(index: int, holder: Mapping[str, object], path: Path) -> Reading:
    """A block or a delta that is signed; of any other type there is nothing to say."""
    type_ = _type(holder)
    known = _SEALED.get(type_)
    if known is None:
        return Reading()
    name, opaque = known
    text = holder.get(name)
    sealed = (Piece(Channel(index, _SEALED_TEXT), (*path, name), text),) if isinstance(text, str) else ()
    ended = frozenset({index}) if type_ in _COMPLETE and (text or not name) else frozenset()
    seals = [(name, seal) for name in opaque if isinstance(seal := holder.get(name), str) and seal]
    unread = tuple((*path, name) for name, seal in seals if is_sealed(seal))
    read = tuple((*path, name) for name, seal in seals if not is_sealed(seal))
    return Reading(sealed=sealed, opaque=unread, fixed=read, ended=ended)


def _event(name: str, members: Mapping[str, object]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps({"type": name, **members}))


def _type(holder: Mapping[str, object]) -> str:
    type_ = holder.get("type")
    return type_ if isinstance(type_, str) else ""


def _index(answer: Mapping[str, object]) -> int:
    return index_of(answer, "index", 0)
