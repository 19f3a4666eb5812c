"""An answer as it passes: what the provider says it used, and how much text it was.

Nothing in an answer is trusted: whatever has another type or size than it should counts as not said.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from typing import Final, Protocol

import orjson

from extproc.messages.sse import EventReader
from forebay.frozen import frozen

BOUND: Final = 4 << 20
MAX_TOKENS: Final = 1_000_000_000  # nobody answers this much: a larger number is nonsense

_EVENT_STREAM: Final = "text/event-stream"
_BYTES_PER_TOKEN: Final = 4
_MOST_KEPT: Final = 4_096  # characters of text not counted yet; a stream's open answers are many
_MOST_PIECES: Final = 128
_TEXTS: Final = ("content", "refusal", "reasoning_content", "reasoning")
_FINISHES: Final = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})


@frozen
class Usage:
    """Tokens, inclusive: those read from or written to a cache are input, reasoning ones usually output."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cache_write_tokens: int = 0


@frozen
class Words:
    """What an event or a whole answer says. `finish_reasons` are OpenAI's, or "other"."""

    usage: Usage | None
    texts: Sequence[str] = field(repr=False)
    finish_reasons: Sequence[str]


class AnswerReader(Protocol):
    """Knows the answers of one API. `mark` stands in every answer with a text, and in no other."""

    @property
    def mark(self) -> bytes: ...

    def read(self, answer: dict[str, object]) -> Words:
        """A whole answer, or an event of one. Never raises for what a provider sends."""
        ...


def read_usage(value: object) -> Usage | None:
    """OpenAI's usage object of a chat or an embeddings answer; None for anything that does not make sense.

    An embeddings answer has no output. Never raises.
    """
    if not isinstance(value, dict):
        return None
    read = tokens(value, "prompt_tokens", None)
    written = tokens(value, "completion_tokens", 0)
    cached = _detail(value, "prompt_tokens_details", "cached_tokens")
    reasoning = _detail(value, "completion_tokens_details", "reasoning_tokens")
    if read is None or written is None or cached is None or reasoning is None or cached > read:
        return None
    return Usage(read, written, cached, reasoning)


