"""What is imported is declared: a package that another one happens to bring along may be gone with its next version."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PROVIDED_BY = packages_distributions()
OURS = {"forebay", "extproc", "xds", "tests", "dataplane"}
SUPPORT = {path.stem for path in (ROOT / "tests").rglob("*.py")}


def names(requirements: list[str]) -> set[str]:
    """The distributions of requirements, as PEP 503 writes them."""
    return {normal(re.split(r"[=<>\[ ;]", each)[0]) for each in requirements}


def normal(name: str) -> str:
    """`Foo_Bar` is `foo-bar`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(folder: str) -> Iterator[tuple[Path, str]]:
    """Every file below `folder`, with each top-level module of somebody else's that it imports."""
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            found: list[str] = []
            if isinstance(node, ast.Import):
                found = [each.name for each in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found = [node.module]
            for name in found:
                top = name.partition(".")[0]
                if top not in sys.stdlib_module_names and top not in OURS | SUPPORT:
                    yield path, top


RUNTIME = names(PROJECT["dependencies"])
TEST = RUNTIME | names(PROJECT["optional-dependencies"]["test"])


@pytest.mark.parametrize(
    ("folder", "declared"), [("forebay", RUNTIME), ("extproc", RUNTIME), ("xds", RUNTIME), ("tests", TEST)]
)
def test_what_is_imported_is_declared(folder: str, declared: set[str]) -> None:
    """In `dependencies` for what is shipped, in the test extras as well for tests."""
    undeclared = {
        (path.relative_to(ROOT).as_posix(), top)
        for path, top in imported(folder)
        if not {normal(each) for each in PROVIDED_BY.get(top, [])} & declared
    }
    assert undeclared == set()
