"""One fact in one file."""

from pathlib import Path

import pytest

from forebay.record import checkpoint
from forebay.record.checkpoint import Checkpoint, CheckpointUnreadable, Position

FACT = Checkpoint(Position(7, 120, "ab", 100), Position(9, 4000))


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    """Both positions, whole."""
    checkpoint.save(tmp_path / "c", FACT)
    assert checkpoint.load(tmp_path / "c") == FACT


def test_there_may_be_none(tmp_path: Path) -> None:
    """A first start."""
    assert checkpoint.load(tmp_path / "c") is None


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[]", b'{"input":{},"output":{"x":1}}', b"1"])
def test_a_damaged_one_is_not_guessed(tmp_path: Path, content: bytes) -> None:
    """Guessing would lose or repeat records; the message names the file."""
    (tmp_path / "c").write_bytes(content)
    with pytest.raises(CheckpointUnreadable, match="move it away"):
        checkpoint.load(tmp_path / "c")


def test_saving_leaves_nothing_else_behind(tmp_path: Path) -> None:
    """The temporary file takes the name."""
    checkpoint.save(tmp_path / "c", FACT)
    checkpoint.save(tmp_path / "c", FACT)
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
