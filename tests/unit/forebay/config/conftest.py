"""A folder with what the example refers to."""

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A config folder with one policy."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "main.rego").write_text("package forebay.main\n")
    return tmp_path
