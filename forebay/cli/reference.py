"""docs/cli.md, made from --help: `python -m forebay.cli.reference > docs/cli.md`."""

import os

from typer.testing import CliRunner

from forebay.cli.main import VERBS, app

_HEAD = """# The command

Made from `--help` by `make docs`; a test holds the two together.
"""


def text() -> str:
    """The page: the help of the command and of each verb."""
    return "\n".join([_HEAD, _section([]), *(_section([verb.__name__]) for verb in VERBS)])


def _section(words: list[str]) -> str:
    os.environ["COLUMNS"] = os.environ["TERMINAL_WIDTH"] = "100"
    said = CliRunner().invoke(app(), [*words, "--help"], prog_name="forebay", env={"NO_COLOR": "1"}).output
    lines = "\n".join(line.rstrip() for line in said.strip().splitlines())
    return f"## {' '.join(['forebay', *words])}\n\n```text\n{lines}\n```\n"


if __name__ == "__main__":
    print(text(), end="")
