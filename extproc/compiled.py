"""Whether the hot path of this process was compiled when the package was built (docs/decisions/0016)."""

from pathlib import Path

from extproc.transaction import machine


def is_compiled() -> bool:
    """True where mypyc's modules stand in place of the Python files."""
    return Path(machine.__file__).suffix != ".py"
