"""Input, output and checkpoint in lock-step: every line of Envoy's file is published exactly once.

One step reads whole lines, appends their records, waits for the disk, and only then replaces the checkpoint, which
names both positions. A crash between append and checkpoint leaves records that nothing commits: the next start cuts
them off and publishes the same lines again. Nothing else is ever deleted before a checkpoint has made it needless.
"""

import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from forebay.places import Places
from forebay.record import checkpoint
from forebay.record.attempts import Attempts
from forebay.record.checkpoint import Checkpoint, Position
from forebay.record.line import LONGEST
from forebay.record.output import Output
from forebay.record.pace import Pace
from forebay.record.publish import Published, publish, recollect
from forebay.record.source import Source, old_name

MEBIBYTE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes. Published records: at most (`keep` + 1) x `output`, here 1 GiB; the oldest go first."""

    input: int = 64 * MEBIBYTE  # Envoy's file is rotated beyond this, and deleted once it is published
    output: int = 128 * MEBIBYTE  # the published file is rotated beyond this
    keep: int = 7  # rotated published files
    batch: int = 2 * LONGEST  # read per step: more than the longest line
    memory: int = MEBIBYTE  # of published lines, looked at after a start for attempts whose request is still open


class TailBusy(Exception):
    """Another recorder works in this state directory; stop it, or give this one its own."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did: the records now committed, the bytes still unread, and what else happened."""

    published: tuple[Published, ...] = ()
    backlog: int = 0
    rotated: tuple[str, ...] = ()  # "input", "output"
    gaps: int = 0  # times the input was rewritten or gone before it was read to its end

    hurried: bool = False  # there was so much to read that nobody rested

    @property
    def idle(self) -> bool:
        """Whether there was nothing to do: no whole line, no other file."""
        return not self.published and not self.rotated and not self.gaps


@dataclass(slots=True)
class _Notes:
    rotated: list[str] = field(default_factory=list)
    gaps: int = 0
    hurried: bool = False


class Tail:
    """The one reader of Envoy's file. Not thread-safe; after an exception close it and make a new one."""

    def __init__(
        self, places: Places, reopen: Callable[[], bool], limits: Limits | None = None, pace: Pace | None = None
    ) -> None:
        """Take the lock and go to where the checkpoint says.

        `reopen` asks Envoy to reopen its logs and says whether it was reached. Raises TailBusy when another recorder
        has the lock, CheckpointUnreadable, and OSError when the state directory cannot be used.
        """
        self._places = places
        self._reopen = reopen
        self._limits = limits or Limits()
        self._pace = pace or Pace()
        self._notes = _Notes()
        self._lock = _lock(places)
        try:
            known = checkpoint.load(places.checkpoint)
            self._output = Output.resume(places.records, known.output) if known else Output.start(places.records)
            self._attempts = Attempts()
            recollect(self._output.before(self._limits.memory), self._attempts)
            self._source = self._find(known.input if known else Position())
            self._commit()
        except BaseException:
            os.close(self._lock)
            raise

    def step(self) -> Step:
        """Publish what is there, at most `Limits.batch` bytes of it. Raises OSError when the disk refuses.

        After OSError close this tail; a new one goes on from the last checkpoint.
        """
        published = self._publish_next() if self._ready() else ()
        self._rotate_input()
        self._rotate_output()
        backlog = self._source.size - self._source.offset if self._source else 0
        notes, self._notes = self._notes, _Notes()
        return Step(published, max(0, backlog), tuple(notes.rotated), notes.gaps, notes.hurried)

    def close(self) -> None:
        """Let go of the files and the lock; the checkpoint stands as it is."""
        if self._source:
            self._source.close()
        self._output.close()
        os.close(self._lock)

    def _find(self, position: Position) -> Source | None:
        path = self._places.envoy_record
        resumed = Source.resume(path, position) if position.inode else None
        if position.inode and resumed is None:
            self._notes.gaps += 1
        return resumed or Source.start(path, old_name(path)) or Source.start(path)

    def _ready(self) -> bool:
        if self._source is None:
            self._source = Source.start(self._places.envoy_record)
            if self._source is None:
                return False
            self._commit()
        if self._source.rewritten:
            self._notes.gaps += 1
            self._source.rewind()
            self._commit()
        return True

    def _publish_next(self) -> tuple[Published, ...]:
        """The next records; at the end of a file that can grow no more, go on to the next file."""
        source = self._source
        if source is None:
            return ()
        published = self._publish()
        if published is not None or not source.replaced:
            return published or ()
        # The next file is there: what was written to this one before that, and after we read, is in it now.
        published = self._publish()
        if published is not None:
            return published
        remnant = self._publish(to_the_end=True)  # a line that nobody will finish
        self._switch()
        return remnant or ()

    def _publish(self, *, to_the_end: bool = False) -> tuple[Published, ...] | None:
        """The records of the next whole lines, committed; None if there is no whole line.

        `to_the_end` takes a last line without its line feed too.
        """
        source = self._source
        if source is None:
            return None
        chunk = source.read(self._limits.batch)
        length = len(chunk) if to_the_end or _endless(chunk, self._limits.batch) else chunk.rfind(b"\n") + 1
        if not length:
            return None
        published: list[Published] = []
        at = 0
        self._notes.hurried = length >= self._limits.batch // 2
        for raw in self._pace.through(chunk[:length].split(b"\n"), hurried=self._notes.hurried):
            if raw.strip():
                published.extend(publish(raw, source.offset + at, self._attempts))
            at += len(raw) + 1
        self._writable()
        self._output.append(b"".join(item.line() for item in published))
        source.advance(length)
        self._commit()
        return tuple(published)

    def _writable(self) -> None:
        """Begin a new published file where somebody took the old one away, and commit that before writing to it."""
        if self._output.removed:
            self._output.close()
            self._output = Output.start(self._places.records)
            self._commit()

    def _switch(self) -> None:
        following = Source.start(self._places.envoy_record)
        if following is None or self._source is None:
            return
        self._source.close()
        self._source = following
        self._commit()
        self._notes.rotated.append("input")

    def _rotate_input(self) -> None:
        source, old = self._source, old_name(self._places.envoy_record)
        if source is None:
            return
        if source.current:
            # the checkpoint speaks of its successor, so it is published whole
            old.unlink(missing_ok=True)
        if source.current and source.size > self._limits.input:
            self._places.envoy_record.replace(old)
            self._reopen()
        elif not source.current and not source.replaced:
            self._reopen()  # Envoy did not hear us, or has not opened its file yet: asking again does no harm

    def _rotate_output(self) -> None:
        if self._output.position.offset > self._limits.output:
            self._output.rotate(self._limits.keep)
            self._commit()
            self._notes.rotated.append("output")

    def _commit(self) -> None:
        position = self._source.position if self._source else Position()
        checkpoint.save(self._places.checkpoint, Checkpoint(position, self._output.position))


def _endless(chunk: bytes, most: int) -> bool:
    """Whether a full chunk holds no line feed: no line of Envoy's is so long, so it is given up as unreadable."""
    return len(chunk) == most and b"\n" not in chunk


def _lock(places: Places) -> int:
    descriptor = os.open(places.state / "recorder.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise TailBusy(f"another recorder works in {places.state}") from None
    return descriptor
