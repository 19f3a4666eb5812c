"""What an answer of /v1/messages says, whole or event by event: usage, texts, and why it ended.

Anthropic counts what it read from its cache and what it wrote there beside `input_tokens`; here they are part of the
input. A stream says its input at the beginning and its output at the end, so usage is known at the end alone.
"""

from collections.abc import Iterator
from typing import Final

import orjson

from extproc.messages.answer import Usage, Words, objects, tokens

# Anthropic's stop reasons in the words that the record and OpenTelemetry share.
FINISHES: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
OTHER: Final = "other"

_READ: Final = "input_tokens"
_WRITTEN: Final = "output_tokens"
_CACHED: Final = "cache_read_input_tokens"
_STORED: Final = "cache_creation_input_tokens"
_DETAILS: Final = "output_tokens_details"
_THOUGHT: Final = "thinking_tokens"  # of the details
_SAID: Final = (_READ, _WRITTEN, _CACHED, _STORED, _DETAILS)
_TEXTS: Final = ("text", "thinking", "name", "partial_json")  # of blocks and deltas


class MessagesUsage:
    """Usage in the making: each event may say some of it again, and the last word counts."""

    __slots__ = ("_said",)

    def __init__(self) -> None:
        self._said: dict[str, object] = {}

    def note(self, value: object) -> None:
        """One usage object, or whatever stands in its place."""
        if isinstance(value, dict):
            self._said |= {name: _counted(value[name]) for name in _SAID if name in value}

    def total(self) -> Usage | None:
        """All that was said; None for anything that does not make sense."""
        return self._total(None)

    def begun(self) -> Usage | None:
        """The same before the output is known, of which nothing need be said."""
        return self._total(0)

    def _total(self, unwritten: int | None) -> Usage | None:
        read, written = tokens(self._said, _READ, None), tokens(self._said, _WRITTEN, unwritten)
        cached, stored = tokens(self._said, _CACHED, 0), tokens(self._said, _STORED, 0)
        details = self._said.get(_DETAILS)
        thought = tokens(details, _THOUGHT, 0) if isinstance(details, dict) else 0
        if read is None or written is None or cached is None or stored is None or thought is None:
            return None
        return Usage(read + cached + stored, written, cached, thought, stored)


def stated(usage: Usage) -> dict[str, object]:
    """The usage object that says `usage`, as the last event of a stream does: every number of it is the whole one."""
    told: dict[str, object] = {
        _READ: usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens,
        _STORED: usage.cache_write_tokens,
        _CACHED: usage.cached_tokens,
        _WRITTEN: usage.output_tokens,
    }
    return {**told, _DETAILS: {_THOUGHT: usage.reasoning_tokens}} if usage.reasoning_tokens else told


def _counted(value: object) -> object:
    """Of a member of usage no more than counts: the rest may be any size."""
    if isinstance(value, dict):
        return {_THOUGHT: _counted(value[_THOUGHT])} if _THOUGHT in value else {}
    return value if value is None or isinstance(value, int | float) else False


class MessagesReader:
    """One answer's events, or the whole of it."""

    __slots__ = ("_usage",)

    mark = b'"content"'

    def __init__(self) -> None:
        self._usage = MessagesUsage()

    def read(self, answer: dict[str, object]) -> Words:
        """An event or a message, understood. Never raises for what a provider sends."""
        type_ = answer.get("type")
        if type_ == "message":
            self._usage.note(answer.get("usage"))
            texts = [text for block in objects(answer.get("content")) for text in _texts(block)]
            return Words(self._usage.total(), texts, finishes(answer))
        if type_ == "message_start":
            message = answer.get("message")
            self._usage.note(message.get("usage") if isinstance(message, dict) else None)
        elif type_ == "message_delta":
            self._usage.note(answer.get("usage"))
            return Words(self._usage.total(), (), finishes(answer.get("delta")))
        return Words(None, [*_texts(answer.get("content_block")), *_texts(answer.get("delta"))], ())


def finishes(holder: object) -> tuple[str, ...]:
    """The finish reason that a message's or a delta's `stop_reason` means; none where it has none yet."""
    reason = holder.get("stop_reason") if isinstance(holder, dict) else None
    return (FINISHES.get(reason, OTHER),) if isinstance(reason, str) and reason else ()


def _texts(block: object) -> Iterator[str]:
    """What the model wrote in a block or a delta: texts, thinking, names and inputs of tools."""
    if not isinstance(block, dict):
        return
    for name in _TEXTS:
        text = block.get(name)
        if isinstance(text, str) and text:
            yield text
    given = block.get("input")
    if isinstance(given, dict) and given:
        yield orjson.dumps(given).decode()
