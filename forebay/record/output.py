"""The published file: append, commit, truncate to what is committed, rotate.

`records.jsonl` grows to its size limit, then becomes `records.jsonl.1`, the former `.1` becomes `.2`, and so on; the
oldest beyond the limit is deleted. Only whole committed lines are ever in a numbered file.
"""

import os
from pathlib import Path

from forebay.record.checkpoint import Position, sync_folder


class Output:
    """The open published file. What is appended counts only once a checkpoint names the new `position`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def start(cls, path: Path) -> "Output":
        """The published file without a checkpoint: what is there stays, up to its last whole line."""
        output = cls(path, _open(path))
        output._cut(_end_of_last_line(output._descriptor))
        return output

    @classmethod
    def resume(cls, path: Path, position: Position) -> "Output":
        """The published file as `position` commits it: whatever was appended later is cut off, to be written again.

        Where the file is another one (a crash in the middle of a rotation leaves a new, empty one; somebody may have
        taken ours away) or is shorter than that, what is there stays, up to its last whole line.
        """
        output = cls(path, _open(path))
        facts = os.fstat(output._descriptor)
        if facts.st_ino == position.inode:
            output._cut(min(position.offset, facts.st_size))
        else:
            output._cut(_end_of_last_line(output._descriptor))
        return output

    @property
    def position(self) -> Position:
        """Where the next record will begin."""
        facts = os.fstat(self._descriptor)
        return Position(facts.st_ino, facts.st_size)

    @property
    def removed(self) -> bool:
        """Whether the file under `path` is no longer this one."""
        return _inode(self.path) != os.fstat(self._descriptor).st_ino

    def append(self, content: bytes) -> None:
        """Write `content` and wait until it is on the disk."""
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        os.fsync(self._descriptor)

    def before(self, length: int) -> bytes:
        """The last `length` bytes, fewer if there are no more."""
        size = os.fstat(self._descriptor).st_size
        return os.pread(self._descriptor, length, max(0, size - length))

    def rotate(self, keep: int) -> None:
        """Begin a new file; `keep` numbered ones remain. Everything in the current one must be committed.

        Repeating it after a crash at any point is right: numbers move up only as far as the first free one.
        """
        free = next((n for n in range(1, keep) if not _numbered(self.path, n).exists()), keep)
        for number in range(free, 1, -1):
            _numbered(self.path, number - 1).replace(_numbered(self.path, number))
        self.path.replace(_numbered(self.path, 1))
        os.close(self._descriptor)
        self._descriptor = _open(self.path)
        sync_folder(self.path.parent)

    def close(self) -> None:
        os.close(self._descriptor)

    def _cut(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)
        os.fsync(self._descriptor)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _end_of_last_line(descriptor: int) -> int:
    end = os.fstat(descriptor).st_size
    while end > 0:
        begin = max(0, end - 65536)
        at = os.pread(descriptor, end - begin, begin).rfind(b"\n")
        if at >= 0:
            return begin + at + 1
        end = begin
    return 0
