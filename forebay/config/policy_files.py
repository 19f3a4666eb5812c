"""Policy patterns -> files, sorted, each once."""

import glob
import re
from pathlib import Path

_MAX_BYTES = 4 * 1024 * 1024
_SUFFIXES = frozenset({".rego", ".json"})  # rules, and objects whose keys appear under `data`
_TESTS = "_test.rego"  # how OPA's convention ends the name of a file of tests
_PACKAGE = re.compile(rb"^\s*package\b(.*)$", re.MULTILINE)
_NAME = re.compile(rb"\w+(?:\.\w+)*")
_RULES = re.compile(rb"forebay\.rules\.(?!\w*_test$)\w+")  # packages that may decide something


def expand(written: Path, base: Path) -> tuple[Path, ...]:
    """The files that a pattern relative to `base` means: absolute, sorted. Tests are left out, unless named outright.

    Raises ValueError, with a message that fits behind `path: `, when it matches nothing or something unusable.
    """
    found = glob.glob(str(written), root_dir=base, recursive=True)  # noqa: PTH207 - pathlib refuses absolute patterns
    files = sorted({base / each for each in found if (base / each).is_file()})
    if not files:
        raise ValueError("matches no file")
    for file in files:
        if file.suffix not in _SUFFIXES:
            raise ValueError(f"matches {file.name}, which is neither a .rego nor a .json file")
    contents = {file: read(file) for file in files}
    if glob.has_magic(str(written)):
        files = [file for file in files if not (file.name.endswith(_TESTS) and _is_test(contents[file]))]
    if not files:
        raise ValueError(f"matches nothing but tests (*{_TESTS}), which decide nothing")
    return tuple(files)


def _is_test(content: bytes) -> bool:
    """Whether its package can hold no rules of ours. What might be a rule is never left out, whatever it is called."""
    package = _PACKAGE.search(content)
    name = package[1].strip() if package else b""
    return bool(_NAME.fullmatch(name)) and not _RULES.fullmatch(name)


def read(file: Path) -> bytes:
    """The content of a policy file. Raises ValueError when it cannot be read or is larger than 4 MiB."""
    try:
        with file.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"matches {file.name}, which cannot be read ({type(error).__name__})") from None
    if len(content) > _MAX_BYTES:
        raise ValueError(f"matches {file.name}, which is larger than 4 MiB")
    return content