def stated(usage: Usage) -> dict[str, object]:
    """The usage object of a chat answer that `read_usage` reads as `usage`, its details where they say something."""
    told: dict[str, object] = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
    if usage.cached_tokens:
        told["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    if usage.reasoning_tokens:
        told["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return told


class ChatReader:
    """Answers of /v1/chat/completions, and the usage of embeddings."""

    mark = b'"choices"'

    def read(self, answer: dict[str, object]) -> Words:
        """Every choice."""
        texts: list[str] = []
        reasons: list[str] = []
        for choice in objects(answer.get("choices")):
            texts += _pieces(choice.get("message"))
            texts += _pieces(choice.get("delta"))
            finish = choice.get("finish_reason")
            if isinstance(finish, str):
                reasons.append(finish if finish in _FINISHES else "other")
        return Words(read_usage(answer.get("usage")), texts, reasons)


class AnswerWatch:
    """Counts an answer while it is sent on; holds at most `bound` bytes of it (one event, for a stream).

    `usage` is what the provider said, or None. `output_tokens` and `output_characters` count every text the model
    wrote: content, refusals, reasoning, tool names and arguments. `finish_reasons` are OpenAI's, or "other".

    Tokens are counted when they are asked for, which is never where the provider states them; a long text in between.
    """

    __slots__ = (
        "_body",
        "_bound",
        "_count",
        "_counted",
        "_ended",
        "_events",
        "_kept",
        "_pieces",
        "_reader",
        "_seen",
        "_spoken",
        "chunks",
        "finish_reasons",
        "first_content_at_chunk",
        "output_characters",
        "oversize",
        "usage",
    )

    def __init__(
        self,
        content_type: str,
        count: Callable[[str], int],
        bound: int = BOUND,
        reader: AnswerReader | None = None,
    ) -> None:
        """`count` gives the tokens of a piece of text. Anything but an event stream is read as JSON.

        `reader` knows the API, by default that of chat.
        """
        self._reader = reader or ChatReader()
        self.usage: Usage | None = None
        self.output_characters = self.chunks = 0
        self.first_content_at_chunk: int | None = None  # 0 = the first chunk fed
        self.finish_reasons: tuple[str, ...] = ()
        self.oversize = False
        self._count = count
        self._counted = 0  # tokens of all pieces but those in `_pieces`
        self._pieces: list[str] = []
        self._kept = 0  # characters in `_pieces`
        self._bound = bound
        self._body = bytearray()
        self._seen = 0
        self._spoken = False  # an oversize answer that is text, not numbers
        self._ended = False
        stream = content_type.partition(";")[0].strip().lower() == _EVENT_STREAM
        self._events = EventReader(min(bound, 1 << 20)) if stream else None

    @property
    def output_tokens(self) -> int:
        """The tokens of every piece of text so far, each counted by itself."""
        self._count_kept()
        return self._counted

    def feed(self, chunk: bytes, end: bool) -> None:
        """One chunk passed; `end` with the last. Never raises for what a provider sent; after the end, ignored."""
        if self._ended:
            return
        self._ended = end
        self._seen += len(chunk)
        if self._events is None:
            self._keep(chunk)
            if end and not self.oversize:
                self._read(bytes(self._body))
                self._body.clear()
        else:
            for event in self._events.feed(chunk, end):
                self._read(event.data)
            self.oversize = self._events.oversize
        self.chunks += 1

    def estimate(self, input_tokens: int) -> Usage:
        """Usage by our own count, for answers that state none; by length alone where the answer was not read."""
        unread = self._seen // _BYTES_PER_TOKEN if self._spoken else 0
        return Usage(input_tokens, max(self.output_tokens, unread), 0, 0)

    def _keep(self, chunk: bytes) -> None:
        if self.oversize:
            return
        if len(self._body) + len(chunk) > self._bound:
            self.oversize = True
            self._spoken = self._reader.mark in self._body or self._reader.mark in chunk
            self._body.clear()
        else:
            self._body += chunk

    def _read(self, data: bytes) -> None:
        try:
            answer = orjson.loads(data)
        except orjson.JSONDecodeError:
            return  # [DONE], or nothing we could count
        if not isinstance(answer, dict):
            return
        words = self._reader.read(answer)
        self.usage = words.usage or self.usage
        for text in words.texts:
            self._add(text)
        for reason in words.finish_reasons:
            self._finish(reason)

    def _add(self, piece: str) -> None:
        if self.first_content_at_chunk is None:
            self.first_content_at_chunk = self.chunks
        self.output_characters += len(piece)
        self._kept += len(piece)
        self._pieces.append(piece)
        # An answer in one piece was held as a whole anyway, and ends here.
        if self._events is not None and (self._kept > _MOST_KEPT or len(self._pieces) > _MOST_PIECES):
            self._count_kept()

    def _count_kept(self) -> None:
        self._counted += sum(map(self._count, self._pieces))
        self._pieces.clear()
        self._kept = 0

    def _finish(self, reason: str) -> None:
        if reason not in self.finish_reasons:  # closed list: it stays short however many a provider sends
            self.finish_reasons += (reason,)


def _pieces(message: object) -> Iterator[str]:
    """Every text in a message or delta that the model wrote, empty ones left out."""
    if not isinstance(message, dict):
        return
    for name in _TEXTS:
        yield from _strings(message.get(name))
    calls = [call.get("function") for call in objects(message.get("tool_calls"))]
    for function in [*calls, message.get("function_call")]:
        if isinstance(function, dict):
            yield from _strings(function.get("name"))
            yield from _strings(function.get("arguments"))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        if value:
            yield value
        return
    for part in objects(value):
        text = part.get("text")
        if isinstance(text, str) and text:
            yield text


def objects(value: object) -> list[dict[str, object]]:
    """The objects in a list; none for anything else."""
    return [element for element in value if isinstance(element, dict)] if isinstance(value, list) else []


def _detail(usage: dict[str, object], group: str, name: str) -> int | None:
    details = usage.get(group)
    if details is None:
        return 0
    return tokens(details, name, 0) if isinstance(details, dict) else None


def tokens(holder: dict[str, object], name: str, absent: int | None) -> int | None:
    """A count of tokens; `absent` where none is said, None for what cannot be one."""
    value = holder.get(name)
    if value is None:
        return absent
    return value if value.__class__ is int and 0 <= value <= MAX_TOKENS else None
