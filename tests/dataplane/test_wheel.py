"""The built wheel alone, away from the checkout, runs the demo."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_wheel_runs_the_demo_outside_the_checkout(tmp_path: Path) -> None:
    """Policies, bootstrap and schemas travel inside it; nothing is read from the folder it was built in."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)], check=True, timeout=120)
    (wheel,) = tmp_path.glob("forebay-*.whl")
    unpacked = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(unpacked)
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    where = "import forebay, extproc, xds; print(forebay.__file__, extproc.__file__, xds.__file__)"
    for code in (["-c", where], ["-m", "forebay.cli.main", "demo"]):
        done = subprocess.run(
            [sys.executable, "-P", *code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert str(ROOT) not in done.stdout
    assert "served by" in done.stdout
