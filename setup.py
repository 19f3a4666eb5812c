"""With FOREBAY_COMPILED=1 the wheel's hot path is compiled by mypyc: the same source, up to a third less of its time.

`make compiled` builds it, `make test-compiled` runs the tests of what was compiled. Needs mypy of the extra `lint`, a C
compiler and Python's headers. Without the variable nothing is compiled, and everything else is in pyproject.toml.
"""

import os
from pathlib import Path

from setuptools import setup

PACKAGES = ("messages", "streams", "transaction", "usage", "wire")
FILES = {
    "extproc": ("codec", "driver", "inspection", "inspector", "protobuf", "risk"),
    "forebay/record": ("attempts", "classify", "line", "metrics", "processor", "publish", "scalars", "tallies"),
}
HOT = (
    *(Path("extproc", name) for name in PACKAGES),
    *(Path(folder, f"{name}.py") for folder, names in FILES.items() for name in names),
)
# extproc/detectors is not among them: what is found must not depend on how the wheel was built.
INTERPRETED = {
    Path("extproc/messages/errors_page.py"),  # documentation
    Path("extproc/wire/eager.py"),  # steps into coroutines by hand
    Path("extproc/wire/serve.py"),  # runs once
}


def hot_path() -> list[str]:
    """The files to compile."""
    files = [file for path in HOT for file in (sorted(path.glob("*.py")) if path.is_dir() else [path])]
    return [str(file) for file in files if file not in INTERPRETED and file.name != "__init__.py"]


def extensions() -> list[object]:
    """What setuptools builds beside the Python files."""
    if os.environ.get("FOREBAY_COMPILED") != "1":
        return []
    from mypyc.build import mypycify

    return list(mypycify(hot_path(), opt_level=os.environ.get("FOREBAY_OPTIMISED", "3"), strip_asserts=False))


if __name__ == "__main__":
    setup(ext_modules=extensions())
