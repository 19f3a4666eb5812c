"""The demo, as a newcomer types it."""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def words(shown: str) -> set[str]:
    """All that is no number, no frame and no placeholder's tag."""
    return set(re.findall(r"[A-Za-z]{2,}", re.sub(r"_[0-9a-z]{6}\]", "]", shown)))


def test_the_demo_shows_everything_and_leaves_nothing_running() -> None:
    """Exit status 0 says that every request came out as it should; piped, the table has no colours and fits."""
    folders = {name: tempfile.mkdtemp(prefix="fb") for name in ("XDG_RUNTIME_DIR", "TMPDIR")}
    environment = {**os.environ, "COLUMNS": "110", **folders}
    began = time.monotonic()
    command = [sys.executable, "-P", "-m", "forebay.cli.main", "demo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < 60
    assert float(re.search(r"ready after ([\d.]+) s", done.stdout)[1]) < 15  # type: ignore[index]
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines()[:60])) <= 120
    for reason in ("prompt_injection", "policy_denied", "unauthenticated", "tenant_rate_limited"):
        assert reason in done.stdout.replace("\n", "")
    assert "TOOL_NOT_ALLOWED" in done.stdout or "delete_database" in done.stdout
    documented = README.read_text("utf-8").split("<!-- demo -->")[1].split("<!-- /demo -->")[0]
    assert words(documented) == words(done.stdout)
    assert not any(line.endswith(" ") for line in done.stdout.splitlines())
    assert list(Path(environment["XDG_RUNTIME_DIR"]).iterdir()) == []
    assert list(Path(environment["TMPDIR"]).glob("forebay-demo-*")) == []
