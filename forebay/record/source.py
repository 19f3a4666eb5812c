"""The file that Envoy writes, read from a position; a file replaced, renamed or truncated under us is noticed.

Rotation: when the file is past its size the recorder renames it to `….old` and asks Envoy to reopen its logs. Envoy
writes to the renamed file until it has opened a new one under the old name, and never after; so once the new one is
there and the renamed one is read to its end, nothing is missing and the renamed one is deleted.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from forebay.record.checkpoint import Position

_HEAD: Final = 1024


class Source:
    """One open file of Envoy's and how far it is read. `position` is where the next line begins."""

    def __init__(self, path: Path, descriptor: int, offset: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._inode = os.fstat(descriptor).st_ino
        self.offset = offset
        self._head = b""
        self._remember_head()

    @classmethod
    def start(cls, path: Path, name: Path | None = None) -> "Source | None":
        """The file now under `path` (or under `name`, renamed from it), from its beginning; None if there is none."""
        descriptor = _open(name or path)
        return None if descriptor is None else cls(path, descriptor, 0)

    @classmethod
    def resume(cls, path: Path, position: Position) -> "Source | None":
        """The file that `position` speaks of, whatever it is called by now; None if it is gone or was rewritten."""
        for candidate in _namesakes(path):
            descriptor = _open(candidate)
            if descriptor is None:
                continue
            if _is(descriptor, position):
                return cls(path, descriptor, position.offset)
            os.close(descriptor)
        return None

    @property
    def position(self) -> Position:
        """Where the next line begins."""
        return Position(self._inode, self.offset, hashlib.sha256(self._head).hexdigest(), len(self._head))

    @property
    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    @property
    def current(self) -> bool:
        """Whether this file is (still) the one under `path`."""
        return _inode(self.path) == self._inode

    @property
    def replaced(self) -> bool:
        """Whether another file stands under `path` already."""
        return _inode(self.path) not in (None, self._inode)

    @property
    def rewritten(self) -> bool:
        """Whether the file was truncated since we read it: it is shorter now, or begins otherwise."""
        return self.size < self.offset or os.pread(self._descriptor, len(self._head), 0) != self._head

    def read(self, most: int) -> bytes:
        """Up to `most` bytes from the position on; the position stays."""
        return os.pread(self._descriptor, most, self.offset)

    def advance(self, length: int) -> None:
        """Move the position by `length` bytes that were dealt with."""
        self.offset += length
        self._remember_head()

    def rewind(self) -> None:
        """Begin again at the beginning: the file was rewritten."""
        self.offset = 0
        self._head = b""

    def close(self) -> None:
        os.close(self._descriptor)

    def _remember_head(self) -> None:
        wanted = min(self.offset, _HEAD)
        if len(self._head) < wanted:
            self._head = os.pread(self._descriptor, wanted, 0)


def old_name(path: Path) -> Path:
    """What the recorder renames Envoy's file to."""
    return path.with_name(f"{path.name}.old")


def _open(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _namesakes(path: Path) -> Iterator[Path]:
    yield path
    yield from sorted(path.parent.glob(f"{path.name}.*"))


def _is(descriptor: int, position: Position) -> bool:
    facts = os.fstat(descriptor)
    if facts.st_ino != position.inode or facts.st_size < position.offset:
        return False
    head = os.pread(descriptor, position.head_length, 0)
    return position.offset == 0 or hashlib.sha256(head).hexdigest() == position.head
