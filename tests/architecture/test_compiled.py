"""What the compiled wheel compiles."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
SETUP = runpy.run_path(str(ROOT / "setup.py"), run_name="setup")


def test_the_hot_path_is_there() -> None:
    """A file that is renamed must not silently be interpreted from then on."""
    files = [Path(name) for name in SETUP["hot_path"]()]
    assert not [each for each in (*SETUP["HOT"], *SETUP["INTERPRETED"]) if not (ROOT / each).exists()]
    assert {each.parent.name for each in files} >= {"messages", "streams", "transaction", "usage", "wire"}


def test_detectors_are_not_compiled() -> None:
    """What they find must not depend on how the wheel was built."""
    assert not [name for name in SETUP["hot_path"]() if Path(name).parts[1] in {"detectors", "policy"}]


def test_the_ordinary_wheel_is_python() -> None:
    """Compiling is asked for."""
    assert SETUP["extensions"]() == []
