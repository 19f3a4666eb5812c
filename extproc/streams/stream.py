"""One streamed answer: what the provider sends goes in, what the caller gets comes out.

Events that need no change pass byte for byte, and so does everything in an event but the strings that change. Text
that must be held back comes with a later delta of the same channel, and at the latest before its choice finishes, the
stream closes or ends. There is no clock in here: `held_since` says when a deadline for held text begins, and the
caller then either releases what is held or blocks the rest.

A chunk may be much work: one event of 1 MiB is a second of it. So it is done in *slices*, bounded by what is read, not
by a clock; between two of them the caller may see to others. Where a text is sliced makes no difference to what
becomes of it, as it makes none where it is cut.
"""

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from functools import partial
from typing import Final

from extproc.messages.answer import Usage
from extproc.messages.refusal import Refused
from extproc.streams.beside import Beside, within
from extproc.streams.changes import Body, Change
from extproc.streams.complete import Complete
from extproc.streams.dialect import Channel, Dialect, Reading
from extproc.streams.ends import Ends, Waiting
from extproc.streams.identifiers import is_identifier
from extproc.streams.line import Line
from extproc.streams.memory import shortened
from extproc.streams.mould import Mould, mould_of
from extproc.streams.names import Names
from extproc.streams.repeats import Repeats
from extproc.streams.rewriting import Rewriter, Rewriting, Unchanged
from extproc.streams.said import Said
from extproc.streams.slices import SLICE, Slices
from extproc.streams.sse import Event, EventReader
from extproc.streams.stops import WHY, Bounds, Stop, StoppedError

_PORTION: Final = 8 << 10  # bytes that are put together with what of an event came before
_EVENT: Final = 64  # characters that an event counts for, whatever it says
_BYTES: Final = 32  # of its JSON, that make it one more
_LOOKS: Final = 64  # strings that are looked at, read or not, before that is counted
_LINE: Final = 128  # a text that is let go, and what is held of it
_OPEN: Final = 4  # channels that make each event one more


