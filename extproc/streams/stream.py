"""One streamed answer: what the provider sends goes in, what the caller gets comes out.

Events that need no change pass byte for byte, and so does everything in an event but the strings that change. Text
that must be held back comes with a later delta of the same channel, and at the latest before its choice finishes, the
stream closes or ends. There is no clock in here: `held_since` says when a deadline for held text begins, and the
caller then either releases what is held or blocks the rest.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import orjson

from extproc.messages.answer import Usage
from extproc.messages.json_spans import MAX_DEPTH, parse
from extproc.messages.refusal import Refused
from extproc.streams.changes import Change, changed, strings
from extproc.streams.dialect import Channel, Dialect, Path, Reading
from extproc.streams.identifiers import is_identifier
from extproc.streams.rewriting import BlockedError, ExhaustedError, Rewriter, Rewriting, Unchanged
from extproc.streams.sse import MAX_EVENT, Event, EventReader, EventTooLargeError
from forebay.frozen import frozen

_MOST_SEEN: Final = 64  # strings remembered as needing no change: providers repeat the same few in every event
_LONGEST_SEEN: Final = 80


class Stop(StrEnum):
    """Why no more of a stream may pass. `BLOCKED` is a guard's word; all others are the provider's fault."""

    BLOCKED = "blocked"
    UNREADABLE = "unreadable"  # an event that is no JSON object, or one that two parsers could read differently
    LOGPROBS = "logprobs"  # text that may change said again, token by token
    EVENT_TOO_LARGE = "event_too_large"
    HELD_TOO_MUCH = "held_too_much"
    STREAM_TOO_LONG = "stream_too_long"
    TOO_MANY_CHANNELS = "too_many_channels"
    RESTORED_TOO_MUCH = "restored_too_much"


@frozen
class Bounds:
    """What one stream may cost: bytes of an event and of the stream, characters held, channels there are."""

    event: int = MAX_EVENT
    stream: int = 64 << 20
    held: int = 64 << 10
    channels: int = 1024


class _StoppedError(Exception):
    def __init__(self, why: Stop) -> None:
        self.why = why
        super().__init__(why)


@dataclass(slots=True)
class _Line:
    """One channel: its rewriters in order, how much they hold, and since when the oldest of that."""

    rewriters: list[Rewriter]
    held: int = 0
    fed: int = 0
    times: deque[tuple[int, int]] = field(default_factory=deque)  # of what is held: where a feed ended, and when it was

    @property
    def since(self) -> int:
        return self.times[0][1]

    def feed(self, text: str, end: bool, at: int) -> str:
        before, self.fed = self.fed, self.fed + len(text)
        for rewriter in self.rewriters:
            text = rewriter.feed(text, end)
        self.held = sum([rewriter.held for rewriter in self.rewriters])
        if not self.held:
            self.times.clear()
            return text
        if self.fed > before:
            self.times.append((self.fed, at))
        while len(self.times) > 1 and self.times[0][0] <= self.fed - self.held:
            self.times.popleft()
        return text


@dataclass(slots=True)
class Said:
    """What the provider sent: its word on usage, and how much text it was, whatever field it stood in."""

    usage: Usage | None = None
    finish_reasons: list[str] = field(default_factory=list)
    characters: int = 0
    tokens: int = 0
    first_text_at: int | None = None


class Stream:
    """Feed it the provider's bytes, send what comes out.

    After each call look at `stop`: once it is set, send what was returned, drop what is still to come, and end the
    answer with what `block` or `fail` returns. `closed`: nothing more will come out.
    """

    __slots__ = (
        "_at", "_bounds", "_clean_end", "_count", "_dialect", "_events", "_hide", "_lines", "_repeats", "_rewritings",
        "_seen", "_size", "_unsent", "closed", "said", "stop",
    )  # fmt: skip

    def __init__(
        self,
        dialect: Dialect,
        rewritings: Sequence[Rewriting],
        count: Callable[[str], int],
        hide_usage: bool = False,
        bounds: Bounds | None = None,
        repeats: bool = False,
    ) -> None:
        """`rewritings` apply in their order: guard first, then restore. `count` gives the tokens of a text.

        `hide_usage` keeps back the event that tells nothing but usage: the caller did not ask for it. `repeats`: text
        may be said again in a form that cannot be rewritten, because none is.
        """
        self.said = Said()
        self.stop: Stop | None = None
        self.closed = False
        self._bounds = bounds or Bounds()
        self._dialect = dialect
        self._rewritings = rewritings
        self._count = count
        self._hide = hide_usage
        self._repeats = repeats
        self._events = EventReader(self._bounds.event)
        self._lines: dict[Channel, _Line] = {}
        self._seen: set[str] = set()
        self._size = 0
        self._at = 0
        self._unsent: frozenset[int] = frozenset()  # groups whose end has been read and not been sent
        self._clean_end = True  # what went out ends with a blank line

    @property
    def held(self) -> int:
        """Characters held back, in all channels."""
        return sum([line.held for line in self._lines.values()])

    @property
    def held_since(self) -> int | None:
        """The time of the feed that brought the oldest text still held; None when nothing is."""
        return min([line.since for line in self._lines.values() if line.held], default=None)

    def feed(self, chunk: bytes, end: bool, at: int) -> bytes:
        """What goes to the caller in place of `chunk`; `end` with the last one, after which nothing stays held.

        `at` is the time, in any unit. Never raises for what a provider sends: see `stop`.
        """
        self._at = at
        return self._collect(self._read(chunk, end))

    def release(self, at: int) -> bytes:
        """Let go what is held, as if the texts ended here; they go on unhindered. For the end of a deadline."""
        self._at = at
        return self._collect(self._flush(None))

    def block(self) -> bytes:
        """End the answer as the provider ends a filtered one; what is held is dropped. Empty once it has closed."""
        return self._end(self._dialect.blocked(self._unsent))

    def fail(self, error: bytes) -> bytes:
        """End the answer with an error, given as the body an unstreamed answer would have. Empty once closed."""
        return self._end(self._dialect.failed(error))

    def _collect(self, parts: Iterator[bytes]) -> bytes:
        """What comes before something stops the stream still goes out."""
        out: list[bytes] = []
        if self.closed or self.stop:
            return b""
        try:
            for part in parts:
                out.append(part)  # noqa: PERF402 - what came before an error counts
        except EventTooLargeError:
            self.stop = Stop.EVENT_TOO_LARGE
        except BlockedError:
            self.stop = Stop.BLOCKED
        except ExhaustedError:
            self.stop = Stop.RESTORED_TOO_MUCH
        except _StoppedError as stopped:
            self.stop = stopped.why
        except (Refused, ValueError):  # ValueError: orjson's own, or bad UTF-8
            self.stop = Stop.UNREADABLE
        return b"".join(out)

    def _end(self, last: bytes) -> bytes:
        if self.closed:
            return b""
        self.closed = True
        self._lines.clear()
        return last if self._clean_end else b"\n\n" + last

    def _read(self, chunk: bytes, end: bool) -> Iterator[bytes]:
        room = self._bounds.stream - self._size
        self._size += len(chunk)
        too_long = len(chunk) > room
        for event in self._events.feed(chunk[:room], end and not too_long):
            if not self.closed:
                yield from self._event(event)
        if too_long and not self.closed:
            raise _StoppedError(Stop.STREAM_TOO_LONG)
        if end and not self.closed:
            yield from self._flush(None)
            self.closed = True

    def _event(self, event: Event) -> Iterator[bytes]:
        if event.data is None or not event.data.strip():
            yield self._sent(event.raw, event.complete)
        elif self._dialect.closes(event.data):
            yield from self._flush(None)
            self.closed = True
            yield self._sent(event.raw)
        else:
            yield from self._answer(event, event.data)

    def _answer(self, event: Event, data: bytes) -> Iterator[bytes]:
        answer = _load(data)
        reading = self._dialect.read(answer)
        self._unsent = reading.ended
        self._note(reading)
        changes = self._pieces(reading)
        present = {piece.channel for piece in (*reading.pieces, *reading.sealed)}
        skip = {piece.path for piece in (*reading.pieces, *reading.sealed)} | set(reading.opaque)
        for path, text in strings(answer):
            if path not in skip and not is_identifier(path, text):
                self._other(reading, path, text, changes)
        if self.held > self._bounds.held:
            raise _StoppedError(Stop.HELD_TOO_MUCH)
        raw = event.with_data(changed(data, changes)) if changes else event.raw
        yield from self._flush(reading.ended, present)
        if not (reading.extra and self._hide):
            yield self._sent(raw, event.complete)
        self._unsent = frozenset()

    def _pieces(self, reading: Reading) -> list[Change]:
        """The changes of the channels' texts. A text that ends with this event has all of it in its last piece."""
        pieces = (*reading.pieces, *reading.sealed)
        last = {piece.channel: piece.path for piece in pieces if piece.channel.group in reading.ended}
        changes = []
        for place, piece in enumerate(pieces):
            end = last.get(piece.channel) == piece.path
            line = self._line(piece.channel, sealed=place >= len(reading.pieces))
            new = line.feed(piece.text, end, self._at)
            if new != piece.text:
                changes.append((piece.path, piece.text, new))
        return changes

    def _other(self, reading: Reading, path: Path, text: str, changes: list[Change]) -> None:
        """A string the dialect does not know holds nothing back: nobody knows how to bring it more text later.

        In a delta it is still the next piece of something: what it points to may have begun in an earlier one.
        """
        for start, group in reading.running:
            if path[: len(start)] == start:
                new = self._line(Channel(group, repr(path[len(start) :]))).feed(text, True, self._at)
                if new != text:
                    changes.append((path, text, new))
                return
        if text not in self._seen:
            self._whole(path, text, changes)

    def _whole(self, path: Path, text: str, changes: list[Change]) -> None:
        new = text
        for rewriting in self._rewritings:
            new = rewriting.whole(new)
        if new != text:
            changes.append((path, text, new))
        elif len(self._seen) < _MOST_SEEN and len(text) <= _LONGEST_SEEN:
            self._seen.add(text)

    def _flush(
        self, groups: frozenset[int] | None, but: set[Channel] | frozenset[Channel] = frozenset()
    ) -> Iterator[bytes]:
        """What is held in these groups (None: in all), in events of our own."""
        for channel, line in self._lines.items():
            if line.held and (groups is None or channel.group in groups) and channel not in but:
                text = line.feed("", True, self._at)
                if text:
                    yield self._sent(self._dialect.carry(channel, text))

    def _line(self, channel: Channel, sealed: bool = False) -> _Line:
        line = self._lines.get(channel)
        if line is None:
            if len(self._lines) == self._bounds.channels:
                raise _StoppedError(Stop.TOO_MANY_CHANNELS)
            rewriters: list[Rewriter] = [
                Unchanged(rewriting.channel()) if sealed else rewriting.channel()
                for rewriting in self._rewritings
                if rewriting.reads_signed or not sealed
            ]
            line = self._lines[channel] = _Line(rewriters)
        return line

    def _note(self, reading: Reading) -> None:
        if reading.repeats and not self._repeats:
            raise _StoppedError(Stop.LOGPROBS)
        said = self.said
        said.usage = reading.usage or said.usage
        for reason in reading.finish_reasons:
            if reason not in said.finish_reasons:
                said.finish_reasons.append(reason)
        for piece in (*reading.pieces, *reading.sealed):
            if piece.text:
                said.characters += len(piece.text)
                said.tokens += self._count(piece.text)
                if said.first_text_at is None:
                    said.first_text_at = self._at

    def _sent(self, raw: bytes, complete: bool = True) -> bytes:
        """Bytes that go out; an event of ours must not run into one whose blank line is missing."""
        before = b"" if self._clean_end else b"\n\n"
        self._clean_end = complete
        return before + raw


def _load(data: bytes) -> dict[str, object]:
    """The event's JSON object. Raises Refused or ValueError for what is none, or could be read in two ways.

    What orjson writes as it was read names no key twice and needs no stricter look.
    """
    answer = orjson.loads(data)
    if _rewritten(answer) != data:
        parse(data, MAX_DEPTH)
    if not isinstance(answer, dict):
        raise ValueError("an event is a JSON object")
    return answer


def _rewritten(answer: object) -> bytes:
    try:
        return orjson.dumps(answer)
    except orjson.JSONEncodeError:
        return b""  # deeper than it writes: the strict parser says what becomes of it
