"""What docs/streams.md says is held: by tests that exist, and its numbers by the code."""

import ast
import re
from pathlib import Path

from extproc.streams.changes import MOST_VALUES
from extproc.streams.restoring import MAX_BROUGHT, MAX_RESTORED
from extproc.streams.stops import Bounds
from extproc.transaction.stream_path import DIALECTS
from forebay.contract import CHAT, MESSAGES, RESPONSES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "streams.md").read_text("utf-8")
SECTION = re.compile(r"^## ", re.MULTILINE)
NAMED = re.compile(r"^([\w/]+\.py)::(\w+)$", re.MULTILINE)


def names_in(file: Path) -> set[str]:
    """The names of the tests in a file."""
    tree = ast.parse(file.read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_section_names_tests_that_exist() -> None:
    """A claim that nothing runs is a hope."""
    sections = SECTION.split(PAGE)[1:]
    assert len(sections) > 5
    for section in sections:
        named = NAMED.findall(section)
        assert named, section.splitlines()[0]
        missing = [(file, name) for file, name in named if name not in names_in(ROOT / "tests" / file)]
        assert missing == []


def test_the_bounds_are_those_of_the_code() -> None:
    """In the order of the table."""
    table = PAGE.split("## Bounds")[1].split("<!--")[0]
    cells = [line.split("|")[2].strip() for line in table.splitlines() if line.startswith("| ")][1:]
    bounds = Bounds()
    assert cells == [
        f"{bounds.event >> 20} MiB",
        f"{MOST_VALUES:,}",
        f"{bounds.stream >> 20} MiB",
        f"{bounds.held:,} characters",
        f"{bounds.channels:,}",
        f"{MAX_RESTORED:,}, or {MAX_BROUGHT:,} characters",
    ]


def test_the_apis_that_stream_are_named() -> None:
    """Those, and no other path."""
    served = PAGE.split("## What is streamed")[1].split("##")[0]
    paths = {"chat": CHAT, "responses": RESPONSES, "messages": MESSAGES}
    assert paths.keys() == DIALECTS.keys()
    assert set(re.findall(r"`(/v1/[a-z/]+)`", served)) == set(paths.values())
