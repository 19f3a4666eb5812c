"""The chunks of /v1/chat/completions (https://platform.openai.com/docs/api-reference/chat-streaming)."""

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Final

import orjson

from extproc.messages.answer import Usage, read_usage, stated
from extproc.streams.dialect import Channel, Path, Piece, Reading
from extproc.streams.identifiers import harmless, is_identifier
from extproc.streams.memory import MOST_GROUPS, CrowdedError, Memory
from extproc.streams.names import index

_DONE: Final = b"[DONE]"
_TEXTS: Final = ("content", "refusal", "reasoning_content", "reasoning")
_HEAD: Final = ("id", "object", "created", "model", "service_tier", "system_fingerprint")
_CALLS: Final = "tool_calls"
_ARGUMENTS: Final = "arguments"  # of tool_calls[]
_INPUT: Final = "input"  # of tool_calls[], custom ones
_LEGACY: Final = "function_call"
_CONTENT: Final = "content"
_THINKING: Final = "thinking"  # a part of the content (Mistral)
_AUDIO: Final = "audio"
_COMPLETION: Final = "text"  # of a choice itself, as the older API has it
_DETAILS: Final = "reasoning_details"  # (OpenRouter)
_DETAIL_TEXTS: Final = ("text", "summary")
_SELDOM: Final = frozenset({_CALLS, _LEGACY, _AUDIO, _DETAILS})
_FINISHES: Final = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})


