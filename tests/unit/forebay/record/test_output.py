"""The published file: committed lines only."""

from pathlib import Path

from forebay.record.output import Output


def test_appended_lines_are_in_the_file(tmp_path: Path) -> None:
    """The position is its end."""
    output = Output.start(tmp_path / "r")
    output.append(b"one\n")
    assert output.position.offset == 4
    assert (tmp_path / "r").read_bytes() == b"one\n"
    assert output.before(2) == b"e\n"
    output.close()


def test_what_no_checkpoint_names_is_cut_off(tmp_path: Path) -> None:
    """It will be written again."""
    output = Output.start(tmp_path / "r")
    output.append(b"one\n")
    committed = output.position
    output.append(b"two\nthr")
    output.close()
    resumed = Output.resume(tmp_path / "r", committed)
    assert (tmp_path / "r").read_bytes() == b"one\n"
    resumed.close()


def test_a_foreign_file_keeps_its_whole_lines(tmp_path: Path) -> None:
    """Restored from a backup, or written by a former installation."""
    (tmp_path / "r").write_bytes(b"one\n" * 40_000 + b"half")
    output = Output.start(tmp_path / "r")
    assert output.position.offset == 160_000
    output.close()
    (tmp_path / "r").write_bytes(b"half")
    output = Output.start(tmp_path / "r")
    assert output.position.offset == 0
    output.close()


def test_rotation_keeps_the_newest(tmp_path: Path) -> None:
    """Numbers grow with age."""
    output = Output.start(tmp_path / "r")
    for number in range(6):
        output.append(f"{number}\n".encode())
        output.rotate(keep=3)
    output.close()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "r": "", "r.1": "5\n", "r.2": "4\n", "r.3": "3\n",
    }  # fmt: skip


def test_a_rotation_with_a_gap_deletes_nothing(tmp_path: Path) -> None:
    """What a crash in the middle of a rotation leaves."""
    for number in (2, 3):
        (tmp_path / f"r.{number}").write_text(f"old {number}")
    output = Output.start(tmp_path / "r")
    output.append(b"new\n")
    output.rotate(keep=3)
    output.close()
    assert [(tmp_path / f"r.{number}").read_text() for number in (1, 2, 3)] == ["new\n", "old 2", "old 3"]


def test_a_removed_file_is_noticed(tmp_path: Path) -> None:
    """Writing on would be writing into nothing."""
    output = Output.start(tmp_path / "r")
    assert not output.removed
    (tmp_path / "r").unlink()
    assert output.removed
    output.close()


def test_the_file_is_private(tmp_path: Path) -> None:
    """Tenants, models and costs are nobody else's business."""
    Output.start(tmp_path / "r").close()
    assert (tmp_path / "r").stat().st_mode & 0o777 == 0o600
