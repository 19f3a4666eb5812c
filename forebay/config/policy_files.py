"""Policy patterns -> files, sorted, each once."""

import glob
from pathlib import Path

_MAX_BYTES = 4 * 1024 * 1024
_SUFFIXES = frozenset({".rego", ".json"})  # rules, and objects whose keys appear under `data`


def expand(written: Path, base: Path) -> tuple[Path, ...]:
    """The files that a pattern relative to `base` means: absolute, sorted.

    Raises ValueError, with a message that fits behind `path: `, when it matches nothing or something unusable.
    """
    found = glob.glob(str(written), root_dir=base, recursive=True)  # noqa: PTH207 - pathlib refuses absolute patterns
    files = sorted({base / each for each in found if (base / each).is_file()})
    if not files:
        raise ValueError("matches no file")
    for file in files:
        if file.suffix not in _SUFFIXES:
            raise ValueError(f"matches {file.name}, which is neither a .rego nor a .json file")
        read(file)
    return tuple(files)


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