class ChatDialect:
    """One answer's chunks. `head` is what our own carry until a chunk of the provider's has come."""

    __slots__ = ("_counts", "_extra", "_finished", "_head", "_in_parts", "_known", "_open", "memory")

    says_again: Final = False
    typed: Final = False

    def __init__(self, head: Mapping[str, object], counts: bool = False) -> None:
        """`head`: id, object, created and model, as JSON has them. `counts`: the caller asked for `include_usage`."""
        self.memory = Memory()
        self._head = dict(head)
        self._known = False
        self._counts = counts  # until usage has been told
        self._extra = False  # the chunk last read tells it
        self._open: set[int] = set()
        self._finished: set[int] = set()
        self._in_parts: set[int] = set()  # choices whose content comes as a list

    def closes(self, data: bytes) -> bool:
        """`[DONE]`."""
        return data.strip() == _DONE

    def read(self, answer: Mapping[str, object]) -> Reading:
        """A chunk, or an error event, which has no texts of ours."""
        choices = answer.get("choices")
        listed = choices if isinstance(choices, list) else []
        usage = read_usage(answer.get("usage"))
        self._extra = not listed and isinstance(answer.get("usage"), dict) and "error" not in answer
        if not listed:
            return Reading(usage=usage, extra=self._extra)
        if not self._known:
            self._known = True
            self._head |= {name: harmless(answer[name], (name,)) for name in _HEAD if _is_plain(name, answer.get(name))}
        pieces: list[Piece] = []
        ended: set[int] = set()
        reasons: list[str] = []
        running: list[tuple[Path, int]] = []
        repeats = False
        most = MOST_GROUPS // len(listed)  # calls of a choice
        if not most:
            raise CrowdedError
        for position, choice in enumerate(listed):
            if not isinstance(choice, dict):
                continue
            number = index(choice, "index", position)
            self._open.add(number)
            path: Path = ("choices", position, "delta")
            running.append((path, number))
            delta = choice.get("delta")
            if isinstance(delta, dict) and isinstance(delta.get(_CONTENT), list):
                self._in_parts.add(number)
            pieces += _pieces(number, delta, path, most)
            pieces += _piece(Channel(number, _COMPLETION), choice, _COMPLETION, path[:2])
            repeats |= _says_text(choice.get("logprobs"))
            reason = choice.get("finish_reason")
            if isinstance(reason, str) and reason:
                reasons.append(reason if reason in _FINISHES else "other")
                ended.add(number)
        self._finished = (self._finished - {piece.channel.group for piece in pieces if piece.text}) | ended
        if len(self._open) > MOST_GROUPS:
            raise CrowdedError
        return Reading(pieces, frozenset(ended), running, reasons, usage, repeats=repeats, perhaps=bool(ended))

    def reading(self, answer: Mapping[str, object]) -> Generator[None, None, Reading]:
        """As `read`: no chunk is much work."""
        yield from ()
        return self.read(answer)

    def carry(self, channel: Channel, text: str) -> bytes:
        """A chunk with a delta of this text alone."""
        if channel.name == _COMPLETION:
            return self._choice({"index": channel.group, "text": text, "logprobs": None, "finish_reason": None})
        if channel.name == _CONTENT and channel.group in self._in_parts:
            return self._chunk(channel.group, {_CONTENT: [{"type": "text", "text": text}]}, None)
        return self._chunk(channel.group, _delta(channel, text), None)

    def sent(self, data: bytes) -> bytes:
        """As it is."""
        self._counts = self._counts and not self._extra
        return data

    def alike(self, number: int) -> int:
        """As it came: this API does not number."""
        return number

    def passed(self) -> None:
        """Nothing to remember."""

    def blocked(self, unsent: frozenset[int], said: Callable[[Channel], str], used: Usage) -> bytes:
        """Every choice that has not finished for the caller does so with `content_filter`; then `[DONE]`.

        Between them the usage, where the caller asked for it and it has not been told.
        """
        unfinished = sorted((self._open or {0}) - self._finished | unsent)
        chunks = [self._chunk(index, {}, "content_filter") for index in unfinished]
        if self._counts:
            chunks.append(_event(orjson.dumps({**self._head, "choices": [], "usage": stated(used)})))
        return b"".join([*chunks, _event(_DONE)])

    def failed(self, error: bytes) -> bytes:
        """The error as an event: client libraries raise it."""
        return _event(error)

    def _chunk(self, index: int, delta: Mapping[str, object], finish_reason: str | None) -> bytes:
        return self._choice({"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason})

    def _choice(self, choice: Mapping[str, object]) -> bytes:
        unknown = {"usage": None} if self._counts else {}
        return _event(orjson.dumps({**self._head, "choices": [choice], **unknown}))


def _is_plain(name: str, value: object) -> bool:
    """Whether it may stand in chunks of ours, which no guard reads."""
    return is_identifier((name,), value) if isinstance(value, str) else isinstance(value, int)


def _event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


def _pieces(group: int, delta: object, path: Path, most: int) -> Iterator[Piece]:
    if not isinstance(delta, dict):
        return
    for name in _TEXTS:
        yield from _piece(Channel(group, name), delta, name, path)
    if not delta.keys().isdisjoint(_SELDOM):
        yield from _more_pieces(group, delta, path, most)
    if isinstance(delta.get(_CONTENT), list):
        yield from _parts(group, delta, path, most)


def _more_pieces(group: int, delta: Mapping[str, object], path: Path, most: int) -> Iterator[Piece]:
    for position, call in _listed(delta, _CALLS, most):
        slot, at = index(call, "index", position), (*path, _CALLS, position)
        yield from _piece(Channel(group, _ARGUMENTS, slot), call.get("function"), "arguments", (*at, "function"))
        yield from _piece(Channel(group, _INPUT, slot), call.get("custom"), "input", (*at, "custom"))
    yield from _piece(Channel(group, _LEGACY), delta.get(_LEGACY), "arguments", (*path, _LEGACY))
    yield from _piece(Channel(group, _AUDIO), delta.get(_AUDIO), "transcript", (*path, _AUDIO))
    for position, detail in _listed(delta, _DETAILS, most):
        slot, at = index(detail, "index", position), (*path, _DETAILS, position)
        for name in _DETAIL_TEXTS:
            yield from _piece(Channel(group, f"{_DETAILS}.{name}", slot), detail, name, at)


def _parts(group: int, delta: Mapping[str, object], path: Path, most: int) -> Iterator[Piece]:
    """Content that is a list. Its places begin anew in each delta, so they tell no texts apart."""
    for position, part in _listed(delta, _CONTENT, most):
        at = (*path, _CONTENT, position)
        yield from _piece(Channel(group, _CONTENT), part, "text", at)
        yield from _piece(Channel(group, _THINKING), part, _THINKING, at)
        for place, thought in _listed(part, _THINKING, most):
            yield from _piece(Channel(group, _THINKING), thought, "text", (*at, _THINKING, place))


def _listed(holder: Mapping[str, object], name: str, most: int) -> Iterator[tuple[int, Mapping[str, object]]]:
    """The objects of a list, where there is one. Raises CrowdedError for more than `most`."""
    listed = holder.get(name)
    if isinstance(listed, list) and len(listed) > most:
        raise CrowdedError
    for position, each in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(each, dict):
            yield position, each


def _piece(channel: Channel, holder: object, name: str, path: Path) -> Iterator[Piece]:
    text = holder.get(name) if isinstance(holder, dict) else None
    if isinstance(text, str):
        yield Piece(channel, (*path, name), text)


def _delta(channel: Channel, text: str) -> dict[str, object]:
    if channel.name == _ARGUMENTS:
        return {_CALLS: [{"index": channel.slot, "function": {"arguments": text}}]}
    if channel.name == _INPUT:
        return {_CALLS: [{"index": channel.slot, "custom": {"input": text}}]}
    if channel.name == _LEGACY:
        return {_LEGACY: {"arguments": text}}
    if channel.name == _AUDIO:
        return {_AUDIO: {"transcript": text}}
    if channel.name == _THINKING:
        return {_CONTENT: [{"type": _THINKING, _THINKING: [{"type": "text", "text": text}]}]}
    if channel.name.startswith(_DETAILS):
        name = channel.name.rpartition(".")[2]
        return {_DETAILS: [{"type": f"reasoning.{name}", name: text, "index": channel.slot}]}
    return {channel.name: text}


def _says_text(logprobs: object) -> bool:
    return isinstance(logprobs, dict) and any(logprobs.values())
