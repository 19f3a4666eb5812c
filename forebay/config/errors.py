"""ConfigErrors: everything that is wrong with a config file, located, in one exception."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

Location = tuple[str | int, ...]  # where in the document: ("models", "fast", "backends", 0)

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHOWN = 64  # characters of an odd key that are printed


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. Line and column count from 1; `path` is empty for the file as a whole.

    No text of it ever holds a value that was written in a key field.
    """

    file: Path
    line: int
    column: int
    path: str
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: "
        path = f"{self.path}: " if self.path else ""
        hint = f" (did you mean {self.suggestion}?)" if self.suggestion else ""
        return f"{where}{path}{self.message}{hint}"


class ConfigErrors(Exception):
    """The config is refused, for all the reasons in `problems` (sorted by position). Show it and keep the last good."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda each: (each.line, each.column, each.path, each.message)))
        super().__init__("\n".join(str(each) for each in self.problems))


def show(location: Location) -> str:
    """`location` as text: `models["llama-3.3"].backends[0].use`, on one line whatever the keys hold."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part[:_SHOWN])}]"
    return text
