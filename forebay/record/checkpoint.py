"""How far the input is read and the output written: one fact, in one file, replaced whole."""

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path

import orjson


class CheckpointUnreadable(Exception):
    """The checkpoint is there but damaged, so going on would lose or repeat records.

    Move it away to start over: the rest of Envoy's file is then published once more, behind what is published already.
    """


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file: the file by its inode and the digest of its first `head_length` bytes, and a byte offset.

    The digest tells a file from a later one that was given the same inode. Inode 0 stands for no file yet.
    """

    inode: int = 0
    offset: int = 0
    head: str = ""
    head_length: int = 0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything of the input before `input` is published, in the output before `output`, and nothing behind it."""

    input: Position
    output: Position


def load(path: Path) -> Checkpoint | None:
    """The checkpoint at `path`, None if there is none. Raises CheckpointUnreadable when it is damaged."""
    try:
        values = orjson.loads(path.read_bytes())
        return Checkpoint(Position(**values["input"]), Position(**values["output"]))
    except FileNotFoundError:
        return None
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise CheckpointUnreadable(f"{path} is damaged ({type(error).__name__}); move it away to start over") from None


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint: after a crash at any point either the old or the new one is there, whole.

    Raises OSError when the disk refuses; the old one then still stands.
    """
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(orjson.dumps(dataclasses.asdict(checkpoint)))
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
