"""Envoy's file, found again whatever happened to it."""

from pathlib import Path

import pytest

from forebay.record.checkpoint import Position
from forebay.record.source import Source, old_name


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "e.jsonl"
    path.write_bytes(b"one\ntwo\nthree\n")
    return path


def started(path: Path) -> Source:
    source = Source.start(path)
    assert source is not None
    return source


def test_no_file_is_no_source(tmp_path: Path) -> None:
    """Envoy has not started yet."""
    assert Source.start(tmp_path / "none") is None
    assert Source.resume(tmp_path / "none", Position(1, 1)) is None


def test_reading_goes_on_where_the_position_says(path: Path) -> None:
    """Reading alone moves nothing."""
    source = started(path)
    assert source.read(4) == source.read(4) == b"one\n"
    source.advance(4)
    resumed = Source.resume(path, source.position)
    assert resumed is not None
    assert resumed.read(100) == b"two\nthree\n"
    source.close()
    resumed.close()


def test_a_renamed_file_is_found_by_what_it_is(path: Path) -> None:
    """The recorder was down while it was rotated."""
    source = started(path)
    source.advance(4)
    path.rename(old_name(path))
    path.write_bytes(b"four\n")
    assert not source.current
    assert source.replaced
    resumed = Source.resume(path, source.position)
    assert resumed is not None
    assert resumed.read(4) == b"two\n"
    source.close()
    resumed.close()


def test_a_renamed_file_without_a_successor_is_not_replaced(path: Path) -> None:
    """Envoy still writes to it."""
    source = started(path)
    path.rename(old_name(path))
    assert not source.current
    assert not source.replaced
    source.close()


def test_a_truncated_file_is_rewritten(path: Path) -> None:
    """Shorter than what was read."""
    source = started(path)
    source.advance(8)
    path.write_bytes(b"x\n")
    assert source.rewritten
    source.rewind()
    assert not source.rewritten
    assert source.read(10) == b"x\n"
    source.close()


def test_a_file_truncated_and_grown_again_is_rewritten(path: Path) -> None:
    """Same inode, longer than what was read, other beginning."""
    source = started(path)
    source.advance(8)
    position = source.position
    path.write_bytes(b"something else altogether\n")
    assert source.rewritten
    assert Source.resume(path, position) is None
    source.close()


def test_a_growing_file_is_not_rewritten(path: Path) -> None:
    """The beginning stays what it was."""
    source = started(path)
    source.advance(8)
    with path.open("ab") as stream:
        stream.write(b"four\n" * 1000)
    assert not source.rewritten
    source.advance(3000)
    assert not source.rewritten
    source.close()
