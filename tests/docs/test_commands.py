"""What the documentation tells people to type exists."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from forebay.cli.main import VERBS, app
from forebay.cli.reference import text
from forebay.config.load import load

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
NAMES = [verb.__name__ for verb in VERBS]
BLOCK = re.compile(r"^```(?:console|sh|bash|shell)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(page: Path, program: str) -> Iterator[list[str]]:
    """The calls of a program in the shell blocks of a page, in words."""
    for block in BLOCK.findall(page.read_text("utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            line = line.removeprefix("$ ")
            if line.split(" ")[0] == program:
                yield shlex.split(line, comments=True)


def help_of(verb: str) -> str:
    """What `forebay VERB --help` prints."""
    result = CliRunner().invoke(app(), [verb, "--help"])
    assert result.exit_code == 0
    return result.output


def test_the_page_on_the_command_is_its_help() -> None:
    """docs/cli.md is generated; `make docs` writes it anew."""
    assert (ROOT / "docs" / "cli.md").read_text("utf-8") == text()


@pytest.mark.parametrize("verb", NAMES)
def test_the_help_of_a_verb_holds_an_example(verb: str) -> None:
    """One that can be typed: the verb and only options it has."""
    said = help_of(verb)
    examples = re.findall(rf"^ +(forebay {verb}\b.*)$", said, re.MULTILINE)
    assert examples
    for example in examples:
        for option in re.findall(r"(?<= )--?[a-z][a-z-]*", example):
            assert option in said


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_on_a_page_exist(page: Path) -> None:
    """Every `forebay VERB` and every `make TARGET`."""
    for _program, *words in commands(page, "forebay"):
        assert words[0] in NAMES, words
        said = help_of(words[0])
        assert [word for word in words[1:] if word.startswith("-") and word.split("=")[0] not in said] == []
    for _program, *targets in commands(page, "make"):
        assert set(targets) <= TARGETS


@pytest.mark.parametrize("example", sorted((ROOT / "docs" / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_an_example_config_loads(example: Path) -> None:
    """People copy these."""
    assert load(example).models