class Stream:
    """Feed it the provider's bytes, send what comes out.

    After each call look at `stop`: once it is set, send what was returned, drop what is still to come, and end the
    answer with what `block` or `fail` returns. `closed`: nothing more will come out.
    """

    __slots__ = (
        "_again", "_at", "_beside", "_bounds", "_clean_end", "_complete", "_count", "_dialect", "_ends", "_events",
        "_hide", "_lines", "_mould", "_names", "_out", "_repeats", "_rest", "_rewritings", "_size", "_slices",
        "_unsent", "_waiting", "closed", "said", "stop", "unread",
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
        self.unread = 0  # bytes of the last chunk, which is kept while the stream is unfinished
        self._bounds = bounds or Bounds()
        self._dialect = dialect
        self._rewritings = rewritings
        self._count = count
        self._hide = hide_usage
        self._repeats = repeats
        self._events = EventReader(self._bounds.event)
        self._names = Names(dialect.typed)
        self._ends = Ends()
        self._waiting: Waiting | None = None
        self._lines: dict[Channel, Line] = {}
        self._again = Repeats(self._bounds.event, dialect.memory)
        self._slices = Slices()
        self._complete = Complete(rewritings, self._slices)
        self._beside = Beside(rewritings)
        self._size = 0
        self._at = 0
        self._unsent: frozenset[int] = frozenset()  # groups whose end has been read and not been sent
        self._clean_end = True  # what went out ends with a blank line
        self._out: list[bytes] = []
        self._mould: Mould | None = None  # of the last event, if it left one
        self._rest: Iterator[None] | None = None  # the slices of the last chunk that are still to do

    @property
    def held(self) -> int:
        """Characters held back, in all channels."""
        return sum([line.held for line in self._lines.values()])

    @property
    def held_since(self) -> int | None:
        """The time of the feed that brought the oldest text held that `release` would see; None when nothing is."""
        times = [line.since for line in self._lines.values() if line.since is not None]
        if self._waiting is not None:
            times.append(self._waiting.at)
        return min(times) if times else None

    @property
    def unfinished(self) -> bool:
        """Whether the last chunk is to be gone on with before anything else."""
        return self._rest is not None

    def feed(self, chunk: bytes, end: bool, at: int) -> bytes:
        """What goes to the caller in place of `chunk`; `end` with the last one, after which nothing stays held.

        `at` is the time, in any unit. Never raises for what a provider sends: see `stop`.
        """
        out = [self.begin(chunk, end, at)]
        while self.unfinished:
            out.append(self.go_on())
        return b"".join(out)

    def begin(self, chunk: bytes, end: bool, at: int) -> bytes:
        """As `feed`, but no more than the first slice of it: while the stream is `unfinished`, `go_on`."""
        self._at = at
        self._slices.begin()
        out = self._advance(self._read(chunk, end))
        if self._rest is not None:
            self.unread = len(chunk)
        return out

    def go_on(self) -> bytes:
        """The next slice of the last chunk. Raises ValueError when there is none."""
        if self._rest is None:
            raise ValueError("the stream is not unfinished")
        out = self._advance(self._rest)
        if self._rest is None:
            self.unread = 0
        return out

    def release(self, at: int) -> bytes:
        """Let go what is held, but for what a guard keeps; the texts go on unhindered. For the end of a deadline.

        A text that has ended if no more of it comes has ended then.
        No more than a slice of it, if that is much: `held_since` then stays as it was, and it is to be called again.
        Raises ValueError while the stream is `unfinished`.
        """
        if self._rest is not None:
            raise ValueError("the stream is unfinished")
        self._at = at
        self._slices.begin()
        out = self._advance(self._released())
        self._rest = None
        return out

    def block(self, used: Usage) -> bytes:
        """End the answer as a filtered one that `used` so much; what is held is dropped. Empty once it has closed."""
        unsent = self._unsent | (self._waiting.reading.ended if self._waiting else frozenset())
        return self._end(self._dialect.blocked(unsent, self._again.said, used))

    def fail(self, error: bytes) -> bytes:
        """End the answer with an error, given as the body an unstreamed answer would have. Empty once closed."""
        return self._end(self._dialect.failed(error))

    def _advance(self, slices: Iterator[None]) -> bytes:
        """One slice. What comes before something stops the stream still goes out."""
        self._rest = None
        if self.closed or self.stop:
            return b""
        try:
            for _ in slices:
                self._rest = slices
                break
        except StoppedError as stopped:
            self.stop = stopped.why
        except tuple(WHY) as error:
            self.stop = WHY[type(error)]
        except (Refused, ValueError):  # ValueError: orjson's own, or bad UTF-8
            self.stop = Stop.UNREADABLE
        out, self._out = self._out, []
        return out[0] if len(out) == 1 else b"".join(out)

    def _end(self, last: bytes) -> bytes:
        if self.closed:
            return b""
        self.closed = True
        self._lines.clear()
        return last if self._clean_end else b"\n\n" + last

    # Each yield ends a slice; what goes out is put into `_out`, where it stays if the next step stops the stream.

    def _read(self, chunk: bytes, end: bool) -> Iterator[None]:
        room = self._bounds.stream - self._size
        self._size += len(chunk)
        if self._events.between and not end and len(chunk) <= room and self._moulded(chunk):
            return
        too_long = len(chunk) > room
        for start in range(0, min(len(chunk), room) or 1, _PORTION):  # a chunk may be megabytes: no second copy of it
            stop = min(start + _PORTION, room)
            for event in self._events.feed(chunk[start:stop], end and not too_long and stop >= len(chunk)):
                if not self.closed:
                    yield from self._event(event)
                    if self._slices.spent(_EVENT + len(self._lines) // _OPEN):
                        yield
            if len(chunk) > _PORTION and self._slices.spent(chunk.count(b"\n", start, stop)):
                yield  # lines need not make events
        if too_long and not self.closed:
            raise StoppedError(Stop.STREAM_TOO_LONG)
        if end and not self.closed:
            yield from self._close()

    def _close(self) -> Iterator[None]:
        yield from self._settle(self._ends.close())
        yield from self._flush(None)
        self.closed = True

    def _released(self) -> Iterator[None]:
        if self._waiting is not None:
            yield from self._settle(self._ends.close())
        for channel, line in self._lines.items():
            if line.since is None:
                continue
            held = line.held
            if text := line.expire(self._at):
                self._send(self._dialect.carry(channel, text))
            if self._slices.spent(_LINE + held):
                yield

    def _moulded(self, raw: bytes) -> bool:
        """Whether it was an event like the last, and has been dealt with."""
        mould = self._mould
        if mould is None or len(raw) > SLICE or (found := mould.read(raw)) is None:
            return False
        number = None if found.number is None else self._dialect.alike(found.number)
        new = self._feed_line(mould.line, found.text, False)
        if mould.line.held and self.held > self._bounds.held:
            raise StoppedError(Stop.HELD_TOO_MUCH)
        self._send(raw if new == found.text and number == found.number else found.poured(raw, new, number))
        if number is not None:
            self._dialect.passed()
        return True

    def _event(self, event: Event) -> Iterator[None]:
        if self._moulded(event.raw):
            return
        self._mould = None
        if event.data is None or not event.data.strip():
            self._send(event.raw, event.complete)
        elif self._dialect.closes(event.data):
            yield from self._close()
            self._send(event.raw)
        else:
            yield from self._answer(event, event.data)

    def _answer(self, event: Event, data: bytes) -> Iterator[None]:
        body = Body(data)
        self._names.check(event.name, body.value)
        if self._slices.spent(len(data) // _BYTES):
            yield
        reading = yield from self._dialect.reading(body.value)
        self.said.note(reading)
        self._unsent = reading.ended
        yield from self._settle(self._ends.before(reading))
        if reading.repeats and not self._repeats:
            raise StoppedError(Stop.LOGPROBS)
        changes: list[Change] = []
        yield from self._pieces(reading, changes)
        settled = yield from self._others(reading, body, changes)
        if self.held > self._bounds.held:
            raise StoppedError(Stop.HELD_TOO_MUCH)
        if settled and self._leaves_a_mould(event, reading):
            self._mould = mould_of(event, body, reading, self._lines[reading.pieces[0].channel])
        self._ends.after(reading)
        if reading.perhaps and any(line.held and of.group in reading.ended for of, line in self._lines.items()):
            self._waiting = Waiting(event, body, reading, changes, self._at)
        else:
            yield from self._flush(reading.ended, {piece.channel for piece in (*reading.pieces, *reading.sealed)})
            if reading.again or reading.echoed:
                yield from self._again.told(reading, self._rewritings, self._complete.read, changes)
            self._pass(event, body, reading, changes)
        self._unsent = frozenset()

    def _leaves_a_mould(self, event: Event, reading: Reading) -> bool:
        one = len(reading.pieces) == 1 and len(event.raw) <= SLICE
        return one and reading.pieces[0].channel.group not in self._ends

    def _pass(self, event: Event, body: Body, reading: Reading, changes: list[Change]) -> None:
        """The event goes out, with its changes."""
        out = self._dialect.sent(body.changed(changes) if changes else body.data)
        raw = event.raw if out is body.data else event.with_data(out)
        if not (reading.extra and self._hide):
            self._send(raw, event.complete)

    def _settle(self, over: frozenset[int]) -> Iterator[None]:
        """The event that waits goes out. These groups have ended with it, others go on: they stay held."""
        waiting = self._waiting
        if waiting is None:
            return
        pieces = waiting.last_pieces(over)
        for piece in pieces:
            waiting.add(piece, self._lines[piece.channel].feed("", True, self._at))
        yield from self._flush(over, {piece.channel for piece in pieces})
        self._pass(waiting.event, waiting.body, waiting.reading, waiting.changes)
        self._waiting = None

    def _pieces(self, reading: Reading, changes: list[Change]) -> Iterator[None]:
        """The changes of the channels' texts. A text that ends with this event has all of it in its last piece."""
        pieces = (*reading.pieces, *reading.sealed)
        ended = frozenset() if reading.perhaps else reading.ended
        last = {piece.channel: piece.path for piece in pieces if piece.channel.group in ended}
        for place, piece in enumerate(pieces):
            end = last.get(piece.channel) == piece.path
            line = self._line(piece.channel, sealed=place >= len(reading.pieces))
            new = yield from self._slices.fed(partial(self._feed_line, line), piece.text, end)
            if new != piece.text:
                changes.append((piece.path, piece.text, new))

    def _feed_line(self, line: Line, text: str, end: bool) -> str:
        """A piece of a text that the dialect knows."""
        if text:
            self.said.hear(text, self._count(text), self._at)
        return line.feed(text, end, self._at)

    def _others(self, reading: Reading, body: Body, changes: list[Change]) -> Generator[None, None, bool]:
        """The strings the dialect does not know hold nothing back: nobody knows how to bring them more text later.

        In a delta each is still the next piece of something: what it points to may have begun in an earlier one.
        Returns whether the same ones would be let pass again unseen.
        """
        texts = (*reading.pieces, *reading.sealed, *reading.again, *reading.echoed)
        known = {piece.path for piece in texts} | {*reading.opaque, *reading.fixed}
        found, inputs = self._beside.told(body, reading, not self._dialect.says_again)
        settled, running = True, dict(reading.running)
        beneath = len(reading.running[0][0]) if running else 0  # steps: they all stand equally deep
        for number, (path, text) in enumerate(body.strings(), 1):
            if number % _LOOKS == 0 and self._slices.spent(_LOOKS * 2):
                yield
            if path in known or is_identifier(path, text) or (inputs and within(path, inputs)):
                continue
            group = running.get(path[:beneath]) if running else None
            line = None if group is None else self._line(Channel(group, shortened(repr(path[beneath:]))))
            if line is not None:
                new = yield from self._slices.fed(partial(line.feed, at=self._at), text, True)
            elif text not in self._complete.seen:
                new = yield from self._complete.read(text, self._rewritings)
            else:
                continue
            settled = settled and line is None and text in self._complete.seen
            if new != text:
                changes.append((path, text, new))
        return (yield from self._beside.read(found, reading, body, changes, self._complete.read)) and settled

    def _flush(self, groups: frozenset[int] | None, but: Collection[Channel] = ()) -> Iterator[None]:
        """What is held in these groups (None: in all) goes out, in events of our own."""
        if groups is not None and not groups:
            return
        for channel, line in self._lines.items():
            if (held := line.held) and (groups is None or channel.group in groups) and channel not in but:
                if text := line.feed("", True, self._at):
                    self._send(self._dialect.carry(channel, text))
                if self._slices.spent(_LINE + held):
                    yield

    def _line(self, channel: Channel, sealed: bool = False) -> Line:
        line = self._lines.get(channel)
        if line is None:
            if len(self._lines) == self._bounds.channels:
                raise StoppedError(Stop.TOO_MANY_CHANNELS)
            rewriters: list[Rewriter] = [
                Unchanged(rewriting.channel()) if sealed else rewriting.channel()
                for rewriting in self._rewritings
                if rewriting.reads_signed or not sealed
            ]
            if self._dialect.says_again:
                rewriters = self._again.around(channel, rewriters)
            line = self._lines[channel] = Line(rewriters)
        return line

    def _send(self, raw: bytes, complete: bool = True) -> None:
        """Bytes that go out; an event of ours must not run into one whose blank line is missing."""
        self._out.append(raw if self._clean_end else b"\n\n" + raw)
        self._clean_end = complete
