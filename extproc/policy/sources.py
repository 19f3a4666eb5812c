"""Rule and data files, read once: every worker, also one started later, runs exactly these bytes."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from forebay.shipped import shipped

AGGREGATOR: Final = "main.rego"
FILE_LIMIT: Final = 4 * 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Module:
    """One Rego file. `name` is what problems call it."""

    name: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sources:
    """What a worker runs: the authors' rules, the shipped aggregator, the data. `revision` names all of it."""

    rules: tuple[Module, ...]
    aggregator: Module
    data: str = field(repr=False)  # one JSON object
    revision: str  # 16 hex digits


class Unusable(Exception):
    """Policy files that cannot be served; `problems` says why, each as `file:line:column: message`."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def shipped_policies() -> Path:
    """The folder of the policies that ship: the aggregator, its schemas, the examples."""
    return shipped("policies")


def read(files: Sequence[Path]) -> Sources:
    """Read `files`: `*.rego` are rules, `*.json` are objects whose keys appear under `data`.

    Raises Unusable with every problem.
    """
    problems: list[str] = []
    rules: list[Module] = []
    data: dict[str, object] = {}
    for path in sorted(set(files)):
        text = _text(path, problems)
        if text is None:
            continue
        if path.suffix == ".rego":
            rules.append(Module(str(path), text))
        elif path.suffix == ".json":
            _merge(data, path, text, problems)
        else:
            problems.append(f"{path}:1:1: neither a .rego nor a .json file")
    if problems:
        raise Unusable(problems)
    aggregator = shipped_policies() / AGGREGATOR
    return of(rules, aggregator.read_text("utf-8"), data)


def of(rules: Sequence[Module], aggregator: str, data: dict[str, object]) -> Sources:
    """Sources from texts, with their revision."""
    encoded = json.dumps(data, ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256()
    for part in (aggregator, encoded, *(part for module in rules for part in (Path(module.name).name, module.text))):
        piece = part.encode()
        digest.update(len(piece).to_bytes(8, "big") + piece)
    return Sources(tuple(rules), Module(AGGREGATOR, aggregator), encoded, digest.hexdigest()[:16])


def _text(path: Path, problems: list[str]) -> str | None:
    try:
        raw = path.read_bytes()
    except OSError as error:
        problems.append(f"{path}:1:1: cannot be read: {error.strerror}")
        return None
    if len(raw) > FILE_LIMIT:
        problems.append(f"{path}:1:1: larger than {FILE_LIMIT} bytes")
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = raw.count(b"\n", 0, error.start) + 1, error.start - raw.rfind(b"\n", 0, error.start)
        problems.append(f"{path}:{line}:{column}: not UTF-8 text")
        return None
    return text.replace("\r\n", "\n")


def _merge(data: dict[str, object], path: Path, text: str, problems: list[str]) -> None:
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except ValueError as error:
        line, column = getattr(error, "lineno", 1), getattr(error, "colno", 1)
        problems.append(f"{path}:{line}:{column}: not JSON: {getattr(error, 'msg', error)}")
        return
    if not isinstance(found, dict):
        problems.append(f"{path}:1:1: not a JSON object")
        return
    taken = sorted(found.keys() & (data.keys() | {"forebay"}))
    if taken:
        problems.append(f"{path}:1:1: {', '.join(taken)}: already defined elsewhere")
        return
    if not _is_plain(found):
        problems.append(f"{path}:1:1: a text in it holds a quote, a backslash or a control character")
        return
    data.update(found)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")


def _is_plain(value: object) -> bool:
    """Whether no text in `value` needs an escape in JSON: the evaluator would compare the escape, not the text."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) == f'"{value}"'
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(each) for key, each in value.items())
    if isinstance(value, list):
        return all(_is_plain(each) for each in value)
    return True
